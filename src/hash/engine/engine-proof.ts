/** The test of an engine before its first use (R002-4, R002-19). */
import { blake3 } from '@noble/hashes/blake3.js'
import { equal } from '../../bytes.ts'
import { CHUNK_BYTES, DIGEST_BYTES, GROUP_BYTES } from '../../limits.ts'
import type { Engine } from './engine.ts'
import { hashSubtree } from './subtree.ts'

/** Nothing; one block; a chunk and a byte; enough for full lanes, idle lanes and an odd tree. */
const PROOF_BYTES = [0, 64, CHUNK_BYTES + 1, 7 * CHUNK_BYTES + 100]

/** What the oracle said. It is slow, and two engines may be tested. */
const digests = new Map<string, Uint8Array>()

function oracle(name: string, value: Uint8Array): Uint8Array {
  const digest = digests.get(name) ?? blake3(value)
  digests.set(name, digest)
  return digest
}

/** The first disagreement of engine and oracle, or undefined. Takes about a millisecond. */
export function disproof(engine: Engine): string | undefined {
  const digest = new Uint8Array(DIGEST_BYTES)
  for (const length of PROOF_BYTES) {
    const value = Uint8Array.from({ length }, (_, i) => (i * 151) >> 3)
    engine.subtree(value, 0, true, digest, 0)
    if (!equal(digest, oracle(`${length}`, value))) return `at ${length} bytes`
  }
  // Groups and parents are another path to the same root.
  const value = Uint8Array.from({ length: 4 * CHUNK_BYTES }, (_, i) => i >> 2)
  const cvs = new Uint8Array(2 * DIGEST_BYTES)
  engine.groups([value], 0, 2 * CHUNK_BYTES, cvs, 0)
  engine.parent(cvs, 0, true, digest, 0)
  if (!equal(digest, oracle('tree', value))) return 'in the tree'
  const pairs = new Uint8Array(4 * DIGEST_BYTES)
  engine.groups([value], 0, CHUNK_BYTES, pairs, 0)
  engine.parents(pairs, cvs)
  engine.parent(cvs, 0, true, digest, 0)
  return equal(digest, oracle('tree', value)) ? undefined : 'in the pairs of a proof'
}

/** Two windows of 16 lanes, and a rest in each of the narrower ones: 16, 8, 4, 2, 1 and a part. */
const WIDE_BYTES = 4 * GROUP_BYTES + 31 * CHUNK_BYTES + 100

/** Where a chunk's index needs more than 32 bits, from the 16th on, and more than 31. */
const CHUNKS = [0, 2 ** 32 - 16, 2 ** 31]

/** The same between an engine with wider lanes and one that was tested against the oracle. */
export function disagreement(engine: Engine, proved: Engine): string | undefined {
  const value = Uint8Array.from({ length: WIDE_BYTES }, (_, i) => (i * 151) >> 5)
  const [cv, right] = [new Uint8Array(8 * DIGEST_BYTES), new Uint8Array(8 * DIGEST_BYTES)]
  for (const length of [4, 5, 15, 16].map((chunks) => chunks * CHUNK_BYTES - (chunks % 2))) {
    for (const chunk of CHUNKS) {
      const bytes = value.subarray(0, length)
      for (const [one, out] of [[engine, cv] as const, [proved, right] as const]) {
        one.subtree(bytes, chunk, false, out, DIGEST_BYTES)
      }
      if (!equal(cv, right)) return `at ${length} bytes from chunk ${chunk}`
    }
  }
  for (const groupBytes of [4 * CHUNK_BYTES, GROUP_BYTES]) {
    const bytes = value.subarray(0, GROUP_BYTES)
    engine.groups([bytes], CHUNKS[1]!, groupBytes, cv, DIGEST_BYTES)
    proved.groups([bytes], CHUNKS[1]!, groupBytes, right, DIGEST_BYTES)
    if (!equal(cv, right)) return `in groups of ${groupBytes} bytes`
  }
  for (const [length, root] of [[WIDE_BYTES, true] as const, [4 * GROUP_BYTES, false] as const]) {
    const bytes = value.subarray(0, length)
    const found = hashSubtree(bytes, 0, root, GROUP_BYTES, engine)
    const expected = hashSubtree(bytes, 0, root, GROUP_BYTES, proved)
    if (!equal(found.cv, expected.cv)) return `at ${length} bytes with their outboard`
    if (!equal(found.outboard, expected.outboard)) return `in the outboard of ${length} bytes`
  }
  return undefined
}
