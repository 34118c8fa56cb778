/** The lengths at which trees change, shared by the tests of the hash layer. */
import { equal } from '../../src/bytes.ts'
import type { Hashed } from '../../src/hash/hasher.ts'
import { CHUNK_BYTES, GROUP_BYTES } from '../../src/limits.ts'

/**
 * The lengths that the BLAKE3 project publishes vectors for, with 8 KiB and its neighbours among
 * them.
 */
export const BLAKE3_SIZES: readonly number[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8], // nothing, and less than a word or two
  [63, 64, 65, 127, 128, 129], // blocks
  [1023, 1024, 1025], // one chunk
  [2, 3, 4, 5, 6, 7, 8].flatMap((chunks) => [chunks * CHUNK_BYTES, chunks * CHUNK_BYTES + 1]),
  [16384, 31744, 102400], // a group, an odd number of chunks, several groups
].flat()

/** Where a value's number of groups, or the depth of their tree, changes. */
export const TREE_SIZES: readonly number[] = [
  ...[1, 2, 3, 4, 5, 7, 8, 9, 16].flatMap((groups) => [
    groups * GROUP_BYTES - 1,
    groups * GROUP_BYTES,
    groups * GROUP_BYTES + 1,
  ]),
  2 * GROUP_BYTES + CHUNK_BYTES, // a last group of one chunk
  33 * GROUP_BYTES + 5 * CHUNK_BYTES + 17, // a last group of some chunks and a bit
]

/** The input that BLAKE3's vectors use: byte i is i mod 251, so that no two chunks are alike. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i % 251
  return bytes
}

/** Are both the same digest, size and outboard? Quicker than a deep comparison by far. */
export function same(a: Hashed, b: Hashed): boolean {
  return a.size === b.size && equal(a.digest, b.digest) && equal(a.outboard, b.outboard)
}
