/** Whose memory is whose: segments of large values are used again, and nobody who may read them sees other bytes. */
import test from 'ava'
import * as fc from 'fast-check'
import { isLent } from '../../src/bytes.ts'
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { outboardBytes } from '../../src/hash/tree.ts'
import { GROUP_BYTES, MIB, POOLED_VALUE_BYTES, SEGMENT_BYTES } from '../../src/limits.ts'
import { Cache, type CachedValue, type Draft } from '../../src/node/cache.ts'
import { SegmentPool } from '../../src/node/segments.ts'

const keys = Array.from({ length: 6 }, (_, i) => new Key(hash(Uint8Array.of(i)).digest))
const LARGE = POOLED_VALUE_BYTES
const SMALL = POOLED_VALUE_BYTES - 1
const ENTRY_BYTES = 1024
const whole = (size: number): { start: number; end: number } => ({ start: 0, end: size })

function opened(budgetBytes: number): { cache: Cache; pool: SegmentPool } {
  const pool = new SegmentPool()
  return { cache: new Cache(budgetBytes, undefined, pool), pool }
}

/** Write one byte all over a value, or over the first group of each of its segments. */
function paint(value: CachedValue, byte: number, isSparse = false): void {
  const { size } = value
  const bytes = new Uint8Array(isSparse ? GROUP_BYTES : SEGMENT_BYTES).fill(byte)
  for (let at = 0; at < size; at += SEGMENT_BYTES) value.write(at, bytes.subarray(0, size - at))
}

function fill(cache: Cache, key: Key, size: number, byte: number): CachedValue {
  const value = cache.admit(key, size, 1, whole(size))!
  paint(value, byte)
  cache.settle(value)
  return value
}

/** What is held at the start of each segment. */
function viewsOf(value: CachedValue): Uint8Array[] {
  const views: Uint8Array[] = []
  for (let start = 0; start < value.size; start += SEGMENT_BYTES) {
    const view = value.view({ start, end: value.size })
    if (view !== undefined) views.push(view)
  }
  return views
}

const memoryOf = (value: CachedValue): Set<ArrayBufferLike> =>
  new Set(viewsOf(value).map(({ buffer }) => buffer))

const shared = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number =>
  [...a].filter((one) => b.has(one)).length

/** Are all of these bytes this one? */
const isAll = (bytes: Uint8Array, byte: number): boolean =>
  Buffer.compare(bytes, Buffer.alloc(bytes.byteLength, byte)) === 0

/** Memory that is in use: what waits to be used again is let go of for good. */
function takenBytes(pool: SegmentPool): number {
  pool.trim(0)
  return pool.bytes
}

const codeOf = (work: () => unknown): ErrorCode | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as DstoreError).code
  }
}

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

test('the memory of small values is their own, and not lent', (t) => {
  const { cache, pool } = opened(64 * MIB)
  const small = fill(cache, keys[0]!, SMALL, 1)
  for (const view of viewsOf(small)) t.false(isLent(view))
  t.is(small.memoryBytes, SMALL)
  const adopted = cache.admit(keys[1]!, 100, 1, whole(100))!
  const memory = adopted.room(0)
  t.is(memory.byteLength, 100)
  adopted.adopt(0, memory.fill(2), whole(100))
  t.false(isLent(adopted.view(whole(100))!))
  adopted.spare(adopted.room(0))
  adopted.lose()
  t.is(pool.bytes, 0)
  const [view] = viewsOf(small)
  cache.evict(keys[0]!)
  const next = fill(cache, keys[2]!, SMALL, 3)
  t.is(shared(memoryOf(next), new Set([view!.buffer])), 0)
  t.true(isAll(view!, 1), 'it is the collector’s')
  const large = fill(cache, keys[3]!, LARGE, 4)
  for (const view of viewsOf(large)) t.true(isLent(view.subarray(1, 2)))
  t.is(pool.bytes, LARGE)
})

test('memory that was to another thread and back is lent all the same, wherever it goes', (t) => {
  const { cache } = opened(16 * MIB)
  const value = fill(cache, keys[0]!, LARGE, 1)
  // As a worker gives it back: the same memory, as another buffer.
  const moved = (memory: Uint8Array): Uint8Array =>
    new Uint8Array(structuredClone(memory.buffer, { transfer: [memory.buffer as ArrayBuffer] }))
  value.adopt(0, moved(value.room(0)), { start: 0, end: GROUP_BYTES })
  value.spare(moved(value.room(0)))
  for (const key of [keys[1]!, keys[2]!]) {
    for (const view of viewsOf(fill(cache, key, LARGE, 2))) t.true(isLent(view))
  }
  const adopting = cache.admit(keys[3]!, LARGE, 1, whole(LARGE))!
  adopting.adopt(0, moved(adopting.room(0)), whole(SEGMENT_BYTES))
  t.true(isLent(adopting.view(whole(1))!))
})

