import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { GROUP_BYTES, SEGMENT_BYTES, VALUE_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import { pattern } from '../../hash/sizes.ts'

const keys = Array.from({ length: 6 }, (_, i) => new Key(hash(Uint8Array.of(i)).digest))
const whole = (size: number): { start: number; end: number } => ({ start: 0, end: size })

function fill(cache: Cache, key: Key, size: number): void {
  const value = cache.admit(key, size, 1, whole(size))!
  for (let at = 0; at < size; at += SEGMENT_BYTES) {
    value.write(at, new Uint8Array(Math.min(SEGMENT_BYTES, size - at)))
  }
  cache.settle(value)
}

test('whatever is admitted, written, drafted, used, evicted and removed: the budget holds', (t) => {
  const step = fc.record({
    what: fc.constantFrom('admit', 'fill', 'draft', 'use', 'evict', 'remove', 'settle'),
    key: fc.nat(keys.length - 1),
    size: fc.constantFrom(0, 1, GROUP_BYTES, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new Cache(5 * SEGMENT_BYTES)
      const used = new Map<number, { value: object; release: () => void }>()
      const sizes = new Map<number, number>()
      for (const { what, key: at, size: wanted } of steps) {
        const key = keys[at]!
        // A key has one size.
        const size = sizes.get(at) ?? wanted
        sizes.set(at, size)
        if (what === 'admit') cache.admit(key, size, 1, whole(Math.min(size, SEGMENT_BYTES)))
        else if (what === 'fill' && 3 * SEGMENT_BYTES >= size) {
          if (cache.admit(key, size, 1, whole(size)) !== undefined) fill(cache, key, size)
        } else if (what === 'draft') {
          const draft = cache.reserve(key, size)
          if (at % 2 === 0) draft?.publish(1)
          else draft?.discard()
          // What was published takes the place of what was there.
          if (cache.peek(key) !== used.get(at)?.value) {
            used.get(at)?.release()
            used.delete(at)
          }
        } else if (what === 'use') {
          const value = cache.get(key)
          if (value !== undefined && !used.has(at)) used.set(at, { value, release: value.use() })
        } else if (what === 'evict') {
          used.get(at)?.release()
          used.delete(at)
          cache.evict(key)
        } else if (what === 'remove') {
          used.get(at)?.release()
          used.delete(at)
          cache.remove(key)
        } else {
          const value = cache.get(key)
          if (value !== undefined) cache.settle(value)
        }
        const { usedBytes, budgetBytes } = cache.status()
        t.true(usedBytes >= 0 && usedBytes <= budgetBytes, `${usedBytes} after ${what}`)
        const held = [...cache.values()].reduce((sum, value) => sum + value.heldBytes, 0)
        t.true(held <= usedBytes, 'what is held is charged')
        for (const [one, { value }] of used) {
          const present = cache.get(keys[one]!)
          t.is(present, value as never, 'in use, and gone')
        }
      }
      for (const { release } of used.values()) release()
      for (const key of keys) cache.evict(key)
      t.is(cache.status().usedBytes, 0, 'everything is given back')
    }),
    { numRuns: 300 },
  )
})

test('to make room, what was used longest ago goes first, and never what is in use', (t) => {
  const cache = new Cache(4 * SEGMENT_BYTES)
  for (const key of keys.slice(0, 3)) fill(cache, key, SEGMENT_BYTES)
  const release = cache.get(keys[0]!)!.use()
  cache.get(keys[1]!)
  fill(cache, keys[3]!, 2 * SEGMENT_BYTES - 8 * GROUP_BYTES)
  t.truthy(cache.get(keys[0]!), 'in use')
  t.is(cache.get(keys[2]!), undefined, 'used longest ago')
  t.is(cache.admit(keys[4]!, 4 * SEGMENT_BYTES, 1, whole(4 * SEGMENT_BYTES)), undefined)
  t.truthy(cache.get(keys[0]!), 'nothing goes for what would not fit all the same')
  release()
})

test('parts are held, read and completed', (t) => {
  const size = 2 * SEGMENT_BYTES + 100
  const bytes = pattern(size)
  const cache = new Cache(8 * SEGMENT_BYTES)
  const part = { start: SEGMENT_BYTES, end: SEGMENT_BYTES + GROUP_BYTES }
  const value = cache.admit(keys[0]!, size, 1, part)!
  value.write(part.start, bytes.subarray(part.start, part.end))
  cache.settle(value)
  t.is(value.view(whole(size)), undefined)
  t.deepEqual(value.view({ start: part.start + 5, end: size })?.byteLength, GROUP_BYTES - 5)
  t.is(cache.admit(keys[0]!, size, 1, whole(size)), value, 'the same entry grows')
  value.write(0, bytes)
  const parts: Uint8Array[] = []
  for (let at = 0; at < size;) {
    const view = value.view({ start: at, end: size })!
    parts.push(view)
    at += view.byteLength
  }
  t.deepEqual(Buffer.concat(parts), Buffer.from(bytes))
})

test('a value that is put again is another entry, and a removed one can be neither read nor written', (t) => {
  const cache = new Cache(8 * SEGMENT_BYTES)
  const old = cache.admit(keys[0]!, 10, 1, whole(10))!
  const again = cache.admit(keys[0]!, 10, 5, whole(10))!
  t.not(again, old)
  t.throws(() => old.write(0, new Uint8Array(10)), { instanceOf: DstoreError, code: 'removed' })
  cache.remove(keys[0]!)
  t.true(again.dropped.aborted)
  t.is(cache.get(keys[0]!), undefined)
  t.is(cache.status().usedBytes, 0)
})

test('an answer about an earlier put takes neither the entry of a later one nor its place', (t) => {
  const cache = new Cache(8 * SEGMENT_BYTES)
  const entry = cache.admit(keys[0]!, 10, 5, whole(10))!
  t.is(cache.admit(keys[0]!, 10, 4, whole(10)), undefined)
  t.is(cache.peek(keys[0]!), entry)
  t.is(entry.incarnation, 5)
  t.false(entry.isDropped)
})

test('an empty value is an entry like any other', (t) => {
  const cache = new Cache(SEGMENT_BYTES)
  const value = cache.admit(keys[0]!, 0, 1, whole(0))!
  value.write(0, new Uint8Array(0))
  t.true(value.held.covers(whole(0)))
  t.is(value.heldBytes, 0)
})

test('a value whose tree alone is beyond the budget takes no memory, whatever length it claims', (t) => {
  const cache = new Cache(SEGMENT_BYTES)
  t.is(cache.admit(keys[0]!, VALUE_BYTES, 1, whole(1)), undefined)
  t.is(cache.reserve(keys[0]!, VALUE_BYTES), undefined)
  t.is(cache.status().usedBytes, 0)
})

test('R003-115: values that are offered and not read are bounded in memory, and the oldest dropped', (t) => {
  const cache = new Cache(64 * SEGMENT_BYTES)
  const offered = new Uint8Array(GROUP_BYTES)
  const keyOf = (i: number): Key => new Key(hash(Uint8Array.of(1, i >> 8, i & 255)).digest)
  const used = cache.prepare(keyOf(0), GROUP_BYTES, 1, whole(GROUP_BYTES), offered)!
  const release = used.use()
  for (let i = 1; i <= 1000; i++) {
    t.truthy(cache.prepare(keyOf(i), GROUP_BYTES, 1, whole(GROUP_BYTES), offered))
  }
  const there = Array.from({ length: 1001 }, (_, i) => i).filter((i) => cache.peek(keyOf(i)))
  t.true(there.length > 400 && there.length < 500, `${there.length} are there`)
  t.is(there[0], 0, 'in use')
  t.deepEqual(
    there.slice(1),
    Array.from({ length: there.length - 1 }, (_, i) => there[1]! + i),
  )
  t.is(there.at(-1), 1000)
  t.deepEqual(
    { ...cache.status(), budgetBytes: 0 },
    { usedBytes: 0, budgetBytes: 0, values: 0, hits: 0, misses: 0, evictions: 0 },
  )
  t.true(cache.claim(used, whole(GROUP_BYTES)))
  t.is(used.heldBytes, GROUP_BYTES)
  release()
  t.is(cache.status().values, 1)
})

test('R007-227 an entry is a directory only in the incarnation of which Global said so', (t) => {
  const cache = new Cache(5 * SEGMENT_BYTES)
  fill(cache, keys[0]!, 100)
  const value = cache.get(keys[0]!)!
  t.false(value.isDirectory)
  value.directoryAt = 1
  t.true(value.isDirectory)
  // After a reset, Global confirms another incarnation of the same bytes.
  value.isVoid = true
  t.is(cache.prepare(keys[0]!, 100, 7, whole(100)), value)
  t.false(value.isDirectory)
})
