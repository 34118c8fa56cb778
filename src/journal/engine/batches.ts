/** Packs entries into a batch for a follower. */
import { JOURNAL_BATCH_BYTES } from '../../limits.ts'

/** How many of entries of these lengths, one after another, make a batch: one at least. */
export function batchLength(lengths: readonly number[]): number {
  let bytes = 0
  for (const [i, length] of lengths.entries()) {
    bytes += length
    if (i > 0 && bytes > JOURNAL_BATCH_BYTES) return i
  }
  return lengths.length
}
