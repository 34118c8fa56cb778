import { test } from '../serial.ts'
import { blake3 } from '@noble/hashes/blake3.js'
import { createHasher, hash } from '../../src/hash/hasher.ts'
import { BLAKE3_SIZES, TREE_SIZES, pattern, same } from './sizes.ts'

for (const size of new Set([...BLAKE3_SIZES, ...TREE_SIZES])) {
  test(`R002-1: the digest of ${size} bytes is the oracle's, in one piece and in many`, (t) => {
    const value = pattern(size)
    const expected = blake3(value)
    t.deepEqual(hash(value).digest, expected)
    for (const step of [1000, 4096, 16384, 70_000]) {
      const hasher = createHasher()
      for (let at = 0; at < size; at += step) hasher.update(value.subarray(at, at + step))
      t.true(same(hasher.finish(), hash(value)))
    }
  })
}
