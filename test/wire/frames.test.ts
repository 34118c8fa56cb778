import test, { type ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { FRAME_QUEUE_BYTES } from '../../src/limits.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { FrameWriter, FRAME_WRITE_BYTES } from '../../src/wire/frame-writer.ts'
import { FrameReader, encodeLength } from '../../src/wire/frames.ts'
import { channelPair } from './memory-pair.ts'
import { memory, noise, pattern, readAll, same } from './channel-tools.ts'
import { seededCuts } from './seeded.ts'

const LIMIT = 1 << 20

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

/** The bytes, then the end, as they come from a peer that means ill. */
function arriving(bytes: Uint8Array, recut?: (available: number) => number): FrameReader {
  const [a, b] = channelPair(recut === undefined ? {} : { recut })
  void a.write(bytes).then(() => a.end())
  return new FrameReader(b, { maxBytes: LIMIT })
}

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

/** A frame, raw bytes, a frame, raw bytes, a frame: what lies between two frames is taken in all ways there are. */
interface Mixed {
  readonly frames: readonly Uint8Array[]
  readonly raws: readonly Uint8Array[]
  readonly wire: Uint8Array
}

function mixed(lengths: readonly number[]): Mixed {
  const frames = lengths.map((_, i) => pattern(1 + i, i))
  const raws = lengths.map((length, i) => noise(length, i))
  const parts = lengths.flatMap((_, i) => [
    encodeLength(frames[i]!.byteLength),
    frames[i]!,
    raws[i]!,
  ])
  return { frames, raws, wire: concat(parts) }
}

type Taking = (reader: FrameReader, length: number) => Promise<Uint8Array>

/** Takes raw bytes into memory a few at a time, in the middle of more that nobody may write to. */
const filling =
  (most: number): Taking =>
  async (reader, length) => {
    const whole = new Uint8Array(length + 20).fill(0xa5)
    for (let at = 0; at < length;) {
      const room = Math.min(most, length - at)
      const count = await reader.fill(whole.subarray(10 + at, 10 + at + room))
      if (count < 1 || count > room) throw new Error(`${count} bytes in memory of ${room}`)
      at += count
    }
    const around = [...whole.subarray(0, 10), ...whole.subarray(10 + length)]
    if (around.some((byte) => byte !== 0xa5)) throw new Error('bytes around the memory')
    return whole.slice(10, 10 + length)
  }

const TAKINGS: readonly Taking[] = [
  async (reader, length) => new Uint8Array(await reader.bytes(length)),
  filling(Infinity),
  filling(3),
  async (reader, length) => {
    const half = Math.floor(length / 2)
    const first = new Uint8Array(await reader.bytes(half))
    return concat([first, await filling(7)(reader, length - half)])
  },
  async (reader, length) => {
    const parts: Uint8Array[] = []
    for await (const piece of reader.raw(length)) parts.push(new Uint8Array(piece))
    return concat(parts)
  },
]

/** Everything is taken, in whatever way, as it was sent. */
async function takesAll(
  t: ExecutionContext,
  reader: FrameReader,
  { frames, raws }: Mixed,
  first: number,
): Promise<void> {
  for (const [i, frame] of frames.entries()) {
    t.is(Buffer.compare((await reader.next())!, frame), 0)
    const take = TAKINGS[(first + i) % TAKINGS.length]!
    same(t, await take(reader, raws[i]!.byteLength), raws[i]!)
  }
  t.is(await reader.next(), undefined)
}

test('R000-6: raw bytes are taken whole or into memory, wherever they are cut', async (t) => {
  const sent = mixed([0, 40, 1, 17, 0, 25])
  for (let cut = 0; cut <= sent.wire.byteLength; cut++) {
    const [a, b] = channelPair()
    const reader = new FrameReader(b, { maxBytes: 100 })
    const taking = takesAll(t, reader, sent, cut)
    void a.write(sent.wire.subarray(0, cut))
    await new Promise((resolve) => setImmediate(resolve))
    void a.write(sent.wire.subarray(cut))
    void a.end()
    await taking
  }
  for (let step = 1; step <= 50; step++) {
    const reader = arriving(sent.wire, (available) => Math.min(step, available))
    await takesAll(t, reader, sent, step)
  }
})

test('R000-6: raw bytes of any length are taken whole or into memory, however they are cut', async (t) => {
  const lengths = fc.array(fc.oneof(fc.nat(50), fc.nat(40_000)), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer(), fc.nat(4), async (lengths, seed, first) => {
      const sent = mixed(lengths)
      const reader = arriving(sent.wire, seededCuts(seed))
      await takesAll(t, reader, sent, first)
    }),
    { numRuns: 50 },
  )
})

