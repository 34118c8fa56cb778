/**
 * A cache in whatever state: whoever uses a value sees its bytes, and memory is within the budget.
 */
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { Cache, type PendingEntry } from '../../../src/node/cache/cache.ts'
import type { CachedValue } from '../../../src/node/cache/cached-value.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { keys, LARGE, SMALL, whole, paint, viewsOf, isAll, takenBytes } from './cached.ts'
import { POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'

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
  ['admit', 'write', 'use', 'use', 'release', 'evict', 'remove'] as const,
  ['draft', 'publish', 'discard', 'room', 'adopt', 'spare', 'lose', 'settle'] as const,
].flat()

/** A cache in whatever state, and who reads what of it. */
class Model {
  readonly pool: SegmentPool = new SegmentPool()
  readonly cache: Cache = new Cache(14 * MIB, undefined, this.pool)
  readonly users: User[] = []
  readonly rooms: Room[] = []
  readonly drafts: PendingEntry[] = []
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
      case 'write': {
        // What was let in alone may be written.
        const admitted = cache.admit(key, size, 1, whole(size))
        if (admitted !== undefined) this.#paint(admitted)
        break
      }
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
        const draft = cache.reserve(key, size)
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
          const memory = value.allocate(index)
          memory.fill(this.#byteOf(value), 0, GROUP_BYTES)
          rooms.push({ value, index, memory })
        }
        break
      case 'adopt':
        for (const room of rooms.splice(pick, 1)) this.#adopt(room)
        break
      case 'spare':
        for (const { value, memory } of rooms.splice(pick, 1)) value.recycle(memory)
        break
      case 'lose':
        for (const { value } of rooms.splice(pick, 1)) value.discard()
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

  /**
   * Memory of values that nobody finds any more, and memory that is no value's: the budget does not
   * know of it.
   */
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
    for (const { value, memory } of this.rooms.splice(0)) value.recycle(memory)
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
      value.discard()
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
