/** The events and effects of a Local's index (specs/004-index.md). */
import type { GreetingOptions } from './greeting.ts'
import type { DstoreError } from '../../errors.ts'
import type { Digest, Feed, Message, Request } from '../message.ts'
import type { Rules } from '../rules.ts'
import type { Verdict } from './freshness.ts'
import type { OperationIds } from './operation-ids.ts'
import type { Settled } from './request-queue.ts'
import type { Revalidated } from './revalidation.ts'

/** An event, and its time in milliseconds. */
export type LocalEvent = UntimedLocalEvent & { readonly now: number }

export type UntimedLocalEvent =
  /**
   * A stream to Global is open: the hello goes out on it. A session that goes on beside it must
   * give no message until the hello is answered, which closes that session, or `unanswered`.
   */
  | { readonly type: 'opened' }
  | { readonly type: 'message'; readonly message: Message }
  /** The stream with the last hello is closed, and a session beside it goes on. */
  | { readonly type: 'unanswered'; readonly error: DstoreError }
  /** The stream of the session is closed, or could not be opened. */
  | { readonly type: 'closed'; readonly error: DstoreError }
  | {
      readonly type: 'request'
      readonly ticket: number
      readonly body: Request
      /** Keys that the request is about but does not name: those of the values of a put. */
      readonly digests?: readonly Digest[]
      /** The caller has no other answer than that of Global. */
      readonly isPatient?: boolean
    }
  /** The turn after `schedule-flush` is over: send what is queued. */
  | { readonly type: 'flush' }
  /** The caller of this ticket no longer waits. */
  | { readonly type: 'cancel'; readonly ticket: number }
  /** A reader waits for a verdict. */
  | { readonly type: 'check-freshness'; readonly ticket: number }
  /**
   * Global has done a change of this name that a caller asked for, at this seq; `Infinity` if that
   * is not known. To be said before the caller is answered.
   */
  | { readonly type: 'wrote'; readonly name: string; readonly seq: number }
  /** After `reset`: the keys of all held values. */
  | { readonly type: 'held'; readonly digests: readonly Digest[] }
  | { readonly type: 'tick' }

export type LocalEffect =
  | { readonly type: 'send'; readonly message: Message }
  /** Send `flush` when this turn of the event loop is over, so that its requests share messages. */
  | { readonly type: 'schedule-flush' }
  | (Settled & { readonly type: 'settle' })
  /** Never `wait`. */
  | { readonly type: 'verdict'; readonly ticket: number; readonly verdict: Verdict }
  /**
   * Drop every older incarnation: end its reads, fetches and transfers, and free its memory. Serve
   * the admitted peers from now on, and disconnect the expelled ones.
   */
  | (Pick<Feed, 'removals' | 'unbindings' | 'memberships'> & { readonly type: 'apply' })
  /** Global listens at these: multiaddrs without peer id. */
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  /** These are all members: disconnect every other peer. */
  | { readonly type: 'members'; readonly peers: readonly string[] }
  /** Mark everything held as void and forget all bindings, then send `held`. */
  | { readonly type: 'reset' }
  /**
   * A void value has this incarnation; undefined if it is gone. A value cached since then is not
   * affected.
   */
  | (Revalidated & { readonly type: 'revalidated' })
  /** End every read: the lease expired, or this node is not a member. */
  | { readonly type: 'end-reads'; readonly error: DstoreError }
  /** Close the stream. */
  | { readonly type: 'close'; readonly error: DstoreError }
  /** Global refused this Local. */
  | { readonly type: 'refused'; readonly error: DstoreError }

export interface LocalIndexOptions extends GreetingOptions {
  readonly now: number
  readonly rules?: Rules
  /** Those of this Local, of which Global hears when they end. */
  readonly operations?: OperationIds | undefined
}
