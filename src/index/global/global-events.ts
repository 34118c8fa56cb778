/** The options, events and effects of Global's index (specs/004-index.md). */
import type { Refusal } from '../../membership/refusal.ts'
import type { Location } from '../../store/store.ts'
import type { Contents, List, Message, Names, Naming, Watch } from '../message.ts'
import type { Change } from '../records/change-record.ts'
import type { Rules } from '../rules.ts'
import type { HoldersOf } from './lookup-plans.ts'
import type { Sealed, StoreResult, StoreWork } from './plan.ts'
import type { Recovered } from './recovery.ts'

export interface GlobalIndexOptions {
  readonly recovered: Recovered
  readonly now: number
  /** Wall-clock milliseconds since 1970, read at each event. */
  readonly wall: () => number
  /** How long a Local may serve without hearing Global, in milliseconds. Default: no bound. */
  readonly leaseMs?: number | undefined
  /** Does the archive let this node renew leases now? Default: yes. */
  readonly mayRenew?: (() => boolean) | undefined
  /** When a Local that is out of touch is forgotten, in milliseconds. */
  readonly forgetAfterMs?: number | undefined
  /** The wall clock is right, however far it is off the newest time that was trusted (R004-64). */
  readonly trustClock?: boolean | undefined
  /** Where Global listens: multiaddrs without its peer id. None on a standalone node. */
  readonly addresses?: (() => readonly string[]) | undefined
  readonly holders?: HoldersOf | undefined
  /** May a value of the store be known to be damaged? Default: no. */
  readonly mayBeDamaged?: (() => boolean) | undefined
  readonly rules?: Rules
  /** Children of a directory that one transaction counts: fewer only in tests. */
  readonly batchItems?: number
  /** How long clocks must agree before wall time is trusted: shorter only in tests. */
  readonly wallSettledMs?: number
}

/** A stream from a Local, or `SELF`. */
export type SessionId = number

/** The session of the node's own callers: always welcome, without a hello. */
export const SELF: SessionId = 0

/** An event, and its time in milliseconds. */
export type GlobalEvent = UntimedGlobalEvent & { readonly now: number }

export type UntimedGlobalEvent =
  | { readonly type: 'opened'; readonly session: SessionId; readonly peer: string }
  | { readonly type: 'closed'; readonly session: SessionId }
  | { readonly type: 'message'; readonly session: SessionId; readonly message: Message }
  /** A value was uploaded and sealed, by the node itself or a Local. The answer goes to `SELF`. */
  | {
      readonly type: 'uploaded'
      readonly id: number
      readonly value: Sealed
      readonly name: string | undefined
      readonly naming?: Naming | undefined
      readonly operation?: Uint8Array
      /** The hold that keeps it; then there is no name. */
      readonly hold?: Uint8Array
    }
  /** The result of the work with this ticket. */
  | (StoreResult & { readonly ticket: number })
  /** The changes after `after`, out of the log; fewer than asked for at its end. */
  | {
      readonly type: 'replayed'
      readonly session: SessionId
      readonly after: number
      readonly changes: readonly { readonly seq: number; readonly change: Change }[]
    }
  /** The changes up to this one were trimmed from the log. */
  | { readonly type: 'trimmed'; readonly upto: number }
  | { readonly type: 'tick' }

export type GlobalEffect =
  | { readonly type: 'send'; readonly session: SessionId; readonly message: Message }
  | (StoreWork & { readonly ticket: number })
  /** Free a sealed value that is not needed. */
  | { readonly type: 'discard'; readonly location: Location }
  /** Answer this request with a page of rows or log entries. */
  | {
      readonly type: 'page'
      readonly session: SessionId
      readonly id: number
      readonly body: List | Names | Contents | Watch
    }
  | {
      readonly type: 'replay'
      readonly session: SessionId
      readonly after: number
      readonly limit: number
    }
  /** A peer is no longer a member: end everything that is done for it, and its connections. */
  | { readonly type: 'disconnect'; readonly peer: string }
  /** A peer was refused: count it. */
  | { readonly type: 'refused'; readonly peer: string; readonly why: Refusal }
  /** Close the stream once everything before is sent. */
  | { readonly type: 'close'; readonly session: SessionId }
