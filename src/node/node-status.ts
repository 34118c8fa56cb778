/** What `status` tells of a node. Times are ISO 8601; peers are peer ids. */
import type { FileTierStatus } from './files/file-tier.ts'
import type { NameCountsStatus } from '../index/global/names/name-counts-status.ts'
import type { SetReport } from './global/set/set-report.ts'
import type { ArchiveReport } from './global/archive/archive-report.ts'
import type { ErrorCode } from '../errors.ts'
import type { MemberRole } from '../membership/role.ts'
import type { InactiveStatus } from './node-inactive.ts'
import type { PinsStatus } from './pins/node-pins.ts'
import type { RuleState } from './node-rules.ts'
import type { RefusalCounts } from '../membership/refusal.ts'

/**
 * `global`: canonical index and durable copy; `local`: a cache of them; `standalone`: both in one
 * process.
 */
export type Role = 'standalone' | 'global' | 'local'

/** The memory of a Local's cache, and the reads of both tiers since the start. */
export interface CacheStatus {
  readonly usedBytes: number
  readonly budgetBytes: number
  readonly values: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  /** The tier of files; missing where there is none. */
  readonly files?: FileTierStatus
  /** Why there is none. */
  readonly noFiles?: string
}

/** Bytes of values exchanged with a peer since this node started, proofs included. */
export interface PeerTraffic {
  readonly peer: string
  readonly valueBytesIn: number
  readonly valueBytesOut: number
  /** How often it sent bytes that failed verification, or broke the protocol. */
  readonly lies: number
}

/** A Local in Global's register. */
export interface RegisteredLocal {
  readonly peer: string
  readonly connected: boolean
  /** The last change that it acknowledged. */
  readonly seq: number
}

/** A Local's link to its Global. */
export interface GlobalStatus {
  /** Its peer id. */
  readonly peer: string
  /** Where it is connected now; undefined while it is away. */
  readonly address: string | undefined
  /** Every address that this Local knows, in the order in which it tries them. */
  readonly addresses: readonly string[]
  /** `doubtful`: connected, but silent for so long that reads ask Global first. */
  readonly state: 'connected' | 'doubtful' | 'away'
  /** When this state began, connected or away. */
  readonly since: string
  /** Undefined before the first connection. */
  readonly lastHeard: string | undefined
  /** How long the last greeting or ping took to be answered, in milliseconds. */
  readonly roundTripMs: number | undefined
  /** The version of its implementation; undefined if it does not report it. */
  readonly version?: string | undefined
  /** The TCP port on which it accepts lanes. */
  readonly lanePort?: number | undefined
  /** The role of this node there; undefined if it does not report it. */
  readonly role?: MemberRole | undefined
  /** Its wall clock less this node's, in milliseconds, give or take half a round trip. */
  readonly clockDifferenceMs?: number | undefined
  /** Why it is away. */
  readonly error?: string | undefined
  /** The code of that error. */
  readonly errorCode?: ErrorCode | undefined
  /** Why bulk goes over the encrypted stream and by no lane; undefined if that is not so. */
  readonly laneFault?: string | undefined
}

/** Does the node delete anything that is too old by the wall clock, and why not? */
export interface ClockStatus {
  readonly trusted: boolean
  /**
   * `starting`, `set`: the node started, or the clock was set, within the last ten minutes.
   * `ahead`, `behind`: the clock is a day or more off the newest time that the node trusted.
   */
  readonly why?: 'starting' | 'set' | 'ahead' | 'behind'
  /** How long such a clock still has to run evenly, in milliseconds. */
  readonly leftMs?: number
  /** How far the clock is off, in milliseconds. */
  readonly offMs?: number
}

/** The store of a Global or standalone node. */
export interface StoreStatus {
  readonly kind: 'memory' | 'disk'
  readonly durable: boolean
  readonly values: number
  readonly valueBytes: number
  /** The most that its values may have together; undefined: no such quota. */
  readonly quotaBytes?: number
  /** Bytes that still fit, by quota and disk; undefined if neither bounds them. */
  readonly headroomBytes: number | undefined
  /** Values known to be damaged; they are not served. */
  readonly damaged: number
  /** Values that directories hold and that are missing, if any, as after a removal by force. */
  readonly missingHeld?: number
  /** Bytes of interrupted puts that can be resumed. */
  readonly unfinishedBytes: number
  readonly seq: number
}

/** What a node is and does. */
export interface NodeStatus {
  readonly role: Role
  readonly version: string
  readonly startedAt: string
  /** Undefined on a standalone node, which has no network. */
  readonly peerId: string | undefined
  readonly listen: readonly string[]
  /** The TCP port on which it accepts lanes for bulk; undefined if it accepts none. */
  readonly lanePort: number | undefined
  /**
   * Position in the order of changes: the last durable one at Global, the last applied one at a
   * Local.
   */
  readonly position: string | undefined
  /** The lease that Global grants its Locals, in milliseconds; undefined if it grants none. */
  readonly leaseMs: number | undefined
  /** Undefined at a Local, which deletes nothing by age. */
  readonly clock: ClockStatus | undefined
  /** Only at a Local. */
  readonly global: GlobalStatus | undefined
  /** Locals connected to this Global. */
  readonly locals: readonly string[]
  /** Every Local that removals wait for, connected or not. */
  readonly registered: readonly RegisteredLocal[]
  /** Number of peers known to be members; undefined on a standalone node. */
  readonly members: number | undefined
  /** Refusals since the start, by reason; undefined on a standalone node. */
  readonly refused: RefusalCounts | undefined
  readonly store: StoreStatus | undefined
  /** Of a member of a set. */
  readonly set?: SetReport | undefined
  /** Of a node with an archive. */
  readonly archive?: ArchiveReport | undefined
  /** Of a Global or standalone node, since its start. */
  readonly names?: NameCountsStatus
  /** The rules of a Global or standalone node; missing where there are none. */
  readonly rules?: readonly RuleState[]
  readonly cache: CacheStatus | undefined
  /** Only at a Local. */
  readonly pins?: PinsStatus
  /** A store of an earlier role that this Local does not serve; undefined if there is none. */
  readonly inactiveStore?: InactiveStatus | undefined
  readonly traffic: readonly PeerTraffic[]
}
