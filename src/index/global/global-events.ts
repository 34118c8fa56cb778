/** What happens to Global's index, and what it wants done (specs/004-index.md, "Global"). */
import type { Refusal } from '../../membership/refusal.ts'
import type { Location, RecordKey, Row, Transaction } from '../../store/store.ts'
import type { Failure, List, Message, Names, Watch } from '../message.ts'
import type { Inline, Sealed } from './request-plans.ts'
import type { Change } from '../records/record.ts'

/** A Local that is connected; 0 is the node itself. */
export type SessionId = number

export type GlobalEvent =
  | {
      readonly type: 'opened'
      readonly session: SessionId
      readonly peer: string
      readonly now: number
    }
  | { readonly type: 'closed'; readonly session: SessionId; readonly now: number }
  | {
      readonly type: 'message'
      readonly session: SessionId
      readonly message: Message
      readonly now: number
    }
  /** A value was uploaded and sealed: a put of the node itself or for a Local. Answered to SELF. */
  | {
      readonly type: 'uploaded'
      readonly id: number
      readonly value: Sealed
      readonly name: string | undefined
      readonly now: number
    }
  /** What an effect with a ticket asked for. */
  | {
      readonly type: 'rows'
      readonly ticket: number
      readonly rows: readonly (Row | undefined)[]
      readonly now: number
    }
  | {
      readonly type: 'loaded'
      readonly ticket: number
      readonly values: readonly (Uint8Array | undefined)[]
      readonly now: number
    }
  | {
      readonly type: 'sealed'
      readonly ticket: number
      readonly values: readonly Sealed[]
      readonly now: number
    }
  | {
      readonly type: 'committed'
      readonly ticket: number
      readonly seq: number
      readonly now: number
    }
  /** A condition did not hold. */
  | { readonly type: 'conflicted'; readonly ticket: number; readonly now: number }
  /** It could not be done. */
  | {
      readonly type: 'failed'
      readonly ticket: number
      readonly failure: Failure
      readonly now: number
    }
  /** Changes out of the log for a session, from the one after `after` on; fewer than asked for at its end. */
  | {
      readonly type: 'replayed'
      readonly session: SessionId
      readonly after: number
      readonly changes: readonly { readonly seq: number; readonly change: Change }[]
      readonly now: number
    }
  /** The log has let go of the changes up to this one. */
  | { readonly type: 'trimmed'; readonly upto: number; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }

export type GlobalEffect =
  | { readonly type: 'send'; readonly session: SessionId; readonly message: Message }
  | { readonly type: 'read'; readonly ticket: number; readonly keys: readonly RecordKey[] }
  /** Read these values, as many as fit into a message. */
  | {
      readonly type: 'load'
      readonly ticket: number
      readonly values: readonly (Inline | undefined)[]
    }
  /** Hash and seal these small values. */
  | { readonly type: 'stage'; readonly ticket: number; readonly values: readonly Uint8Array[] }
  | { readonly type: 'commit'; readonly ticket: number; readonly transaction: Transaction }
  /** A sealed value is not needed: free it. */
  | { readonly type: 'discard'; readonly location: Location }
  /** Answer this look at many rows from the store. */
  | {
      readonly type: 'page'
      readonly session: SessionId
      readonly id: number
      readonly body: List | Names | Watch
    }
  | {
      readonly type: 'replay'
      readonly session: SessionId
      readonly after: number
      readonly limit: number
    }
  /** A peer is no longer a member: end everything that is done for it, and its connections. */
  | { readonly type: 'cut'; readonly peer: string }
  /** A peer was refused, for the record. */
  | { readonly type: 'refused'; readonly peer: string; readonly why: Refusal }
  /** Send everything sent before, then close the stream. */
  | { readonly type: 'hang-up'; readonly session: SessionId }
