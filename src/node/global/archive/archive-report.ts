/** What `status` tells of an archive. Times are ISO 8601. */
import type { ArchiveState } from '../../../archive/state.ts'
import type { ErrorCode } from '../../../errors.ts'

export interface ArchiveReport {
  readonly state: ArchiveState
  /** `s3://BUCKET/PREFIX` */
  readonly place: string
  /** Puts wait until the bucket has them. */
  readonly acknowledges: boolean
  /** May leases be renewed and changes acknowledged? */
  readonly mayServe: boolean
  /** The last entry of the node's own journal, and of the bucket's. */
  readonly own: number
  readonly archived: number
  /** What the bucket lacks: a restore now would lose it. */
  readonly lagEntries: number
  readonly lagBytes: number
  /** The age of the oldest entry that it lacks. */
  readonly lagMs: number
  /** Since the start, as the bucket bills them. */
  readonly requests: {
    /** PUT, POST and LIST. */
    readonly writes: number
    /** GET and HEAD. */
    readonly reads: number
    readonly deletes: number
    readonly failed: number
  }
  /** Missing until the first copy is complete: nothing can be restored before. */
  readonly snapshot?: { readonly position: number; readonly at: string }
  /** Values in files that are in the bucket, of all; only while they are first copied. */
  readonly firstCopy?: { readonly done: number; readonly total: number }
  /** Large values on this disk, which is a cache of the bucket; counts since the start. */
  readonly disk?: {
    readonly usedBytes: number
    /** Missing: as much as the disk takes. */
    readonly budgetBytes?: number
    readonly values: number
    readonly evictions: number
    readonly hits: number
    readonly misses: number
    /** Bytes that were fetched from the bucket. */
    readonly fetchedBytes: number
  }
  /** The last fault of the bucket, until the bucket has all again. */
  readonly error?: string
  readonly errorCode?: ErrorCode
  readonly errorAt?: string
}
