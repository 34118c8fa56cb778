import fc from 'fast-check'
import { concat, gather } from '../../src/bytes.ts'
import { ObjectReader } from '../../src/bucket/object-reader.ts'
import { DstoreError } from '../../src/errors.ts'
import type { ByteRange } from '../../src/hash/tree/tree.ts'
import { ARCHIVE_READ_BYTES, ARCHIVE_READS_AHEAD } from '../../src/limits.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'

const BLOCK = ARCHIVE_READ_BYTES

/** Bytes of which each 4 are another number. */
const bytesFrom = (size: number): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: Math.ceil(size / 4) }, (_, i) => i).buffer, 0, size)

const OBJECT = bytesFrom(5 * BLOCK + 12_345)

/** A bucket with one object, whose answers a test may hold back. */
class OneObject {
  readonly place = 's3://buck/p'
  readonly asked: ByteRange[] = []
  readonly aborted: ByteRange[] = []
  underWay = 0
  mostUnderWay = 0
  hold: () => Promise<unknown> = () => Promise.resolve()

  readonly get = async (
    key: string,
    { range, signal }: { range?: ByteRange; signal?: AbortSignal } = {},
  ): Promise<Uint8Array | undefined> => {
    this.asked.push(range!)
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay)
    signal!.addEventListener('abort', () => void this.aborted.push(range!))
    await this.hold()
    this.underWay--
    return key === 'v/1' ? OBJECT.slice(range!.start, range!.end) : undefined
  }
}

const noSlots = { run: <T>(act: () => Promise<T>): Promise<T> => act() }

const opened = (): { bucket: OneObject; reader: ObjectReader } => {
  const bucket = new OneObject()
  return { bucket, reader: new ObjectReader(bucket, noSlots) }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const ranges = fc
  .tuple(fc.nat(OBJECT.byteLength), fc.nat(OBJECT.byteLength))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
const edges = fc
  .tuple(fc.nat(5), fc.nat(5), fc.integer({ min: -1, max: 1 }), fc.integer({ min: -1, max: 1 }))
  .map(([a, b, x, y]) => [a * BLOCK + x, b * BLOCK + y].map((at) => Math.max(0, at)))
  .map(([a, b]) => ({ start: Math.min(a!, b!), end: Math.max(a!, b!) }))

test('R011-13: any range has the bytes of the object, by requests at fixed places', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(ranges, edges), async (range) => {
      const { bucket, reader } = opened()
      const pieces: Uint8Array[] = []
      for await (const piece of reader.read('v/1', range)) pieces.push(piece)
      t.true(same(concat(pieces), OBJECT.subarray(range.start, range.end)))
      t.true(pieces.every(({ byteLength }) => byteLength > 0 && byteLength <= BLOCK))
      t.true(pieces.every((piece) => piece.byteLength === piece.buffer.byteLength))
      const places = bucket.asked.map(({ start }) => Math.floor(start / BLOCK))
      t.is(new Set(places).size, places.length)
      for (const { start, end } of bucket.asked) {
        t.is(Math.floor(start / BLOCK), Math.floor((end - 1) / BLOCK), 'it stays in one place')
      }
      t.true(bucket.mostUnderWay <= ARCHIVE_READS_AHEAD + 1)
    }),
    { numRuns: 60 },
  )
})

test('R011-13: two requests are under way beyond the one that is waited for', async (t) => {
  const { bucket, reader } = opened()
  const pieces = reader.read('v/1', { start: 0, end: OBJECT.byteLength })
  await pieces.next()
  t.is(bucket.asked.length, 3)
  await pieces.next()
  t.is(bucket.asked.length, 4)
  await pieces.return(undefined)
  t.is(bucket.asked.length, 4)
})

