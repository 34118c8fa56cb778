/**
 * What `status` shows of names. The library's types have it: it imports nothing of the records.
 */

/** Counts since the start of the run. */
export interface NameCountsStatus {
  /** Moves of tags to another target. */
  readonly moves: number
  /** Names that were unbound as they had expired. */
  readonly expired: number
  /** Former targets of tags that were removed when their time was over. */
  readonly replaced: number
}
