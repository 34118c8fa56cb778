/**
 * Whose memory is whose: segments of large values are used again, and nobody who may read them sees
 * other bytes.
 */
import { test } from '../../serial.ts'
import { outboardBytes } from '../../../src/hash/tree/tree.ts'
import type { Key } from '../../../src/hash/key.ts'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import type { Cache } from '../../../src/node/cache/cache.ts'
import {
  keys,
  LARGE,
  SMALL,
  ENTRY_BYTES,
  whole,
  opened,
  paint,
  fill,
  viewsOf,
  memoryOf,
  shared,
  isAll,
  takenBytes,
  codeOf,
} from './cached.ts'

const ENDS: readonly (readonly [what: string, end: (cache: Cache, key: Key) => void])[] = [
  ['evicted', (cache, key) => void cache.evict(key)],
  ['removed', (cache, key) => cache.remove(key)],
]

for (const [what, end] of ENDS) {
  test(`memory of a value that was ${what} is used again after its last user, and not before`, (t) => {
    const { cache } = opened(16 * MIB)
    const first = fill(cache, keys[0]!, LARGE, 1)
    const views = viewsOf(first)
    const memory = memoryOf(first)
    t.is(memory.size, 4)
    const releases = [first.use(), first.use()]
    end(cache, keys[0]!)
    const second = fill(cache, keys[1]!, LARGE, 2)
    t.is(shared(memory, memoryOf(second)), 0, 'two use it')
    releases[0]!()
    // To say it twice says no more.
    releases[0]!()
    const third = fill(cache, keys[2]!, LARGE, 3)
    t.is(shared(memory, memoryOf(third)), 0, 'one uses it')
    for (const view of views) t.true(isAll(view, 1))
    releases[1]!()
    t.false(first.inUse)
    t.is(first.memoryBytes, 0)
    const fourth = fill(cache, keys[3]!, LARGE, 4)
    t.is(shared(memory, memoryOf(fourth)), 4, 'the very same')
  })
}

test('memory of a value that gives way to another is used again', (t) => {
  const { cache, pool } = opened(5 * MIB)
  const memory = memoryOf(fill(cache, keys[0]!, LARGE, 1))
  t.is(shared(memory, memoryOf(fill(cache, keys[1]!, LARGE, 2))), 4)
  t.is(pool.bytes, LARGE)
})

test('the memory of small values does not come from the pool', (t) => {
  const { cache, pool } = opened(64 * MIB)
  const small = fill(cache, keys[0]!, SMALL, 1)
  t.is(small.memoryBytes, SMALL)
  const adopted = cache.admit(keys[1]!, 100, 1, whole(100))!
  const memory = adopted.allocate(0)
  t.is(memory.byteLength, 100)
  adopted.adopt(0, memory.fill(2), whole(100))
  adopted.recycle(adopted.allocate(0))
  adopted.discard()
  t.is(pool.bytes, 0)
  const [view] = viewsOf(small)
  cache.evict(keys[0]!)
  const next = fill(cache, keys[2]!, SMALL, 3)
  t.is(shared(memoryOf(next), new Set([view!.buffer])), 0)
  t.true(isAll(view!, 1), 'it is not reused')
  fill(cache, keys[3]!, LARGE, 4)
  t.is(pool.bytes, LARGE)
})

test('what was adopted is the very memory that was filled', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = cache.admit(keys[0]!, LARGE, 1, whole(LARGE))!
  const memory = value.allocate(1).fill(7)
  t.is(value.view({ start: SEGMENT_BYTES, end: LARGE }), undefined, 'not before it is')
  value.adopt(1, memory, { start: SEGMENT_BYTES, end: SEGMENT_BYTES + 2 * GROUP_BYTES })
  const view = value.view({ start: SEGMENT_BYTES + 5, end: LARGE })!
  t.true(view.buffer === memory.buffer)
  t.is(view.byteLength, 2 * GROUP_BYTES - 5, 'and no more than was proved')
  t.true(value.hasSegment(1))
  t.false(value.hasSegment(0))
  t.is(pool.bytes, MIB)
})

