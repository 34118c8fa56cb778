/** What `Shipper` begins with, decides and is answered. */
import type { DstoreError } from '../../errors.ts'

export interface ShipperStart {
  /** In messages. */
  readonly place: string
  /** The end of the bucket's journal, as it was read after this time. */
  readonly archived: number
  readonly at: number
  readonly acknowledges: boolean
  /** Default: `ARCHIVE_LAG_BYTES`. */
  readonly lagBytes?: number
}

/** What the driver does next; all but `rest` and `ended` want an answer before the next step. */
export type ShipperStep =
  | {
      readonly type: 'append'
      readonly after: number
      readonly entries: readonly Uint8Array[]
    }
  /** What the bucket has after this position, as many entries at most. */
  | { readonly type: 'read'; readonly after: number; readonly count: number }
  /** The store's own entries after this position, so many. */
  | { readonly type: 'load'; readonly after: number; readonly count: number }
  | { readonly type: 'heartbeat' }
  /** Ask again after this time, or when something changed. */
  | { readonly type: 'rest'; readonly ms: number }
  | { readonly type: 'ended' }

export type ShipperAnswer =
  | { readonly type: 'ok' | 'taken' | 'said' }
  /** It may have happened, and may still; or it could not be read. */
  | { readonly type: 'failed'; readonly fault: DstoreError }
  | { readonly type: 'loaded'; readonly entries: readonly Uint8Array[] }
  | { readonly type: 'found'; readonly found: readonly Uint8Array[] | 'gone' }

/** What the bucket lacks. */
export interface Lag {
  readonly entries: number
  readonly bytes: number
  /** Since the oldest of them was appended. */
  readonly ms: number
}
