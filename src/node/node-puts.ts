/** What a node stores, how, and what comes of it. */
import type { DstoreError } from '../errors.ts'
import type { Key } from '../hash/key.ts'
import type { FileIdentity } from '../store/file/file-identity.ts'
import type { CallOptions } from './call-options.ts'
import type { NamingOptions } from './node-index.ts'

/** The id of a hold: `HOLD_ID_BYTES` bytes as lower-case hex digits (see `NodeTrees`). */
export type HoldId = string

/** Bytes to store: a stream of known or unknown length, or a file that the node itself opens. */
export type ValueSource =
  | { readonly bytes: AsyncIterable<Uint8Array>; readonly size?: number }
  | {
      /** Absolute. */
      readonly path: string
      /** The file that another process means by the path: any other is `unreadable` (R007-92). */
      readonly identity?: FileIdentity
    }

/** Options of a put. */
export interface PutOptions extends CallOptions {
  /** Bind this write-once name in the same change: both happen, or neither. */
  readonly name?: string
  /** Of `name`: whether it is a tag, and when it expires. */
  readonly naming?: NamingOptions
  /**
   * Put it under this hold, which keeps it: not as a put without a name. Excludes `name`. Error:
   * `not-found` if the hold has ended.
   */
  readonly hold?: HoldId
}

/** Options of a put of many. */
export interface PutManyOptions extends CallOptions {
  /** As in `PutOptions`. */
  readonly hold?: HoldId
}

/** A value of at most `INLINE_VALUE_BYTES`, and the name that is bound in the same change. */
export interface NamedValue {
  readonly value: Uint8Array
  /** Default: none, as of any value that is put without one. */
  readonly name?: string
  /** Of `name`. */
  readonly naming?: NamingOptions
}

/** The outcome of one put among several: each fails alone. */
export type PutOutcome = PutResult | { readonly error: DstoreError }

/** What the move of a tag by a put replaced. */
export interface MovedFrom {
  /** What the tag pointed to before. */
  readonly previous: Key
  /** Until when that is kept, if nothing else holds it; ISO 8601. */
  readonly previousKeptUntil?: string
  /**
   * Peer ids of Locals that were not heard for 3 s: they may show the old target until then. At
   * most `SILENT_LOCALS`.
   */
  readonly silent: readonly string[]
}

/** The outcome of a put. Only where it moved a tag, it has what that was moved from. */
export interface PutResult extends Partial<MovedFrom> {
  readonly key: Key
  readonly size: number
  /** True if the value existed, and nothing was uploaded. */
  readonly existed: boolean
}
