/**
 * A store that only follows: it applies the entries of others to its records, and opens nothing
 * else (specs/005-storage.md, "A follower"). A set's standby has one until it takes over; then the
 * follower is closed, and the store is opened.
 */
import type { ChainPosition } from '../../journal/chain.ts'
import type { Location } from '../store.ts'

export interface Follower {
  /** Of the last entry that was applied. */
  readonly position: ChainPosition

  /**
   * Applies entries that follow `position`. The caller knows that they are acknowledged. Waits
   * while the records are far behind. Errors: `integrity` where the chain parts; faults of the disk.
   */
  apply(entries: readonly Uint8Array[]): Promise<void>

  /** As `ArchiveSource.copyRecords`. */
  copyRecords(directory: string): Promise<ChainPosition>

  /** Digest of all rows, with the position that they are of. */
  rowsDigest(): Promise<{ readonly position: number; readonly digest: Uint8Array }>

  /** Is this file named by a record? */
  isNamed(file: Location): boolean

  /** Takes what was applied into the records, durably, and closes them. */
  close(): Promise<void>
}
