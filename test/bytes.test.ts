import { test } from './serial.ts'
import { Readable } from 'node:stream'
import * as fc from 'fast-check'
import {
  bytesIn,
  concat,
  equal,
  fromHex,
  gather,
  once,
  piecesOf,
  toHex,
  unzeroed,
  viewOf,
} from '../src/bytes.ts'

const bytes = fc.uint8Array({ maxLength: 200 })
/** The same bytes in the middle of a larger buffer. */
const inside = (array: Uint8Array): Uint8Array => {
  const around = new Uint8Array(array.byteLength + 20).fill(0xee)
  around.set(array, 7)
  return around.subarray(7, 7 + array.byteLength)
}

test('arrays are equal only if all of their bytes are', (t) => {
  fc.assert(
    fc.property(bytes, fc.nat(), (a, at) => {
      t.true(equal(a, inside(a)))
      t.false(equal(a, concat([a, new Uint8Array(1)])))
      t.false(equal(concat([a, new Uint8Array(1)]), a))
      if (a.byteLength === 0) return
      const other = a.slice()
      other[at % a.byteLength]! ^= 1
      t.false(equal(a, other))
    }),
  )
})

test('hex of bytes leads back to them, in either case; other text is refused', (t) => {
  fc.assert(
    fc.property(bytes, (a) => {
      const hex = toHex(inside(a))
      t.regex(hex, /^[0-9a-f]*$/)
      t.is(hex.length, 2 * a.byteLength)
      t.deepEqual(fromHex(hex), a)
      t.deepEqual(fromHex(hex.toUpperCase()), a)
    }),
  )
  for (const text of ['0', 'abc', 'zz', '0x', ' 00', '00 ', '00\n', '-1', '0g', 'ab..']) {
    t.is(fromHex(text), undefined, text)
  }
})

test('parts are joined in order; a single part is not copied', async (t) => {
  const parts = [1, 0, 3].map((length, i) => new Uint8Array(length).fill(i + 1))
  t.is(bytesIn(parts), 4)
  t.deepEqual([...concat(parts)], [1, 3, 3, 3])
  t.is(concat([parts[2]!]), parts[2]!)
  t.is(concat([]).byteLength, 0)
  const large = [5000, 1].map((length, i) => new Uint8Array(length).fill(i + 1))
  t.deepEqual([...concat(large)], [...large[0]!, 2])
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield* once(part)
  }
  t.deepEqual([...(await gather(pieces()))], [1, 3, 3, 3])
})

test('a view of bytes begins and ends where they do', (t) => {
  const view = viewOf(inside(Uint8Array.of(1, 2, 3, 4)))
  t.is(view.byteLength, 4)
  t.is(view.getUint32(0), 0x01020304)
})

test('unzeroed memory has the length asked for, belongs to one array, and copies when sliced', (t) => {
  for (const length of [0, 1, 4095, 4096, 4097, 1 << 20]) {
    const memory = unzeroed(length)
    t.is(memory.byteLength, length)
    t.is(memory.buffer.byteLength, length)
    t.is(Object.getPrototypeOf(memory), Uint8Array.prototype)
    t.not(memory.slice().buffer, memory.buffer)
  }
})

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A stream that pushes these pieces at once, and then ends as told. */
function pushing(count: number, end: (stream: Readable) => void): Readable {
  const stream = new Readable({ read: () => undefined })
  for (let i = 0; i < count; i++) stream.push(Uint8Array.of(i))
  stream.on('error', () => undefined)
  setImmediate(() => end(stream))
  return stream
}

test('all that a stream holds when it fails comes out before the failure', async (t) => {
  const failure = new Error('failed')
  for (const count of [0, 1, 50]) {
    for (const [end, message] of [
      [(stream: Readable) => void stream.destroy(failure), 'failed'],
      [(stream: Readable) => void stream.destroy(), 'the stream was closed before its end'],
      [(stream: Readable) => void stream.push(null), undefined],
    ] as const) {
      const stream = pushing(count, end)
      const found: number[] = []
      // The stream fails while its first pieces are being read, or before.
      if (count === 50) await turn()
      const reading = (async () => {
        for await (const piece of piecesOf(stream)) {
          found.push(...piece)
          await turn()
        }
      })()
      if (message === undefined) await reading
      else await t.throwsAsync(reading, { message })
      t.deepEqual(
        found,
        Array.from({ length: count }, (_, i) => i),
        message,
      )
    }
  }
})

test('a reader that leaves a stream destroys it', async (t) => {
  const stream = pushing(3, () => undefined)
  for await (const _ of piecesOf(stream)) break
  t.true(stream.destroyed)
  stream.emit('error', new Error('late'))
})
