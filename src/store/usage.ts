/** What a store says of the space that it takes. */

export interface StoreUsage {
  /** Bytes of adopted values, without outboards and records. */
  readonly valueBytes: number
  /** Number of adopted values. */
  readonly values: number
  /**
   * The most that adopted and staged values may have together; undefined: no such quota, as in a
   * store with an archive.
   */
  readonly quotaBytes?: number
  /**
   * Bytes that may still be staged under the store's quota; undefined without one. With an archive,
   * those that large values may have together while they are put: small ones are not counted.
   */
  readonly headroomBytes: number | undefined
  /** Number of adopted values known to be damaged. */
  readonly damaged: number
  /** Bytes of partial uploads kept for resumption. */
  readonly unfinishedBytes: number
  /** In a store with an archive, whose disk is a cache of large values. */
  readonly archived?: ArchivedUsage
}

/** Counts start over with each opening of the store. */
export interface ArchivedUsage {
  /** Bytes of adopted values in files on this disk. */
  readonly localBytes: number
  /** The most that files on this disk may have together; undefined: no such bound. */
  readonly budgetBytes?: number
  readonly localFiles: number
  /** Files that were deleted to make room. */
  readonly evictions: number
  /** Reads of values that were on this disk. */
  readonly hits: number
  /** Reads of values that were not. */
  readonly misses: number
  /** Of files that were fetched whole, to be kept. */
  readonly fetchedBytes: number
}