test('R011-13: a missing or short object is damage', async (t) => {
  const { reader } = opened()
  const read = (key: string, start: number, end: number): Promise<Uint8Array> =>
    gather(reader.read(key, { start, end }))
  const size = OBJECT.byteLength
  for (const [key, start, end, message] of [
    ['v/2', 0, 1, /v\/2 is missing/],
    ['v/1', 0, size + 1, /too short/],
    ['v/1', size, size + 1, /too short/],
    ['v/1', size + 9 * BLOCK, size + 9 * BLOCK + 1, /too short/],
  ] as const) {
    const error = await t.throwsAsync(read(key, start, end), { message })
    t.like(error, { code: 'integrity' })
  }
  t.is((await read('v/2', 5, 5)).byteLength, 0)
})

test('R011-14: readers of a place at the same time share its request', async (t) => {
  const { bucket, reader } = opened()
  let answer!: () => void
  const held = new Promise<void>((resolve) => (answer = resolve))
  bucket.hold = () => held
  const range = { start: BLOCK, end: 2 * BLOCK }
  const inner = { start: BLOCK + 10, end: BLOCK + 20 }
  const reads = [range, range, inner].map((one) => gather(reader.read('v/1', one)))
  await eventually(() => bucket.asked.length > 0)
  answer()
  const [first, second, third] = await Promise.all(reads)
  t.deepEqual(bucket.asked, [range])
  t.true(same(first!, OBJECT.subarray(BLOCK, 2 * BLOCK)))
  t.true(same(third!, OBJECT.subarray(inner.start, inner.end)))
  // Each may give its memory away.
  t.is(new Set([first!.buffer, second!.buffer, third!.buffer]).size, 3)
})

test('a request for less than what another wants is not joined', async (t) => {
  const { bucket, reader } = opened()
  const small = { start: 10, end: 20 }
  const large = { start: 0, end: 30 }
  await Promise.all([small, large].map((one) => gather(reader.read('v/1', one))))
  t.deepEqual(bucket.asked, [small, large])
})

test('R011-14: a request ends when the last of its readers has left', async (t) => {
  const { bucket, reader } = opened()
  let answer!: () => void
  const held = new Promise<void>((resolve) => (answer = resolve))
  bucket.hold = () => held
  const controllers = [new AbortController(), new AbortController()]
  const range = { start: 0, end: BLOCK }
  const [first, second] = controllers.map(({ signal }) => gather(reader.read('v/1', range, signal)))
  await eventually(() => bucket.asked.length === 1)
  controllers[0]!.abort()
  t.like(await t.throwsAsync(first!), { code: 'cancelled' })
  t.deepEqual(bucket.aborted, [])
  controllers[1]!.abort()
  t.like(await t.throwsAsync(second!), { code: 'cancelled' })
  t.deepEqual(bucket.aborted, [range])
  // Who comes now is not told of it.
  const later = gather(reader.read('v/1', range))
  await eventually(() => bucket.asked.length === 2)
  answer()
  t.is((await later).byteLength, BLOCK)
})

test('R011-14: a request that failed is told to all its readers, and to no later one', async (t) => {
  const { bucket, reader } = opened()
  const fault = new DstoreError('unreachable', 'away')
  bucket.hold = () => Promise.reject(fault)
  const range = { start: 0, end: 100 }
  for (const read of [1, 2].map(() => gather(reader.read('v/1', range)))) {
    t.is(await t.throwsAsync(read), fault)
  }
  t.is(bucket.asked.length, 1)
  bucket.hold = () => Promise.resolve()
  t.is((await gather(reader.read('v/1', range))).byteLength, 100)
})

test('requests of all readers wait for a place', async (t) => {
  const bucket = new OneObject()
  const waiting: (() => void)[] = []
  const slots = {
    run: async <T>(act: () => Promise<T>): Promise<T> => {
      await new Promise<void>((resolve) => void waiting.push(resolve))
      return act()
    },
  }
  const reader = new ObjectReader(bucket, slots)
  const controller = new AbortController()
  const read = gather(reader.read('v/1', { start: 0, end: 100 }, controller.signal))
  await eventually(() => waiting.length === 1)
  controller.abort()
  t.like(await t.throwsAsync(read), { code: 'cancelled' })
  waiting[0]!()
  await new Promise((resolve) => setImmediate(resolve))
  t.is(bucket.asked.length, 0, 'who left asks for nothing')
})
