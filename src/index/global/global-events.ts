/** The events and effects of Global's index (specs/004-index.md). */
import type { Refusal } from '../../membership/refusal.ts'
import type { Location, RecordKey, Row, Transaction } from '../../store/store.ts'
import type { Digest, Failure, List, Message, Names, Watch } from '../message.ts'
import type { Change } from '../records/record.ts'
import type { Inline, Sealed, StoredFacts } from './plan.ts'

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
    }
  /** The result of the effect with this ticket. */
  | { readonly type: 'rows'; readonly ticket: number; readonly rows: readonly (Row | undefined)[] }
  | {
      readonly type: 'loaded'
      readonly ticket: number
      readonly values: readonly (Uint8Array | undefined)[]
    }
  | { readonly type: 'inspected'; readonly ticket: number; readonly facts: StoredFacts }
  | { readonly type: 'sealed'; readonly ticket: number; readonly values: readonly Sealed[] }
  | { readonly type: 'committed'; readonly ticket: number; readonly seq: number }
  /** A condition of the transaction did not hold. */
  | { readonly type: 'conflicted'; readonly ticket: number }
  /** The effect could not be carried out. */
  | { readonly type: 'failed'; readonly ticket: number; readonly failure: Failure }
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
  | { readonly type: 'read'; readonly ticket: number; readonly keys: readonly RecordKey[] }
  /** Read these values, as many as fit into one message. */
  | {
      readonly type: 'load'
      readonly ticket: number
      readonly values: readonly (Inline | undefined)[]
    }
  /** Is this stored value damaged, and how much of an interrupted upload is kept? */
  | {
      readonly type: 'inspect'
      readonly ticket: number
      readonly digest: Digest
      readonly location: Location | undefined
    }
  /** Hash and seal these small values. */
  | { readonly type: 'stage'; readonly ticket: number; readonly values: readonly Uint8Array[] }
  | { readonly type: 'commit'; readonly ticket: number; readonly transaction: Transaction }
  /** Free a sealed value that is not needed. */
  | { readonly type: 'discard'; readonly location: Location }
  /** Answer this request with a page of rows or log entries. */
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
  | { readonly type: 'disconnect'; readonly peer: string }
  /** A peer was refused: count it. */
  | { readonly type: 'refused'; readonly peer: string; readonly why: Refusal }
  /** Close the stream once everything before is sent. */
  | { readonly type: 'close'; readonly session: SessionId }
