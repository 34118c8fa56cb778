/** What a node stores, how, and what comes of it. */
import type { Key } from '../hash/key.ts'
import type { FileIdentity } from '../store/file/file-identity.ts'
import type { CallOptions } from './call-options.ts'

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

/** The outcome of a put. */
export interface PutResult {
  readonly key: Key
  readonly size: number
  /** True if the value existed, and nothing was uploaded. */
  readonly existed: boolean
}
