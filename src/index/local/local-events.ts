/** What happens to a Local's index, and what it wants done (specs/004-index.md, "Local"). */
import type { DstoreError } from '../../errors.ts'
import type {
  Answer,
  Digest,
  Membership,
  Message,
  Removal,
  Request,
  Unbinding,
} from '../message.ts'
import type { Verdict } from './freshness.ts'

export type LocalEvent =
  /** The stream to Global is open. */
  | { readonly type: 'opened'; readonly now: number }
  | { readonly type: 'message'; readonly message: Message; readonly now: number }
  /** The stream is gone, or could not be opened. */
  | { readonly type: 'closed'; readonly now: number; readonly error: DstoreError }
  | {
      readonly type: 'request'
      readonly ticket: number
      readonly body: Request
      /** Keys that the request is about, where its body does not say so: those of values to be put. */
      readonly digests?: readonly Digest[]
      readonly now: number
    }
  /** A moment has passed since `gather`. */
  | { readonly type: 'gathered'; readonly now: number }
  /** The caller no longer waits. */
  | { readonly type: 'cancel'; readonly ticket: number }
  /** A reader asks whether what is held may be served. */
  | { readonly type: 'consult'; readonly ticket: number; readonly now: number }
  /** After `reset`: everything that is held. */
  | { readonly type: 'held'; readonly digests: readonly Digest[]; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }

export type LocalEffect =
  | { readonly type: 'send'; readonly message: Message }
  /** Say `gathered` when this turn of the event loop is over: what is asked meanwhile goes in few messages. */
  | { readonly type: 'gather' }
  | {
      readonly type: 'settle'
      readonly ticket: number
      readonly result: Answer | DstoreError
      /** May what the answer says be kept? */
      readonly keep: boolean
    }
  /** Never `wait`. */
  | { readonly type: 'verdict'; readonly ticket: number; readonly verdict: Verdict }
  /** Let go of every older incarnation: end its reads, fetches and transfers, free its memory. */
  | {
      readonly type: 'apply'
      readonly removals: readonly Removal[]
      readonly unbindings: readonly Unbinding[]
      /** Who is to be served from now on, and who is to be cut. */
      readonly memberships: readonly Membership[]
    }
  /** These are all members: cut whoever is none. */
  | { readonly type: 'members'; readonly peers: readonly string[] }
  /** Everything that is held is void until it is confirmed, bindings are gone; then say `held`. */
  | { readonly type: 'reset' }
  /** What was void is this incarnation, or gone where undefined. What was put into the cache anew stays as it is. */
  | { readonly type: 'verified'; readonly digest: Digest; readonly incarnation: number | undefined }
  /** What is held may not be served, because the lease ran out or this node is no member: end every read. */
  | { readonly type: 'cut'; readonly error: DstoreError }
  /** Drop the stream: it is of no more use. */
  | { readonly type: 'hang-up'; readonly error: DstoreError }
  /** Global will not have this Local as it is. */
  | { readonly type: 'refused'; readonly error: DstoreError }
