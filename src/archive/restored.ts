/** What a restore says to the opening that follows it. */
export interface Restored {
  /** The last entry of the other node. */
  readonly position: number
  /**
   * Did the other node end in order? Otherwise `StoreArchive.opened` resolves only when it is
   * certain that the other acknowledges nothing more: `ARCHIVE_LAG_MS + ARCHIVE_MARGIN_MS` after it
   * was fenced.
   */
  readonly saidFarewell: boolean

  /** By the clock of the restore. */
  readonly fencedAt: number
}