test('R000-5: raw bytes that stop coming are given as far as they came, then break the protocol', async (t) => {
  for (const came of [0, 1, 5, 9]) {
    for (const step of [1, 3, 100]) {
      const cut = (available: number): number => Math.min(step, available)
      const bytes = arriving(concat([Uint8Array.of(0), noise(came, 1)]), cut)
      await bytes.next()
      const error = await t.throwsAsync(bytes.bytes(10), { instanceOf: DstoreError })
      t.is(error.code, 'protocol')
      await t.throwsAsync(bytes.next(), { is: error })

      const filled = arriving(concat([Uint8Array.of(0), noise(came, 1)]), cut)
      await filled.next()
      const target = memory(10)
      let got = 0
      while (got < came) got += await filled.fill(target.subarray(got))
      same(t, target.subarray(0, got), noise(came, 1))
      const broken = await t.throwsAsync(filled.fill(target.subarray(got)), {
        instanceOf: DstoreError,
      })
      t.is(broken.code, 'protocol')
      await t.throwsAsync(filled.fill(target), { is: broken })
      await t.throwsAsync(filled.bytes(1), { is: broken })
      await t.throwsAsync(filled.next(), { is: broken })
    }
  }
})

test('a channel that breaks gives who has memory filled what came before, then its reason', async (t) => {
  const reason = new DstoreError('timeout', 'nothing more came')
  for (const isEarly of [true, false]) {
    const [a, b] = channelPair()
    const reader = new FrameReader(b, { maxBytes: LIMIT })
    // What came with the frame, and what came after it.
    await a.write(concat([encodeLength(1), Uint8Array.of(7), noise(5, 1)]))
    await reader.next()
    const target = memory(100)
    let filling: Promise<number> | undefined
    if (!isEarly) {
      filling = reader.fill(target)
      await a.write(noise(6, 2))
    }
    b.abort(reason)
    filling ??= reader.fill(target)
    const count = await filling
    same(t, target.subarray(0, count), concat([noise(5, 1), noise(isEarly ? 0 : 6, 2)]))
    await t.throwsAsync(reader.fill(target), { is: reason })
    await t.throwsAsync(reader.bytes(1), { is: reason })
    await t.throwsAsync(reader.next(), { is: reason })
  }
})

test('a channel that breaks breaks who waits for bytes whole', async (t) => {
  const reason = new DstoreError('timeout', 'nothing more came')
  const [a, b] = channelPair()
  const reader = new FrameReader(b, { maxBytes: LIMIT })
  const taking = t.throwsAsync(reader.bytes(10), { is: reason })
  await a.write(noise(5, 1))
  b.abort(reason)
  await taking
  await t.throwsAsync(reader.fill(memory(1)), { is: reason })
})

test('raw bytes that were left lying are not taken in another way', async (t) => {
  const reader = arriving(Uint8Array.of(0, 1, 2, 3, 4), () => 1)
  await reader.next()
  for await (const piece of reader.raw(3)) {
    t.is(piece[0], 1)
    break
  }
  const mistake = { instanceOf: TypeError, message: /2 raw bytes/ }
  await t.throwsAsync(reader.bytes(1), mistake)
  const target = memory(1)
  await t.throwsAsync(reader.fill(target), mistake)
})

test('a limit that no length can reach is a mistake of the caller', (t) => {
  const [a] = channelPair()
  for (const maxBytes of [-1, 0.5, 2 ** 28, Number.NaN]) {
    t.throws(() => new FrameReader(a, { maxBytes }), { instanceOf: RangeError })
  }
})

