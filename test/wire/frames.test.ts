import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import { FrameReader, encodeLength } from '../../src/wire/frames.ts'
import { channelPair } from './memory-pair.ts'
import { noise, pattern, same } from './channel-tools.ts'
import { LIMIT, arriving } from './arriving.ts'
import { seededCuts } from './seeded.ts'

/** Lengths where the number of digits, the first room, a join or the limit changes. */
const LENGTHS = [
  0,
  1,
  127,
  128,
  129,
  4095,
  4096,
  4097,
  16_383,
  16_384,
  16_385,
  65_535,
  65_536,
  LIMIT,
]

test('R000-2, R000-6: frames and raw bytes come out as they went in', async (t) => {
  const [a, b] = channelPair()
  const writer = new FrameWriter(a)
  const reader = new FrameReader(b, { maxBytes: LIMIT })
  const sending = (async () => {
    for (const [i, length] of LENGTHS.entries()) {
      await writer.send(pattern(length, i))
      await writer.raw(pattern(length, i + 1))
    }
    await writer.end()
  })()
  for (const [i, length] of LENGTHS.entries()) {
    same(t, (await reader.next())!, pattern(length, i))
    const raw: Uint8Array[] = []
    for await (const piece of reader.raw(length)) raw.push(piece)
    t.true(raw.every((piece) => piece.byteLength > 0))
    same(t, concat(raw), pattern(length, i + 1))
  }
  await sending
  t.is(await reader.next(), undefined)
  t.is(await reader.next(), undefined)
})

test('any frames, however they are cut on the way, are the same frames', async (t) => {
  const parts = fc.array(
    fc.record({
      frame: fc.uint8Array({ maxLength: 9000 }),
      raw: fc.uint8Array({ maxLength: 9000 }),
    }),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(parts, fc.integer(), async (sent, seed) => {
      const [a, b] = channelPair({ recut: seededCuts(seed), bufferBytes: 5000 })
      const writer = new FrameWriter(a)
      const sending = (async () => {
        for (const { frame, raw } of sent) {
          await Promise.all([writer.send(frame), writer.raw(raw)])
        }
        await writer.end()
      })()
      const reader = new FrameReader(b, { maxBytes: 9000 })
      for (const { frame, raw } of sent) {
        t.deepEqual(Buffer.from((await reader.next())!), Buffer.from(frame))
        const pieces: Uint8Array[] = []
        for await (const piece of reader.raw(raw.byteLength)) pieces.push(piece)
        t.deepEqual(Buffer.concat(pieces), Buffer.from(raw))
      }
      t.is(await reader.next(), undefined)
      await sending
    }),
    { numRuns: 200 },
  )
})

test('random bytes are frames, or a broken protocol: nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.integer(), async (bytes, seed) => {
      const reader = arriving(bytes, seededCuts(seed))
      let consumed = 0
      try {
        for (let frame = await reader.next(); frame; frame = await reader.next()) {
          consumed += encodeLength(frame.byteLength).byteLength + frame.byteLength
        }
        t.is(consumed, bytes.byteLength)
      } catch (error) {
        t.true(error instanceof DstoreError && error.code === 'protocol')
      }
    }),
    { numRuns: 2000 },
  )
})

const HOSTILE: Record<string, { bytes: number[]; says: RegExp }> = {
  'R000-3: a frame one byte over the limit': {
    bytes: [0x81, 0x80, 0x40],
    says: /1048577 bytes.*1048576/,
  },
  'R000-3: the longest frame there is': {
    bytes: [0xff, 0xff, 0xff, 0x7f],
    says: /268435455 bytes/,
  },
  'R000-3: a length of five bytes': {
    bytes: [0x80, 0x80, 0x80, 0x80, 0x01],
    says: /more than 4 bytes/,
  },
  'R000-3: a negative length': { bytes: Array<number>(10).fill(0xff), says: /more than 4 bytes/ },
  'R000-2: zero in two bytes': { bytes: [0x80, 0x00], says: /shortest form/ },
  'R000-2: one in three bytes': { bytes: [0x81, 0x80, 0x00, 7], says: /shortest form/ },
  'R000-5: an end inside the length': { bytes: [0x80], says: /ended inside a frame/ },
  'R000-5: an end before the body': { bytes: [0x05], says: /ended before/ },
  'R000-5: an end inside the body': { bytes: [0x05, 1, 2, 3, 4], says: /ended before/ },
}

for (const [name, { bytes, says }] of Object.entries(HOSTILE)) {
  test(`${name} breaks the protocol, and the reader stays broken`, async (t) => {
    const reader = arriving(Uint8Array.from(bytes))
    const error = await t.throwsAsync(reader.next(), { instanceOf: DstoreError, message: says })
    t.is(error.code, 'protocol')
    await t.throwsAsync(reader.next(), { is: error })
    await t.throwsAsync(reader.raw(1).next(), { is: error })
  })
}

test('R000-5: raw bytes that stop coming break the protocol', async (t) => {
  const reader = arriving(Uint8Array.of(0, 1, 2, 3))
  t.is((await reader.next())!.byteLength, 0)
  const error = await t.throwsAsync(async () => {
    for await (const piece of reader.raw(4)) t.true(piece.byteLength <= 3)
  })
  t.is((error as DstoreError).code, 'protocol')
})

test('raw bytes that were left lying are a mistake of the caller', async (t) => {
  const reader = arriving(Uint8Array.of(0, 1, 2, 3, 4), () => 1)
  await reader.next()
  for await (const piece of reader.raw(4)) {
    t.is(piece[0], 1)
    break
  }
  await t.throwsAsync(reader.next(), { instanceOf: TypeError, message: /3 raw bytes/ })
  await t.throwsAsync(reader.raw(1).next(), { instanceOf: TypeError })
  await t.throwsAsync(reader.raw(-1).next(), { instanceOf: RangeError })
  await t.throwsAsync(reader.raw(1.5).next(), { instanceOf: RangeError })
})

test('R000-3: one frame may have a lower limit, and never a higher one', async (t) => {
  const frame = (length: number): Uint8Array => concat([encodeLength(length), noise(length, 1)])
  const reader = arriving(concat([frame(5), frame(6)]))
  t.is((await reader.next(() => 5))!.byteLength, 5)
  await t.throwsAsync(
    reader.next(() => 5),
    { code: 'protocol', message: /at most 5/ },
  )
  const other = arriving(encodeLength(LIMIT + 1))
  await t.throwsAsync(
    other.next(() => Infinity),
    { code: 'protocol', message: /at most 1048576/ },
  )
})

test('a limit that no length can reach is a mistake of the caller', (t) => {
  const [a] = channelPair()
  for (const maxBytes of [-1, 0.5, 2 ** 28, Number.NaN]) {
    t.throws(() => new FrameReader(a, { maxBytes }), { instanceOf: RangeError })
  }
})

// Serial, because it counts the memory of the whole process.
test('R000-4: a claim of a long frame costs no memory before the bytes come', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 200 }, () => {
    const [a, b] = channelPair()
    void a.write(Uint8Array.of(0x80, 0x80, 0x40, 1, 2, 3))
    return { a, reading: new FrameReader(b, { maxBytes: LIMIT }).next() }
  })
  // Until each reader has taken what came.
  await Promise.all(readers.map(({ a }) => a.flush()))
  const spent = process.memoryUsage().arrayBuffers - before
  t.true(spent < 20 * LIMIT, `${spent} bytes for 200 claims of ${LIMIT}`)
  for (const { a, reading } of readers) {
    a.abort(new Error('enough'))
    await t.throwsAsync(reading)
  }
})
