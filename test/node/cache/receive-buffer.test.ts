/**
 * Bytes that are received where they stay: the very memory where all came at once, else a copy; and
 * nothing is taken for good.
 */
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { CachedValue, POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'
import { ReceiveBuffer } from '../../../src/node/cache/receive-buffer.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import { pattern } from '../../hash/sizes.ts'
import { seeded } from '../../wire/seeded.ts'
import { elsewhere } from '../../transfer/elsewhere.ts'
import { TestHost, sample, served } from '../../transfer/ends.ts'

const VALUE = sample(pattern(POOLED_VALUE_BYTES + 3 * GROUP_BYTES + 5))
const { bytes: BYTES, size: SIZE } = VALUE
const FIRST: ByteRange = { start: 0, end: SEGMENT_BYTES }

interface Case {
  readonly value: CachedValue
  readonly pool: SegmentPool
  /** Memory that is the value's, or was lent out and did not come back. */
  readonly takenBytes: () => number
}

/** A value that somebody uses, as a download does. */
function begin(size: number = SIZE): Case {
  const pool = new SegmentPool()
  const value = new CachedValue(new Key(VALUE.digest), size, 1, pool)
  value.use()
  const takenBytes = (): number => {
    pool.trim(0)
    return pool.bytes
  }
  return { value, pool, takenBytes }
}

/** These bytes of the value come to this memory. */
function come(memory: Uint8Array, { start, end }: ByteRange): Uint8Array {
  memory.set(BYTES.subarray(start, end))
  return memory
}

/** A run that was proved, whole or as a part of what landed together. */
function proved(
  start: number,
  bytes: Uint8Array,
  isWhole: boolean,
): Parameters<ReceiveBuffer['keep']>[0] {
  return { start, bytes, isWhole, pairs: [] }
}

/** What is held of a range is what it must be. */
function isRight(value: CachedValue, { start, end }: ByteRange): boolean {
  for (let at = start; at < end;) {
    const view = value.view({ start: at, end })
    if (
      view === undefined ||
      Buffer.compare(view, BYTES.subarray(at, at + view.byteLength)) !== 0
    ) {
      return false
    }
    at += view.byteLength
  }
  return true
}

test('what comes whole is kept in the memory in which it landed', (t) => {
  const { value, pool, takenBytes } = begin()
  const buffer = new ReceiveBuffer(value)
  const part = { start: SEGMENT_BYTES + 2 * GROUP_BYTES, end: SEGMENT_BYTES + 5 * GROUP_BYTES }
  for (const range of [FIRST, part]) {
    const memory = buffer.memoryFor(range)
    t.is(memory.byteLength, range.end - range.start)
    buffer.keep(proved(range.start, come(memory, range), true))
    const view = value.view(range)!
    t.true(view.buffer === memory.buffer)
    t.is(view.byteOffset, memory.byteOffset)
    t.true(isRight(value, range))
  }
  t.is(value.held.count, SEGMENT_BYTES / GROUP_BYTES + 3)
  t.is(pool.bytes, 2 * MIB)
  buffer.end()
  t.is(takenBytes(), 2 * MIB)
})

test('what comes in parts is copied, and its memory is free once all of it came', (t) => {
  const { value, pool, takenBytes } = begin()
  const buffer = new ReceiveBuffer(value)
  const memory = come(buffer.memoryFor(FIRST), FIRST)
  const cuts = [0, GROUP_BYTES, 9 * GROUP_BYTES, SEGMENT_BYTES]
  for (const [i, start] of cuts.slice(0, -1).entries()) {
    const rooms = [value.allocate(3), value.allocate(3)]
    t.false(
      rooms.some(({ buffer }) => buffer === memory.buffer),
      'more is still to be received there',
    )
    for (const room of rooms) value.recycle(room)
    const end = cuts[i + 1]!
    buffer.keep(proved(start, memory.subarray(start, end), false))
    t.true(isRight(value, { start: 0, end }))
  }
  t.false(value.view(FIRST)!.buffer === memory.buffer)
  const { bytes } = pool
  t.true(value.allocate(3).buffer === memory.buffer)
  t.is(pool.bytes, bytes)
  value.discard()
  buffer.end()
  t.is(takenBytes(), MIB)
})

test('what is under way at the end is lost: somebody may still write to it', (t) => {
  const { value, takenBytes } = begin()
  const buffer = new ReceiveBuffer(value)
  const second = { start: SEGMENT_BYTES, end: 2 * SEGMENT_BYTES }
  const [begun, waiting] = [buffer.memoryFor(FIRST), buffer.memoryFor(second)]
  buffer.keep(proved(0, come(begun, FIRST).subarray(0, GROUP_BYTES), false))
  buffer.end()
  for (const index of [1, 2, 3]) {
    const { buffer } = value.allocate(index)
    t.false(buffer === begun.buffer || buffer === waiting.buffer)
  }
  for (let i = 0; i < 3; i++) value.discard()
  t.true(isRight(value, { start: 0, end: GROUP_BYTES }))
  t.is(takenBytes(), MIB)
})

test('nothing lands after the end', (t) => {
  const { value, pool } = begin()
  const buffer = new ReceiveBuffer(value)
  buffer.end()
  t.throws(() => void buffer.memoryFor(FIRST), { instanceOf: DstoreError, code: 'cancelled' })
  t.is(pool.bytes, 0)
})

for (const isWhole of [true, false]) {
  const how = isWhole ? 'whole' : 'in parts'
  test(`pieces of one segment that are on their way together, ${how}, take memory of their own`, (t) => {
    const { value, takenBytes } = begin()
    const buffer = new ReceiveBuffer(value)
    const ranges = [
      { start: 0, end: 2 * GROUP_BYTES },
      { start: 5 * GROUP_BYTES, end: 9 * GROUP_BYTES },
      { start: 20 * GROUP_BYTES, end: SEGMENT_BYTES },
    ]
    const memories = ranges.map((range) => buffer.memoryFor(range))
    t.is(new Set(memories.map(({ buffer }) => buffer)).size, 3)
    for (const [i, range] of ranges.entries()) {
      const { start, end } = range
      const memory = come(memories[i]!, range)
      const cut = isWhole ? end : start + GROUP_BYTES
      buffer.keep(proved(start, memory.subarray(0, cut - start), isWhole))
      if (!isWhole) buffer.keep(proved(cut, memory.subarray(cut - start), false))
    }
    for (const range of ranges) t.true(isRight(value, range))
    t.is(value.held.count, 2 + 4 + 44)
    buffer.end()
    t.is(takenBytes(), MIB, 'one segment, and the value holds it')
  })
}

test('two sources that give the same segment at once are both right, in whatever order they end', (t) => {
  const orders = [
    ['a', 'a', 'b', 'b'],
    ['a', 'b', 'a', 'b'],
    ['a', 'b', 'b', 'a'],
  ]
  for (const order of orders) {
    for (const wholes of [[], ['a'], ['b'], ['a', 'b']]) {
      const { value, takenBytes } = begin()
      const buffers = { a: new ReceiveBuffer(value), b: new ReceiveBuffer(value) }
      const memories = { a: buffers.a.memoryFor(FIRST), b: buffers.b.memoryFor(FIRST) }
      t.false(memories.a.buffer === memories.b.buffer)
      const at = { a: 0, b: 0 }
      for (const who of order as ('a' | 'b')[]) {
        const isWhole = wholes.includes(who)
        const start = at[who]
        const length = isWhole ? SEGMENT_BYTES : SEGMENT_BYTES / 2
        if (start === SEGMENT_BYTES) continue
        at[who] = start + length
        const part = memories[who].subarray(start, start + length)
        buffers[who].keep(proved(start, come(part, { start, end: at[who] }), isWhole))
      }
      const what = `${order.join('')}, whole: ${wholes.join('')}`
      t.true(isRight(value, FIRST), what)
      buffers.a.end()
      buffers.b.end()
      t.is(takenBytes(), MIB, what)
    }
  }
})

test('bytes that are held already stay where they are, beside those that land', (t) => {
  for (const isWhole of [true, false]) {
    const { value, takenBytes } = begin()
    const held = { start: 7 * GROUP_BYTES, end: 9 * GROUP_BYTES }
    value.write(held.start, BYTES.subarray(held.start, held.end))
    const before = value.view(held)!
    const buffer = new ReceiveBuffer(value)
    const range = { start: 8 * GROUP_BYTES, end: SEGMENT_BYTES }
    buffer.keep(proved(range.start, come(buffer.memoryFor(range), range), isWhole))
    t.true(value.view(held)!.buffer === before.buffer)
    t.true(isRight(value, { start: held.start, end: SEGMENT_BYTES }))
    t.false(value.held.has(6))
    buffer.end()
    t.is(takenBytes(), MIB)
  }
})

test('what lands in a value that is removed is told so, and its memory is nobody’s', (t) => {
  for (const isWhole of [true, false]) {
    const { value, takenBytes } = begin()
    const buffer = new ReceiveBuffer(value)
    const memory = come(buffer.memoryFor(FIRST), FIRST)
    value.drop(new DstoreError('removed', 'the value was removed'))
    t.throws(() => buffer.keep(proved(0, memory, isWhole)), { code: 'removed' })
    t.throws(() => void buffer.memoryFor(FIRST), { code: 'removed' })
    buffer.end()
    t.is(takenBytes(), 0)
  }
})

test('small values and empty ones are received as others are', (t) => {
  for (const size of [0, 1, GROUP_BYTES + 1, SEGMENT_BYTES + 5]) {
    const { value, pool } = begin(size)
    const buffer = new ReceiveBuffer(value)
    for (let start = 0; start === 0 || start < size; start += SEGMENT_BYTES) {
      const range = { start, end: Math.min(size, start + SEGMENT_BYTES) }
      const memory = come(buffer.memoryFor(range), range)
      buffer.keep(proved(start, memory, true))
      t.true(value.view(range)?.buffer === (size === 0 ? undefined : memory.buffer))
    }
    t.true(value.held.complete)
    t.true(isRight(value, { start: 0, end: size }))
    t.is(value.memoryBytes, size)
    buffer.end()
    t.is(pool.bytes, 0)
  }
})

/**
 * Fetch ranges into a value from a holder of everything; `stopAfter` runs it is left, as a download
 * is.
 */
async function fetch(
  value: CachedValue,
  ranges: readonly ByteRange[],
  recut: ((available: number) => number) | undefined,
  stopAfter: number,
): Promise<void> {
  const { client } = served(new TestHost(VALUE), recut === undefined ? {} : { recut })
  const buffer = new ReceiveBuffer(value)
  const { digest, size } = VALUE
  const { memoryFor } = buffer
  let runs = 0
  try {
    for await (const run of fetchPieces(client, {
      digest,
      size,
      ranges,
      memoryFor,
      checker: elsewhere,
    })) {
      buffer.keep(run)
      if (++runs === stopAfter) break
    }
  } finally {
    buffer.end()
    client.channel.abort(new DstoreError('cancelled', 'enough'))
  }
}

test('whatever is fetched from two at once, held before or left in the middle: right bytes, and no memory is lost', async (t) => {
  const groups = Math.ceil(SIZE / GROUP_BYTES)
  const source = fc.record({
    cuts: fc.uniqueArray(fc.nat(groups), { minLength: 2, maxLength: 8 }),
    piece: fc.constantFrom(undefined, 5 * GROUP_BYTES + 3, 40 * GROUP_BYTES),
    stopAfter: fc.constantFrom(Infinity, Infinity, 1, 2, 3),
  })
  await fc.assert(
    fc.asyncProperty(fc.nat(), source, source, async (seed, ...sources) => {
      const { value, takenBytes } = begin()
      const random = seeded(seed)
      for (let i = 0; i < 3; i++) {
        const start = Math.floor(random() * (groups - 1)) * GROUP_BYTES
        value.write(start, BYTES.subarray(start, start + GROUP_BYTES))
      }
      const wanted = sources.map(({ cuts }) => {
        const sorted = cuts.toSorted((a, b) => a - b).map((at) => Math.min(SIZE, at * GROUP_BYTES))
        const ranges: ByteRange[] = []
        for (let i = 0; i + 1 < sorted.length; i += 2) {
          if (sorted[i]! < sorted[i + 1]!) ranges.push({ start: sorted[i]!, end: sorted[i + 1]! })
        }
        return ranges
      })
      await Promise.all(
        sources.map(({ piece, stopAfter }, i) => {
          const recut = (available: number): number => Math.min(available, piece ?? available)
          return fetch(value, wanted[i]!, piece === undefined ? undefined : recut, stopAfter)
        }),
      )
      // What was left goes on for a moment, and must not take anything.
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
      for (const run of value.held.held()) t.true(isRight(value, run))
      for (const [i, { stopAfter }] of sources.entries()) {
        if (stopAfter === Infinity) for (const range of wanted[i]!) t.true(isRight(value, range))
      }
      t.is(takenBytes(), value.memoryBytes)
    }),
    { numRuns: 25 },
  )
})
