/** Directories that requests lead through, kept decoded. */
import { test } from '../../serial.ts'
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { KeptListings } from '../../../src/daemon/http/trees/kept-listings.ts'
import type { Node } from '../../../src/node/node.ts'

const BOUNDS = { keptBytes: 100_000, smallBytes: 10_000 }

const { digest } = hash(new Uint8Array(0))

/** The bytes of a directory of this many entries, which no other has. */
function directory(count: number, seed: number): Uint8Array {
  const entry: Entry = { type: 'file', digest, size: 0, executable: false }
  return encodeDirectory(Array.from({ length: count }, (_, i) => [`${seed} file ${i}`, entry]))
}

/** A node with these values, which counts who reads. */
class Reads {
  readonly values = new Map<string, Uint8Array>()
  asked = 0
  read = 0
  active = 0
  mostActive = 0
  readonly node = {
    get: (key: Key): unknown => {
      this.asked++
      const value = this.values.get(key.toHex())
      if (value === undefined) return Promise.reject(new DstoreError('not-found', 'gone'))
      return Promise.resolve({ size: value.byteLength, bytes: this.#bytes(value) })
    },
  } as unknown as Node

  add(value: Uint8Array): Key {
    const key = new Key(hash(value).digest, 'directory')
    this.values.set(key.toHex(), value)
    return key
  }

  async *#bytes(value: Uint8Array): AsyncGenerator<Uint8Array> {
    this.read++
    this.mostActive = Math.max(this.mostActive, ++this.active)
    try {
      await new Promise((resolve) => setTimeout(resolve, 2))
      yield value
    } finally {
      this.active--
    }
  }
}

test('R007-229 a directory is decoded once, and asked for each time', async (t) => {
  const reads = new Reads()
  const kept = new KeptListings(BOUNDS)
  const key = reads.add(directory(10, 1))
  for (let i = 0; i < 3; i++) t.is((await kept.get(reads.node, key, {})).entries.length, 10)
  t.is(reads.read, 1)
  t.true(reads.asked >= 3)
  reads.values.clear()
  await t.throwsAsync(kept.get(reads.node, key, {}), { code: 'not-found' })
})

test('R007-229 large directories are decoded one at a time, small ones side by side', async (t) => {
  const reads = new Reads()
  const kept = new KeptListings(BOUNDS)
  const large = [1, 2, 3].map((seed) => reads.add(directory(200, seed)))
  const all = [...large, ...large].map((key) => kept.get(reads.node, key, {}))
  for (const { entries } of await Promise.all(all)) t.is(entries.length, 200)
  t.is(reads.mostActive, 1)
  t.is(reads.read, 3, 'each of them once')
  const small = [4, 5, 6].map((seed) => reads.add(directory(3, seed)))
  await Promise.all(small.map((key) => kept.get(reads.node, key, {})))
  t.is(reads.mostActive, 3)
})

test('R007-229 a failure holds up no other, and what was used last stays', async (t) => {
  const reads = new Reads()
  const kept = new KeptListings(BOUNDS)
  const bad = reads.add(new Uint8Array(50_000))
  const first = reads.add(directory(400, 1))
  const failed = kept.get(reads.node, bad, {})
  t.is((await kept.get(reads.node, first, {})).entries.length, 400)
  await t.throwsAsync(failed, { code: 'integrity' })
  // About 27 kB each: the fourth displaces the first.
  for (const seed of [2, 3, 4]) await kept.get(reads.node, reads.add(directory(400, seed)), {})
  const before = reads.read
  await kept.get(reads.node, reads.add(directory(400, 4)), {})
  t.is(reads.read, before)
  await kept.get(reads.node, first, {})
  t.is(reads.read, before + 1)
})
