/**
 * The store that a Local's state directory has from the time when its node was standalone or
 * Global. The Local does not serve it (specs/007, "Stores of an earlier role").
 */
import type { Key } from '../hash/key.ts'
import type { CallOptions } from './call-options.ts'

/** What is in an inactive store. */
export interface InactiveStatus {
  readonly values: number
  readonly valueBytes: number
  readonly names: number
  /** Why it cannot be read; the figures are then 0. */
  readonly error?: string
}

/** A value of an inactive store. */
export interface InactiveValue {
  readonly key: Key
  /** Bytes. */
  readonly size: number
  readonly names: readonly string[]
}

/** How the upload of an inactive store ended. */
export interface UploadSummary {
  /** Values of the store that are at Global now, as it answered at the end. */
  readonly values: number
  readonly valueBytes: number
  /** Names of the store that are bound to the same keys at Global, as it answered at the end. */
  readonly names: number
  /** Values that this upload sent; Global had the others before. */
  readonly sentValues: number
  /** Bytes of values that it sent: of a large one that it resumed, the rest. */
  readonly sentBytes: number
  /** Values of the store that are not at Global: damaged ones, and those removed meanwhile. */
  readonly missingValues: number
  /** Names of the store that are not bound at Global, or to another key. */
  readonly missingNames: number
}

/** Events of an upload: any number of the first three, then `done`. */
export type InactiveUpload =
  | {
      readonly type: 'progress'
      /** `verify`: all is sent, and Global is asked for everything once more. */
      readonly phase: 'upload' | 'verify'
      readonly values: number
      readonly totalValues: number
      readonly doneBytes: number
      readonly totalBytes: number
    }
  /** The store cannot give this value, and Global does not have it. */
  | { readonly type: 'damaged'; readonly key: Key; readonly size: number }
  /** Global does not bind this name. */
  | { readonly type: 'refused'; readonly name: string; readonly key: Key; readonly reason: string }
  | ({ readonly type: 'done' } & UploadSummary)

/** Options of the deletion of an inactive store. */
export interface DropOptions extends CallOptions {
  /** Delete it although Global does not have all of it, or cannot be asked. */
  readonly force?: boolean
}

/** The calls of a Local that concern its inactive store. */
export interface NodeInactive {
  /** A value by its key or name; undefined if the store has none. */
  find(keyOrName: Key | string): Promise<InactiveValue | undefined>

  /**
   * Uploads every value of the store to Global, and binds its names there. Values that Global has
   * are not sent. It may be repeated after any failure, and continues. Errors: `not-found` without
   * a store, `busy` while another upload or deletion is in progress, `no-space`, `not-permitted`,
   * `unreachable`, `timeout`, `cancelled`.
   */
  upload(options?: CallOptions): AsyncGenerator<InactiveUpload, void, undefined>

  /**
   * Deletes the store; returns what was in it. Errors: `conflict` if Global does not have every
   * value and name of it now, and `force` is not set; `not-found`, `busy`, `unreachable`,
   * `unwritable`.
   */
  drop(options?: DropOptions): Promise<InactiveStatus>
}