test('what is adopted where there is something already leaves that as it is', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = cache.admit(keys[0]!, LARGE, 1, whole(LARGE))!
  value.write(SEGMENT_BYTES, new Uint8Array(GROUP_BYTES).fill(1))
  const before = value.view({ start: SEGMENT_BYTES, end: LARGE })!
  const memory = value.allocate(1).fill(2)
  const range = { start: SEGMENT_BYTES + GROUP_BYTES, end: 2 * SEGMENT_BYTES }
  value.adopt(1, memory, range)
  const after = value.view({ start: SEGMENT_BYTES, end: LARGE })!
  t.true(after.buffer === before.buffer)
  t.true(isAll(after.subarray(0, GROUP_BYTES), 1))
  t.is(after.byteLength, SEGMENT_BYTES)
  t.true(isAll(after.subarray(GROUP_BYTES), 2))
  t.is(pool.bytes, 2 * MIB)
  t.true(value.allocate(0).buffer === memory.buffer, 'what was not needed waits to be used again')
  t.is(pool.bytes, 2 * MIB)
})

test('memory that is spared is used again, and memory that is lost never', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = cache.admit(keys[0]!, LARGE, 1, whole(LARGE))!
  const spared = value.allocate(0)
  const lost = value.allocate(1)
  t.is(pool.bytes, 2 * MIB)
  value.recycle(spared)
  value.discard()
  t.is(pool.bytes, MIB)
  const rooms = [0, 1, 2, 3].map((index) => value.allocate(index).buffer)
  t.true(rooms.includes(spared.buffer))
  t.false(rooms.includes(lost.buffer))
})

for (const [what, end] of ENDS) {
  test(`nothing is added to a value that was ${what}`, (t) => {
    const { cache, pool } = opened(16 * MIB)
    const value = fill(cache, keys[0]!, LARGE, 1)
    const code = what === 'removed' ? 'removed' : 'cancelled'
    const release = value.use()
    const memory = value.allocate(0)
    end(cache, keys[0]!)
    const add = (): (() => unknown)[] => [
      () => value.write(0, new Uint8Array(GROUP_BYTES)),
      () => value.allocate(0),
      () => value.adopt(0, memory, whole(GROUP_BYTES)),
    ]
    if (what === 'removed') for (const one of add()) t.is(codeOf(one), code, 'in use')
    else
      t.is(
        codeOf(() => value.write(0, new Uint8Array(GROUP_BYTES))),
        undefined,
        'in use',
      )
    release()
    for (const one of add()) t.is(codeOf(one), code)
    t.is(value.memoryBytes, 0)
    value.recycle(memory)
    t.is(takenBytes(pool), 0)
  })
}

test('a value that was let go of cannot be used any more: its bytes are others by now', (t) => {
  const { cache } = opened(16 * MIB)
  const evicted = fill(cache, keys[0]!, LARGE, 1)
  const release = evicted.use()
  cache.evict(keys[0]!)
  evicted.use()()
  release()
  t.is(
    codeOf(() => evicted.use()),
    'cancelled',
  )
  const removed = fill(cache, keys[1]!, 10, 1)
  cache.remove(keys[1]!)
  t.is(
    codeOf(() => removed.use()),
    'removed',
  )
})

test('memory that somebody may go on reading is never used again', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = fill(cache, keys[0]!, LARGE, 1)
  const views = viewsOf(value)
  const memory = memoryOf(value)
  const release = value.use()
  value.use()(true)
  t.true(value.inUse)
  release()
  t.is(cache.get(keys[0]!), value, 'it is found and read as before')
  value.use()()
  cache.evict(keys[0]!)
  t.is(value.memoryBytes, 0)
  t.is(pool.bytes, 0)
  for (const key of [keys[1]!, keys[2]!]) {
    t.is(shared(memory, memoryOf(fill(cache, key, LARGE, 2))), 0)
  }
  for (const view of views) t.true(isAll(view, 1))
  t.is(takenBytes(pool), 2 * LARGE)
})

