/** What a node does at this moment, for those who watch it (specs/013-page.md). */
import type { MemberEntry } from '../node-members.ts'

/** Counts since the node was opened. */
export interface ActivityCounts {
  /** Bytes of values from peers and to them. */
  readonly peerIn: number
  readonly peerOut: number
  /** Reads that the cache served, and those that it could not; undefined without a cache. */
  readonly hits?: number
  readonly misses?: number
}

/** A value that is on its way between this node and its peers. */
export interface TransferReport {
  readonly id: string
  /** Empty for a stream whose key is known only at its end. */
  readonly key: string
  /** The name that it is put under. */
  readonly name?: string
  /** Missing where the sender has not said. */
  readonly size?: number
  /** Bytes that have come or gone since `startedAt`. */
  readonly done: number
  /** Bytes per second, of late. */
  readonly rate: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly direction: 'in' | 'out'
  /** Those that gave or took the most, at most `TRANSFER_PEERS`. */
  readonly peers: readonly TransferPeer[]
}

export interface TransferPeer {
  readonly peer: string
  readonly label?: string
  readonly bytes: number
}

export interface TransferList {
  /** Number of transfers, of which `transfers` may be only a part. */
  readonly active: number
  readonly transfers: readonly TransferReport[]
}

/** A member as its Global sees it. */
export interface MemberActivity extends Omit<MemberEntry, 'state' | 'since'> {
  /** `doubtful`: connected, but silent for so long that it may not be there. */
  readonly state: MemberEntry['state'] | 'doubtful'
  /** ISO 8601: when it came into that state; one that this run has not seen was admitted then. */
  readonly since: string
  /** Changes that it has not acknowledged; missing for one that holds nothing. */
  readonly behind?: number
  /** Bytes of values that Global has sent to it. */
  readonly bytesServed?: number
  /** Removals that it has not acknowledged; more than Global remembers count as that many. */
  readonly owes?: number
}

/** A removal, and which Locals have acknowledged it. Locals go by label, or else by peer id. */
export interface FollowedRemoval {
  readonly id: string
  /** Where only a name was removed: the key that it was bound to. */
  readonly key: string
  readonly name?: string
  /** ISO 8601. */
  readonly startedAt: string
  /** When the last Local that owed it had acknowledged it; missing while one owes it. */
  readonly endedAt?: string
  /** At most `REMOVAL_LABELS` of each. */
  readonly acknowledged: readonly string[]
  readonly owing: readonly string[]
  readonly acknowledgedCount: number
  readonly owingCount: number
  /** Locals that may not serve what they hold before they have caught up: their lease is over. */
  readonly expiredCount: number
}

export interface NodeActivity {
  counts(): ActivityCounts
  /** Is a transfer or a removal under way, which is worth a look in less than a second? */
  readonly isBusy: boolean
  transfers(): TransferList
  /** Ends a transfer: its callers get `cancelled`. False if there is none. */
  cancelTransfer(id: string): boolean
  /** Only at Global. */
  readonly members?: (() => MemberActivity[]) | undefined
  /** Only at Global. Those that began last come first. */
  readonly removals?: (() => FollowedRemoval[]) | undefined
}