test('what was adopted is the very memory that was filled', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = cache.admit(keys[0]!, LARGE, 1, whole(LARGE))!
  const memory = value.room(1).fill(7)
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
  const memory = value.room(1).fill(2)
  const range = { start: SEGMENT_BYTES + GROUP_BYTES, end: 2 * SEGMENT_BYTES }
  value.adopt(1, memory, range)
  const after = value.view({ start: SEGMENT_BYTES, end: LARGE })!
  t.true(after.buffer === before.buffer)
  t.true(isAll(after.subarray(0, GROUP_BYTES), 1))
  t.is(after.byteLength, SEGMENT_BYTES)
  t.true(isAll(after.subarray(GROUP_BYTES), 2))
  t.is(pool.bytes, 2 * MIB)
  t.true(value.room(0).buffer === memory.buffer, 'what was not needed waits to be used again')
  t.is(pool.bytes, 2 * MIB)
})

test('memory that is spared is used again, and memory that is lost never', (t) => {
  const { cache, pool } = opened(16 * MIB)
  const value = cache.admit(keys[0]!, LARGE, 1, whole(LARGE))!
  const spared = value.room(0)
  const lost = value.room(1)
  t.is(pool.bytes, 2 * MIB)
  value.spare(spared)
  value.lose()
  t.is(pool.bytes, MIB)
  const rooms = [0, 1, 2, 3].map((index) => value.room(index).buffer)
  t.true(rooms.includes(spared.buffer))
  t.false(rooms.includes(lost.buffer))
})