test('a draft that is let go of gives its memory back, and one that was published keeps it', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const first = cache.reserve(keys[0]!, LARGE)!
  paint(first.value, 1)
  const memory = memoryOf(first.value)
  const release = first.value.use()
  first.discard()
  t.is(cache.status().usedBytes, 0)
  const second = cache.reserve(keys[1]!, LARGE)!
  paint(second.value, 2)
  t.is(shared(memory, memoryOf(second.value)), 0, 'it is in use')
  second.publish(1)
  second.discard()
  first.discard()
  const { usedBytes } = cache.status()
  t.is(usedBytes, ENTRY_BYTES + outboardBytes(LARGE) + LARGE)
  release()
  const third = cache.reserve(keys[2]!, LARGE)!
  paint(third.value, 3)
  t.is(shared(memory, memoryOf(third.value)), 4)
  third.discard()
  third.publish(1)
  t.is(cache.peek(keys[2]!), undefined)
  t.is(cache.status().usedBytes, usedBytes)
  for (const view of viewsOf(cache.peek(keys[1]!)!)) t.true(isAll(view, 2))
  t.is(takenBytes(pool), LARGE)
})

test('a draft of what was put anew meanwhile is let go of, with its memory', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const draft = cache.reserve(keys[0]!, LARGE)!
  paint(draft.value, 1)
  const value = cache.admit(keys[0]!, LARGE, 5, whole(LARGE))
  draft.publish(4)
  t.is(cache.peek(keys[0]!), value)
  t.is(draft.value.memoryBytes, 0)
  t.is(takenBytes(pool), 0)
})

test('an entry is charged for the memory that it has, once nothing more comes', (t) => {
  const { cache } = opened(64 * MIB)
  const size = LARGE + 5
  const own = ENTRY_BYTES + outboardBytes(size)
  const value = cache.admit(keys[0]!, size, 1, { start: 0, end: 3 * SEGMENT_BYTES })!
  t.is(cache.status().usedBytes, own + 3 * MIB)
  value.write(SEGMENT_BYTES, new Uint8Array(GROUP_BYTES))
  cache.settle(value)
  t.is(cache.status().usedBytes, own + MIB)
  t.is(cache.admit(keys[0]!, size, 1, whole(5)), value)
  t.is(cache.status().usedBytes, own + 2 * MIB, 'the room for the others was given up')
  t.is(cache.admit(keys[0]!, size, 1, whole(size)), value)
  t.is(cache.status().usedBytes, own + 5 * MIB)
  paint(value, 1)
  cache.settle(value)
  t.is(cache.status().usedBytes, own + 5 * MIB, 'the last segment is a whole one')
  t.is(value.heldBytes, size)
  cache.evict(keys[0]!)
  cache.settle(value)
  t.is(cache.status().usedBytes, 0)
  fill(cache, keys[1]!, SEGMENT_BYTES + 5, 1)
  const small = ENTRY_BYTES + outboardBytes(SEGMENT_BYTES + 5)
  t.is(cache.status().usedBytes, small + SEGMENT_BYTES + 5)
})

test('what waits to be used again gives way to small values', (t) => {
  const { cache, pool } = opened(16 * MIB)
  for (const key of keys.slice(0, 3)) fill(cache, key, LARGE, 1)
  for (const key of keys.slice(0, 3)) cache.evict(key)
  t.is(pool.bytes, 12 * MIB, 'it waits')
  for (const [i, key] of keys.entries()) {
    fill(cache, key, 2 * MIB, 2)
    const { usedBytes, budgetBytes } = cache.status()
    t.true(pool.bytes + usedBytes <= budgetBytes, `${pool.bytes} wait beside ${i + 1} values`)
  }
  t.true(pool.bytes >= 3 * MIB, 'and no more than it must')
})

test('what is given back late is kept only where the budget has room for it', (t) => {
  const { cache, pool } = opened(9 * MIB)
  const first = fill(cache, keys[0]!, LARGE, 1)
  const release = first.use()
  cache.evict(keys[0]!)
  for (const key of [keys[1]!, keys[2]!]) fill(cache, key, LARGE, 2)
  release()
  t.is(first.memoryBytes, 0)
  t.true(pool.bytes <= 9 * MIB, `${pool.bytes}`)
})
