/**
 * Where the bytes of a lane land, against a socket that does as Node's: it writes where it was told
 * before the last bytes came, whatever has happened since. A real one cannot be made to stop in the
 * middle of a record.
 */
import { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { concat } from '../../../src/bytes.ts'
import { CHANNEL_BUFFER_BYTES, LANE_RECORD_BYTES } from '../../../src/limits.ts'
import { LaneChannel, LANE_SENDING } from '../../../src/network/lane/lane-channel.ts'
import { LANE_SLAB_BYTES, LaneReceiver, SlabPool } from '../../../src/network/lane/lane-receive.ts'
import { noise, same } from '../../wire/channel-tools.ts'

/** What one TLS record holds at most: so much comes at once. */
const TLS_RECORD_BYTES = 16_384

class FedSocket extends EventEmitter {
  readonly #intake: LaneReceiver
  #memory: Uint8Array
  #waiting: Uint8Array = new Uint8Array(0)
  #isPaused = false
  destroyed = false
  /** How many bytes it wrote to which memory. */
  readonly landed = new Map<ArrayBufferLike, number>()
  /** What was written and is not taken yet. */
  readonly writes: { readonly bytes: Uint8Array; readonly done: () => void }[] = []

  constructor(intake: LaneReceiver) {
    super()
    this.#intake = intake
    this.#memory = intake.onread.buffer()
  }

  get waitingBytes(): number {
    return this.#waiting.byteLength
  }

  /** Bytes that come from the peer. */
  feed(bytes: Uint8Array): void {
    this.#waiting = concat([this.#waiting, bytes])
    this.#pump()
  }

  #pump(): void {
    while (!this.#isPaused && this.#waiting.byteLength > 0) {
      const most = Math.min(TLS_RECORD_BYTES, this.#memory.byteLength)
      const part = this.#waiting.subarray(0, most)
      this.#waiting = this.#waiting.subarray(part.byteLength)
      this.#memory.set(part)
      const { buffer } = this.#memory
      this.landed.set(buffer, (this.landed.get(buffer) ?? 0) + part.byteLength)
      this.#isPaused = !this.#intake.onread.callback(part.byteLength)
      this.#memory = this.#intake.onread.buffer()
    }
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    setImmediate(() => this.#pump())
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.writes.push({ bytes, done })
  }

  /** Takes the oldest write. */
  take(): Uint8Array {
    const { bytes, done } = this.writes.shift()!
    const copy = bytes.slice()
    done()
    return copy
  }

  destroy(): void {
    this.destroyed = true
  }

  destroySoon(): void {
    this.destroyed = true
  }

  setNoDelay(): void {}

  setKeepAlive(): void {}
}

interface Fed {
  readonly socket: FedSocket
  readonly lane: LaneChannel
  /** Other lanes come and go: they use all memory that is free. */
  readonly scribble: () => void
}

/** A lane that was dialed, to a socket that already gave what is `early`. */
function fed(early: Uint8Array = new Uint8Array(0)): Fed {
  const pool = new SlabPool()
  const intake = new LaneReceiver(pool)
  const socket = new FedSocket(intake)
  socket.feed(early)
  const lane = new LaneChannel(socket as unknown as TLSSocket, 'peer', pool, intake)
  const scribble = (): void => {
    const slabs = [pool.take(), pool.take(), pool.take()]
    for (const slab of slabs) pool.give(slab.fill(0xee))
  }
  return { socket, lane, scribble }
}

function record(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.byteLength)
  return concat([length, bytes])
}

const END = record(new Uint8Array(0))

/** Memory with a fringe that must stay unchanged. */
function room(length: number): { readonly target: Uint8Array; readonly isClean: () => boolean } {
  const whole = new Uint8Array(length + 128).fill(0xa5)
  const target = whole.subarray(64, 64 + length)
  const fringe = (): Uint8Array[] => [whole.subarray(0, 64), whole.subarray(64 + length)]
  return { target, isClean: () => fringe().every((part) => part.every((byte) => byte === 0xa5)) }
}

async function filledTo(lane: LaneChannel, target: Uint8Array, count: number): Promise<void> {
  for (let got = 0; got < count;) got = await lane.fill(target, got)
}

/** Who asks next, after memory was filled in part in the middle of a record. */
type Ask = (lane: LaneChannel, old: Uint8Array, got: number) => Promise<Uint8Array>

async function into(lane: LaneChannel, target: Uint8Array, filled = 0): Promise<Uint8Array> {
  const count = await lane.fill(target, filled)
  if (count > target.byteLength) throw new Error(`${count} bytes in ${target.byteLength}`)
  return target.subarray(filled, count)
}

const ASKS: Readonly<Record<string, Ask>> = {
  'a fill of other memory': (lane) => into(lane, room(50_000).target),
  'a fill of a little other memory': (lane) => into(lane, room(7).target),
  'a fill of other memory, at the same place of it': (lane, _, got) =>
    into(lane, room(200_000).target.subarray(got)),
  'a fill of the same memory further on': (lane, old, got) => into(lane, old.subarray(got)),
  'a fill of little of the same memory further on': (lane, old, got) =>
    into(lane, old.subarray(got, got + 7)),
  'a fill of the same memory behind a gap': (lane, old, got) => into(lane, old.subarray(got + 9)),
  'a fill of the same memory behind what is there': (lane, old, got) => into(lane, old, got),
  'a fill of the same memory from its start': (lane, old) => into(lane, old),
  'a fill of the same memory from within what is there': (lane, old, got) =>
    into(lane, old.subarray(got - 5)),
  'a read': async (lane) => (await lane.read())!,
}

for (const [what, ask] of Object.entries(ASKS)) {
  test(`bytes received into memory of a fill that is over are not lost: ${what}`, async (t) => {
    for (const more of [1, 6, 7, 8, 9, 10, 5000, TLS_RECORD_BYTES, 100_000]) {
      const { socket, lane } = fed()
      const bytes = noise(3000 + more + 500, more)
      const sent = record(bytes)
      const old = room(200_000)
      const filling = filledTo(lane, old.target, 3000)
      socket.feed(sent.subarray(0, 4 + 3000))
      await filling
      const kept = old.target.slice(0, 3000)
      same(t, kept, bytes.subarray(0, 3000))
      const asking = ask(lane, old.target, 3000)
      socket.feed(sent.subarray(4 + 3000, 4 + 3000 + more))
      const parts = [kept, new Uint8Array(await asking)]
      socket.feed(concat([sent.subarray(4 + 3000 + more), END]))
      for (let part = await lane.read(); part !== undefined; part = await lane.read()) {
        parts.push(new Uint8Array(part))
      }
      same(t, concat(parts), bytes)
      if (!what.includes('from')) same(t, old.target.subarray(0, 3000), kept)
      t.true(old.isClean())
    }
  })
}

test('a pending fill gets its bytes straight into its memory', async (t) => {
  const { socket, lane } = fed()
  const bytes = noise(LANE_RECORD_BYTES, 1)
  const small = async (): Promise<ArrayBufferLike> => {
    const reading = lane.read()
    socket.feed(record(noise(20, 2)))
    const part = (await reading)!
    same(t, part, noise(20, 2))
    return part.buffer
  }
  const slab = await small()
  const { target, isClean } = room(LANE_RECORD_BYTES)
  const filling = lane.fill(target)
  socket.feed(record(bytes))
  t.is(await filling, LANE_RECORD_BYTES)
  same(t, target, bytes)
  t.true(isClean())
  t.is(socket.landed.get(target.buffer), LANE_RECORD_BYTES)
  t.is(await small(), slab)
  // The first length as well: the socket was told where before the lane was there.
  t.is(socket.landed.get(slab), 4 + 20 + 20)
})

test('once more has come elsewhere, memory that was filled in part is not written to any more', async (t) => {
  const { socket, lane } = fed()
  const sent = record(noise(100_000, 1))
  const { target } = room(50_000)
  const filling = filledTo(lane, target, 3000)
  socket.feed(sent.subarray(0, 3004))
  await filling
  const reading = lane.read()
  socket.feed(sent.subarray(3004, 3005))
  same(t, (await reading)!, sent.subarray(3004, 3005))
  target.fill(0)
  socket.feed(sent.subarray(3005))
  t.true(target.every((byte) => byte === 0))
})

test('bytes in memory of a fill that is over are copied, so the memory may change', async (t) => {
  const { socket, lane } = fed()
  const bytes = noise(30_000, 1)
  const { target } = room(50_000)
  const filling = filledTo(lane, target, 3000)
  socket.feed(record(bytes).subarray(0, 3004))
  await filling
  socket.feed(record(bytes).subarray(3004))
  target.fill(0)
  const parts: Uint8Array[] = []
  for (let got = 3000; got < 30_000; got += parts.at(-1)!.byteLength) {
    parts.push(new Uint8Array((await lane.read())!))
  }
  same(t, concat(parts), bytes.subarray(3000))
})

test('memory of what is not read yet, or was read last, is used for nothing else', async (t) => {
  const { socket, lane, scribble } = fed()
  const bytes = noise(3 * LANE_SLAB_BYTES, 1)
  socket.feed(concat([record(bytes), END]))
  const parts: Uint8Array[] = []
  for (let i = 0; ; i++) {
    const part = await (i % 3 === 2 ? into(lane, room(100).target) : lane.read())
    if (part === undefined || part.byteLength === 0) break
    scribble()
    await new Promise((resolve) => setImmediate(resolve))
    scribble()
    parts.push(new Uint8Array(part))
  }
  same(t, concat(parts), bytes)
})

test('a reader that is always a little behind gives memory back as it reads', async (t) => {
  const { socket, lane } = fed()
  const sent = [1, 2, 3].map((seed) => noise(LANE_RECORD_BYTES, seed))
  const bytes = concat(sent)
  const wire = concat([...sent.map((one) => record(one)), END])
  const ahead = 100_000
  socket.feed(wire.subarray(0, ahead))
  const parts: Uint8Array[] = []
  const { target } = room(30_000)
  for (let at = ahead; at < wire.byteLength;) {
    const part = await into(lane, target)
    parts.push(part.slice())
    // As much as was read: there is always something that was not.
    socket.feed(wire.subarray(at, at + part.byteLength))
    at += part.byteLength
  }
  for (let part = await into(lane, target); part.byteLength > 0; part = await into(lane, target)) {
    parts.push(part.slice())
  }
  same(t, concat(parts), bytes)
  const slabs = [...socket.landed.keys()].filter(({ byteLength }) => byteLength === LANE_SLAB_BYTES)
  t.true(slabs.length >= 2 && slabs.length <= 4, `${slabs.length} slabs`)
})

test('a flush is over when the socket has taken everything, and memory is read until then', async (t) => {
  const { socket, lane } = fed()
  const memory = [100, 2 * LANE_SLAB_BYTES + 100, LANE_SLAB_BYTES, 7].map((length, i) =>
    noise(length, i),
  )
  const sent = record(concat(memory))
  const ended: string[] = []
  const writing = lane.write(memory).then(() => ended.push('write'))
  const flushing = [lane.flush(), lane.flush()].map((flush) =>
    flush.then(() => ended.push('flush')),
  )
  const taken: Uint8Array[] = []
  for (let got = 0; got < sent.byteLength; got += taken.at(-1)!.byteLength) {
    await new Promise((resolve) => setImmediate(resolve))
    t.false(ended.includes('flush'))
    t.true(socket.writes.length > 0 && socket.writes.length <= LANE_SENDING)
    taken.push(socket.take())
  }
  await Promise.all([writing, ...flushing])
  t.deepEqual(ended, ['write', 'flush', 'flush'])
  same(t, concat(taken), sent)
  t.is(socket.writes.length, 0)
})

test('a lane that fails returns the bytes it received, and writes to no memory once it is closed', async (t) => {
  const { socket, lane } = fed()
  const sent = record(noise(100_000, 1))
  const { target } = room(50_000)
  const filling = lane.fill(target)
  socket.feed(sent.subarray(0, 3004))
  socket.emit('close')
  t.is(await filling, 3000)
  same(t, target.subarray(0, 3000), sent.subarray(4, 3004))
  t.is(await lane.fill(target, 3000), 3000)
  await t.throwsAsync(lane.fill(target), { is: lane.signal.reason as Error })
  t.true(socket.destroyed)
})

test('bytes that arrive before the lane has a reader are delivered like any', async (t) => {
  const length = 3 * LANE_SLAB_BYTES
  const bytes = noise(length, 1)
  const sent = concat([record(bytes.subarray(0, 7)), record(bytes.subarray(7)), END])
  // The socket pauses once half a slab has arrived without a reader.
  for (const early of [1, 4, 10, 11, 15, 40_000, LANE_SLAB_BYTES / 2 + 1, sent.byteLength]) {
    const { socket, lane } = fed(sent.subarray(0, early))
    const { target, isClean } = room(length + 1)
    socket.feed(sent.subarray(early))
    await filledTo(lane, target, length)
    same(t, target.subarray(0, length), bytes)
    t.is(await lane.fill(target), 0)
    t.true(isClean())
  }
})

test('without a reader the socket pauses, and resumes when memory is given', async (t) => {
  const { socket, lane } = fed()
  const bytes = noise(LANE_RECORD_BYTES, 1)
  socket.feed(record(bytes))
  t.true(socket.waitingBytes >= LANE_RECORD_BYTES - CHANNEL_BUFFER_BYTES - LANE_SLAB_BYTES)
  const { target, isClean } = room(LANE_RECORD_BYTES)
  await filledTo(lane, target, LANE_RECORD_BYTES)
  same(t, target, bytes)
  t.true(isClean())
})

interface Consumer {
  readonly kind: 'read' | 'other' | 'further' | 'behind' | 'start'
  readonly length: number
}

/** Takes everything up to the end, in whatever memory is asked for. */
async function consume(
  { lane, scribble }: Fed,
  consumers: readonly Consumer[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let old = room(150_000)
  let got = 0
  for (let i = 0; ; i++) {
    const { kind, length } = consumers[i % consumers.length]!
    if (kind === 'other' || (kind !== 'read' && got + length > old.target.byteLength)) {
      if (!old.isClean()) throw new Error('bytes around the memory')
      old = room(length + (i % 2 === 0 ? 20_000 : 0))
      got = 0
    }
    if (kind === 'read') {
      const part = await lane.read()
      if (part === undefined) return concat(parts)
      scribble()
      parts.push(new Uint8Array(part))
      continue
    }
    if (kind === 'start') got = 0
    const from = kind === 'behind' ? 0 : got
    const filled = got - from
    const part = await into(lane, old.target.subarray(from, got + length), filled)
    if (part.byteLength === 0 && filled === 0) return concat(parts)
    parts.push(part.slice())
    got += part.byteLength
  }
}

test('any records, however they are cut and read, are the same bytes', async (t) => {
  const kinds = fc.constantFrom('read', 'other', 'further', 'behind', 'start')
  const lengths = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 60_000 }))
  const consumer = fc.record({ kind: kinds, length: lengths }) as fc.Arbitrary<Consumer>
  await fc.assert(
    fc.asyncProperty(
      fc.array(lengths, { maxLength: 8 }),
      fc.array(consumer, { minLength: 1, maxLength: 6 }),
      fc.array(fc.record({ length: lengths, isPause: fc.boolean() }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.nat(40_000),
      async (records, consumers, feeds, early) => {
        const sent = records.map((length, i) => noise(length, i))
        const wire = concat([...sent.map((bytes) => record(bytes)), END])
        const one = fed(wire.subarray(0, early))
        // A few bytes at a time would take too long.
        const all = [...consumers, { kind: 'other', length: 30_000 } as const]
        const consuming = consume(one, all)
        let pauses = 0
        for (let at = early, i = 0; at < wire.byteLength; i++) {
          const { length, isPause } = feeds[i % feeds.length]!
          one.socket.feed(wire.subarray(at, at + length))
          at += length
          // Long enough for memory to be given back in part, but not each time.
          const wait = isPause && pauses++ < 10 ? 3 : undefined
          if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait))
          else if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        same(t, await consuming, concat(sent))
      },
    ),
    { numRuns: 100 },
  )
})

test('a pool keeps a bounded number of free slabs', (t) => {
  const pool = new SlabPool()
  const slabs = new Set(Array.from({ length: 40 }, () => pool.take()))
  t.is(slabs.size, 40)
  for (const slab of slabs) pool.give(slab)
  const again = Array.from({ length: 40 }, () => pool.take())
  t.is(again.filter((slab) => slabs.has(slab)).length, 16)
})
