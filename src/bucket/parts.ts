/** How a value of known or unknown size is cut into the parts of an upload. */
import {
  ARCHIVE_LARGE_PART_BYTES,
  ARCHIVE_LARGE_PART_FROM,
  ARCHIVE_PART_BYTES,
  MIB,
} from '../limits.ts'

/** A known size is cut into so many parts at most, which leaves a thousand for the outboard. */
const PARTS_OF_KNOWN_SIZE = 9_000

/**
 * Bytes of a part with this number, from 1, unless it is the last. All parts of a known size are
 * equal, which some stores want; of an unknown size those of the first 8 GiB are.
 */
export function partBytes(number: number, size: number | undefined): number {
  if (size !== undefined) {
    const needed = Math.ceil(size / PARTS_OF_KNOWN_SIZE / MIB) * MIB
    return Math.max(ARCHIVE_PART_BYTES, needed)
  }
  return number < ARCHIVE_LARGE_PART_FROM ? ARCHIVE_PART_BYTES : ARCHIVE_LARGE_PART_BYTES
}