// Alone, for what others hold at the same time would be counted.
test.serial('R000-4: a claim of a long frame costs no memory before the bytes come', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 200 }, () => {
    const [a, b] = channelPair()
    void a.write(Uint8Array.of(0x80, 0x80, 0x40, 1, 2, 3))
    return { a, reading: new FrameReader(b, { maxBytes: LIMIT }).next() }
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  const spent = process.memoryUsage().arrayBuffers - before
  t.true(spent < 20 * LIMIT, `${spent} bytes for 200 claims of ${LIMIT}`)
  for (const { a, reading } of readers) {
    a.abort(new Error('enough'))
    await t.throwsAsync(reading)
  }
})

test('a broken channel breaks its reader and its writer with the reason', async (t) => {
  const [a, b] = channelPair()
  const reader = new FrameReader(a, { maxBytes: LIMIT })
  const writer = new FrameWriter(a)
  const full = t.throwsAsync(async () => {
    for (;;) await writer.send(pattern(100_000, 0))
  })
  const flushing = (async () => {
    await new Promise((resolve) => setImmediate(resolve))
    await writer.flush()
  })()
  const reading = reader.next()
  const reason = new DstoreError('not-permitted', 'go away')
  setTimeout(() => a.abort(reason), 20)
  await t.throwsAsync(reading, { is: reason })
  await t.throwsAsync(flushing, { is: reason })
  t.is(await full, reason)
  await t.throwsAsync(writer.send(pattern(1, 0)), { is: reason })
  await t.throwsAsync(writer.end(), { is: reason })
  t.is(writer.queuedBytes, 0)
  t.true(b.signal.aborted)
})

test('a frame that is sent alone goes out at once, those of one turn together', async (t) => {
  const writes: number[] = []
  const [a, b] = channelPair()
  const writer = new FrameWriter(counting(a, writes))
  const received = readAll(b)
  void writer.send(pattern(10, 0))
  t.deepEqual(writes, [11])
  for (let i = 0; i < 50; i++) await writer.send(pattern(99, i))
  await writer.flush()
  t.deepEqual(writes, [11, 5000])
  await writer.end()
  t.is((await received).byteLength, 5011)
})

test('parts of one turn go out together, up to the size of one write', async (t) => {
  const writes: number[] = []
  const [a, b] = channelPair()
  const writer = new FrameWriter(counting(a, writes))
  const received = readAll(b)
  void writer.raw(pattern(1, 0))
  const fits = FRAME_WRITE_BYTES - 230_000
  for (const length of [200_000, 30_000, fits, 1, FRAME_WRITE_BYTES + 5, 1]) {
    void writer.raw(pattern(length, 0), pattern(1, 0).subarray(1))
  }
  await writer.end()
  t.deepEqual(writes, [1, FRAME_WRITE_BYTES, 1, FRAME_WRITE_BYTES + 5, 1])
  await received
})

test('a reader that does not read makes senders wait, with a bounded queue', async (t) => {
  const [a, b] = channelPair({ bufferBytes: 1000 })
  const writer = new FrameWriter(a)
  const frame = pattern(50_000, 1)
  let sent = 0
  const sending = (async () => {
    for (; sent < 100; sent++) await writer.send(frame)
    await writer.end()
  })()
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.true(sent * frame.byteLength < FRAME_QUEUE_BYTES + 200_000, `${sent} frames unread`)
  t.true(writer.queuedBytes <= FRAME_QUEUE_BYTES + frame.byteLength + 4)
  const reader = new FrameReader(b, { maxBytes: LIMIT })
  for (let i = 0; i < 100; i++) same(t, (await reader.next())!, frame)
  t.is(await reader.next(), undefined)
  await sending
})

test('a write after the end is told to whoever sends next', async (t) => {
  const [a] = channelPair()
  const writer = new FrameWriter(a)
  await a.end()
  await writer.send(pattern(1, 0))
  await t.throwsAsync(writer.flush(), { instanceOf: TypeError })
  await t.throwsAsync(writer.send(pattern(1, 0)), { instanceOf: TypeError })
})

function counting(channel: Channel, writes: number[]): Channel {
  return {
    peer: channel.peer,
    signal: channel.signal,
    read: () => channel.read(),
    fill: (target, filled) => channel.fill(target, filled),
    write: (bytes) => {
      const parts = bytes instanceof Uint8Array ? [bytes] : bytes
      writes.push(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
      return channel.write(bytes)
    },
    flush: () => channel.flush(),
    end: () => channel.end(),
    abort: (reason) => channel.abort(reason),
  }
}