for (const [what, end] of ENDS) {
  test(`nothing is added to a value that was ${what}`, (t) => {
    const { cache, pool } = opened(16 * MIB)
    const value = fill(cache, keys[0]!, LARGE, 1)
    const code = what === 'removed' ? 'removed' : 'cancelled'
    const release = value.use()
    const memory = value.room(0)
    end(cache, keys[0]!)
    const add = (): (() => unknown)[] => [
      () => value.write(0, new Uint8Array(GROUP_BYTES)),
      () => value.room(0),
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
    value.spare(memory)
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
  const first = cache.draft(keys[0]!, LARGE)!
  paint(first.value, 1)
  const memory = memoryOf(first.value)
  const release = first.value.use()
  first.discard()
  t.is(cache.status().usedBytes, 0)
  const second = cache.draft(keys[1]!, LARGE)!
  paint(second.value, 2)
  t.is(shared(memory, memoryOf(second.value)), 0, 'it is in use')
  second.publish(1)
  second.discard()
  first.discard()
  const { usedBytes } = cache.status()
  t.is(usedBytes, ENTRY_BYTES + outboardBytes(LARGE) + LARGE)
  release()
  const third = cache.draft(keys[2]!, LARGE)!
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
  const draft = cache.draft(keys[0]!, LARGE)!
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

/** Somebody who uses a value, with what he sees of it. */
interface User {
  readonly value: CachedValue
  readonly release: () => void
  readonly views: readonly Uint8Array[]
  readonly byte: number
}

/** Memory that was taken to be filled. */
interface Room {
  readonly value: CachedValue
  readonly index: number
  readonly memory: Uint8Array
}

const SIZES = [GROUP_BYTES + 1, SEGMENT_BYTES, SMALL, LARGE, LARGE + 1, LARGE + SEGMENT_BYTES]
const ACTIONS = [
  ...['admit', 'write', 'use', 'use', 'release', 'evict', 'remove'],
  ...['draft', 'publish', 'discard', 'room', 'adopt', 'spare', 'lose', 'settle'],
] as const

/** A cache in whatever state, and who reads what of it. */
class Model {
  readonly pool: SegmentPool = new SegmentPool()
  readonly cache: Cache = new Cache(14 * MIB, undefined, this.pool)
  readonly users: User[] = []
  readonly rooms: Room[] = []
  readonly drafts: Draft[] = []
  /** What fills each value: no two have the same. */
  readonly #bytes = new Map<CachedValue, number>()
  /** All values that there ever were. */
  readonly #values = new Set<CachedValue>()

  act(what: (typeof ACTIONS)[number], at: number, pick: number): void {
    const { cache, users, rooms, drafts } = this
    const key = keys[at]!
    const size = SIZES[at]!
    const value = cache.get(key)
    switch (what) {
      case 'admit':
        this.#byteOf(cache.admit(key, size, 1, { start: 0, end: Math.ceil(size / (1 + pick)) }))
        break
      case 'write':
        this.#byteOf(cache.admit(key, size, 1, whole(size)))
        if (cache.peek(key) !== undefined) this.#paint(cache.peek(key)!)
        break
      case 'use':
        if (value !== undefined) {
          const views = () => viewsOf(value)
          users.push({ value, release: value.use(), views: views(), byte: this.#byteOf(value) })
        }
        break
      case 'release':
        for (const { release } of users.splice(pick, 1)) release()
        break
      case 'evict':
        cache.evict(key)
        break
      case 'remove':
        cache.remove(key)
        break
      case 'draft': {
        const draft = cache.draft(key, size)
        if (draft === undefined) break
        this.#paint(draft.value)
        drafts.push(draft)
        break
      }
      case 'publish':
        for (const draft of drafts.splice(pick, 1)) draft.publish(1 + (pick % 2))
        break
      case 'discard':
        for (const draft of drafts.splice(pick, 1)) draft.discard()
        break
      case 'room':
        if (value !== undefined) {
          const index = pick % Math.ceil(size / SEGMENT_BYTES)
          const memory = value.room(index)
          memory.fill(this.#byteOf(value), 0, GROUP_BYTES)
          rooms.push({ value, index, memory })
        }
        break
      case 'adopt':
        for (const room of rooms.splice(pick, 1)) this.#adopt(room)
        break
      case 'spare':
        for (const { value, memory } of rooms.splice(pick, 1)) value.spare(memory)
        break
      case 'lose':
        for (const { value } of rooms.splice(pick, 1)) value.lose()
        break
      case 'settle':
        if (value !== undefined) cache.settle(value)
        break
    }
  }

  /** Views that are not what they were. */
  wrong(): number {
    return this.users
      .flatMap(({ views, byte }) => views.map((view) => isAll(view, byte)))
      .filter((isRight) => !isRight).length
  }

  /** Memory of values that nobody finds any more, and memory that is no value's: the budget does not know of it. */
  unchargedBytes(): number {
    const known = new Set([...this.cache.values(), ...this.drafts.map(({ value }) => value)])
    let bytes = this.rooms.length * SEGMENT_BYTES
    for (const value of this.#values) if (!known.has(value)) bytes += value.memoryBytes
    return bytes
  }

  /** Memory of small values, which is not of the pool. */
  smallBytes(): number {
    return [...this.cache.values()]
      .filter(({ size }) => size < POOLED_VALUE_BYTES)
      .reduce((sum, value) => sum + value.memoryBytes, 0)
  }

  end(): void {
    for (const { release } of this.users.splice(0)) release()
    for (const { value, memory } of this.rooms.splice(0)) value.spare(memory)
    for (const draft of this.drafts.splice(0)) draft.discard()
    for (const key of keys) this.cache.remove(key)
  }

  #paint(value: CachedValue): void {
    paint(value, this.#byteOf(value), true)
  }

  #byteOf(value: CachedValue | undefined): number {
    if (value === undefined) return 0
    this.#values.add(value)
    const byte = this.#bytes.get(value) ?? this.#bytes.size + 1
    this.#bytes.set(value, byte)
    return byte
  }

  #adopt({ value, index, memory }: Room): void {
    const start = index * SEGMENT_BYTES
    const end = Math.min(start + GROUP_BYTES, value.size)
    try {
      value.adopt(index, memory, { start, end })
    } catch {
      value.lose()
    }
  }
}

test('whoever uses a value sees its bytes, whatever becomes of it and of all others, within the budget', (t) => {
  const step = fc.record({
    what: fc.constantFrom(...ACTIONS),
    at: fc.nat(keys.length - 1),
    pick: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const model = new Model()
      const { cache, pool } = model
      for (const { what, at, pick } of steps) {
        model.act(what, at, pick)
        t.is(model.wrong(), 0, what)
        const { usedBytes, budgetBytes } = cache.status()
        t.true(usedBytes >= 0 && usedBytes <= budgetBytes, `${usedBytes} after ${what}`)
        const memory = pool.bytes + model.smallBytes()
        t.true(memory <= budgetBytes + model.unchargedBytes(), `${memory} after ${what}`)
      }
      model.end()
      t.deepEqual([cache.status().usedBytes, cache.status().values], [0, 0])
      t.true(pool.bytes <= cache.budgetBytes)
      t.is(takenBytes(pool), 0)
    }),
    { numRuns: 200 },
  )
})
