import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { FrameReader, encodeLength } from '../../src/wire/frames.ts'
import { channelPair } from './memory-pair.ts'
import { memory, noise, pattern, same } from './channel-tools.ts'
import { LIMIT, arriving } from './arriving.ts'
import { seededCuts } from './seeded.ts'

/**
 * A frame, raw bytes, a frame, raw bytes, a frame: what lies between two frames is taken in all
 * ways there are.
 */
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

/** Takes raw bytes into memory a few at a time, in the middle of more that must stay unchanged. */
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
