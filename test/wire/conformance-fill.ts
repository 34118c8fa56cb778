/** How every channel fills memory in place of a read. */
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat } from '../../src/bytes.ts'
import type { Channel } from '../../src/wire/channel.ts'
import {
  aborted,
  blocked,
  blockedBytes,
  memory,
  noise,
  pairTest,
  PIECES,
  same,
  sendAll,
  settle,
  type ChannelSuite,
} from './channel-tools.ts'

/** Lengths of memory that no length of a write, a frame or a record is. */
const ROOMS = [1, 3, 100_003, 16_383, 4, 16_385, 262_145, 1_048_576, 65_536]

const AROUND_BYTES = 64
const AROUND = 0xa5

/** Memory in the middle of more, which must stay unchanged. */
class Room {
  readonly #whole: Uint8Array
  readonly target: Uint8Array

  constructor(length: number) {
    this.#whole = new Uint8Array(length + 2 * AROUND_BYTES).fill(AROUND)
    this.target = this.#whole.subarray(AROUND_BYTES, AROUND_BYTES + length)
  }

  check(t: ExecutionContext): void {
    const end = AROUND_BYTES + this.target.byteLength
    const around = [...this.#whole.subarray(0, AROUND_BYTES), ...this.#whole.subarray(end)]
    t.true(
      around.every((byte) => byte === AROUND),
      'bytes around the memory',
    )
  }
}

/** Fills memory of these lengths, one after the other, up to the end; a length of 0 is a read. */
async function fillAll(
  t: ExecutionContext,
  channel: Channel,
  lengths: readonly number[],
  waits: readonly boolean[] = [false],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let i = 0; ; i++) {
    if (waits[i % waits.length]!) await new Promise((resolve) => setTimeout(resolve, 1))
    const length = lengths[i % lengths.length]!
    const part = length === 0 ? await channel.read() : await filled(t, channel, length)
    if (part === undefined) return concat(parts)
    parts.push(new Uint8Array(part))
  }
}

async function filled(
  t: ExecutionContext,
  channel: Channel,
  length: number,
): Promise<Uint8Array | undefined> {
  const room = new Room(length)
  const count = await channel.fill(room.target)
  room.check(t)
  t.true(count >= 0 && count <= length, `${count} bytes in memory of ${length}`)
  return count === 0 ? undefined : room.target.subarray(0, count)
}

/** Fills this memory until it holds this many bytes. */
async function fillTo(channel: Channel, target: Uint8Array, count: number): Promise<void> {
  for (let got = 0; got < count;) got = await channel.fill(target, got)
}

/** Who asks next, and how, after memory was filled in part: some of the bytes that came. */
interface Next {
  readonly what: string
  readonly ask: (b: Channel, old: Uint8Array, got: number) => Promise<Uint8Array>
}

async function into(channel: Channel, target: Uint8Array): Promise<Uint8Array> {
  return target.subarray(0, await channel.fill(target))
}

const NEXT: readonly Next[] = [
  { what: 'a fill of other memory', ask: (b) => into(b, new Uint8Array(50_000)) },
  { what: 'a fill of other memory, and short', ask: (b) => into(b, new Uint8Array(7)) },
  {
    what: 'a fill of the same memory further on',
    ask: (b, old, got) => into(b, old.subarray(got)),
  },
  {
    what: 'a fill of little of the same memory further on',
    ask: (b, old, got) => into(b, old.subarray(got, got + 7)),
  },
  {
    what: 'a fill of the same memory behind a gap',
    ask: (b, old, got) => into(b, old.subarray(got + 1000)),
  },
  {
    what: 'a fill of the same memory behind what is there',
    ask: async (b, old, got) => old.subarray(got, await b.fill(old, got)),
  },
  { what: 'a fill of the same memory from its start', ask: (b, old) => into(b, old) },
  { what: 'a read', ask: async (b) => (await b.read())! },
]

export function fillSuite(suite: ChannelSuite): void {
  const { name, runs } = suite
  const test = pairTest(suite)

  test('memory is filled with what comes, in order, and no byte beside it is touched', async ({
    a,
    b,
  }, t) => {
    const sent = PIECES.map((length, i) => noise(length, i))
    const [received] = await Promise.all([fillAll(t, b, ROOMS), sendAll(a, sent)])
    same(t, received, concat(sent))
  })

  test('memory is filled and bytes are read in turn', async ({ a, b }, t) => {
    const sent = PIECES.map((length, i) => noise(length, i))
    const lengths = ROOMS.flatMap((length) => [length, 0, 0, length])
    const [received] = await Promise.all([fillAll(t, b, lengths), sendAll(a, sent)])
    same(t, received, concat(sent))
  })

  test('memory is filled behind what is there already', async ({ a, b }, t) => {
    const { target } = new Room(1000)
    const there = noise(10, 1)
    target.set(there)
    t.is(await b.fill(target, 10), 10, 'where nothing comes, that is what it holds')
    await a.write(noise(300, 2))
    for (let got = 10; got < 310;) got = await b.fill(target, got)
    same(t, target.subarray(0, 310), concat([there, noise(300, 2)]))
    await a.end()
    t.is(await b.fill(target, 310), 310)
    t.is(await b.fill(target, 10), 10)
    same(t, target.subarray(0, 310), concat([there, noise(300, 2)]))
    t.is(await b.fill(target), 0)
  })

  test('at the end of the other side memory is filled with what came, then with nothing', async ({
    a,
    b,
  }, t) => {
    const { target } = new Room(100_000)
    await a.write(noise(60_000, 1))
    await a.end()
    await fillTo(b, target, 60_000)
    same(t, target.subarray(0, 60_000), noise(60_000, 1))
    t.is(await b.fill(target), 0)
    t.is(await b.fill(target), 0)
    t.is(await b.read(), undefined)
    await b.end()
    t.is(await a.fill(target), 0)
    await Promise.all([aborted(a), aborted(b)])
    t.is(await b.fill(target), 0)
    t.is(await a.fill(target), 0)
  })

  test('an end frees who waits to have memory filled', async ({ a, b }, t) => {
    const filling = b.fill(memory(10))
    await a.end()
    t.is(await filling, 0)
  })

  test('what came is given though the rest never comes, and nothing before something did', async ({
    a,
    b,
  }, t) => {
    const { target } = new Room(100_000)
    await a.write(noise(5000, 1))
    await fillTo(b, target, 5000)
    let count: number | undefined
    const filling = b.fill(target.subarray(5000)).then((filled) => (count = filled))
    await settle()
    t.is(count, undefined)
    await a.write(noise(1, 2))
    t.is(await filling, 1)
    same(t, target.subarray(0, 5001), concat([noise(5000, 1), noise(1, 2)]))
  })

  for (const { what, ask } of NEXT) {
    test(`what comes after memory was filled in part is not lost: ${what}`, async ({ a, b }, t) => {
      const sent = [300_000, 3000, 16_384, 40_000].map((length, i) => noise(length, i))
      const all = concat([noise(2000, 9), ...sent])
      const parts: Uint8Array[] = []
      const old = new Room(400_000)
      await a.write(noise(2000, 9))
      await fillTo(b, old.target, 2000)
      parts.push(old.target.slice(0, 2000))
      const sending = (async () => {
        for (const bytes of sent) {
          await a.write(bytes)
          // Both that bytes are there when the next is asked for, and that they are not.
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      })()
      let left = all.byteLength - 2000
      for (let i = 0; left > 0; i++) {
        if (i % 3 === 2) await new Promise((resolve) => setTimeout(resolve, 1))
        const got = await b.fill(old.target.subarray(0, Math.min(left, 20_000)))
        const kept = old.target.slice(0, got)
        parts.push(kept)
        left -= got
        if (left === 0) break
        const next = new Uint8Array(await ask(b, old.target, got))
        // Memory that holds something already may be given back as it is.
        t.true(next.byteLength > 0 || what.endsWith('what is there'))
        if (!what.includes('from its start')) same(t, old.target.subarray(0, got), kept)
        parts.push(next)
        left -= next.byteLength
      }
      old.check(t)
      await sending
      same(t, concat(parts), all)
    })
  }

  for (const side of ['this', 'the other'] as const) {
    suite.test(
      `${name}: an abort of ${side} side gives what has landed, or rejects; from then on it rejects`,
      async (t) => {
        for (const turns of [0, 1, 2, 4, 9]) {
          const { a, b, close } = await suite.create()
          const { target } = new Room(100_000)
          const filling = b.fill(target).catch((error: unknown) => error)
          await a.write(noise(3000, turns))
          for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
          const end = side === 'this' ? b : a
          end.abort(new Error('enough'))
          const count = await filling
          await aborted(b)
          const { reason } = b.signal as { readonly reason: Error }
          if (typeof count === 'number') {
            t.true(count > 0 && count <= 3000)
            same(t, target.subarray(0, count), noise(3000, turns).subarray(0, count))
          } else {
            t.is(count, reason)
          }
          await t.throwsAsync(b.fill(target), { is: reason })
          await t.throwsAsync(b.read(), { is: reason })
          t.is(await b.fill(target, 5), 5, 'what is there already is all that comes')
          await close()
        }
      },
    )
  }

  test('an abort rejects who waits to have memory filled and has nothing', async ({ a, b }, t) => {
    const filling = [t.throwsAsync(a.fill(memory(9))), t.throwsAsync(b.fill(memory(9)))]
    a.abort(new Error('enough'))
    t.is(await filling[0], a.signal.reason)
    t.is(await filling[1], b.signal.reason)
  })

  test('two at once are a mistake of the caller, and the first goes on', async ({ a, b }, t) => {
    const mistake = { instanceOf: TypeError }
    const filling = b.fill(memory(1))
    await t.throwsAsync(b.fill(memory(1)), mistake)
    await t.throwsAsync(b.fill(memory(2), 1), mistake)
    await t.throwsAsync(b.read(), mistake)
    await a.write(Uint8Array.of(1))
    t.is(await filling, 1)
    const reading = b.read()
    await t.throwsAsync(b.fill(memory(1)), mistake)
    await a.write(Uint8Array.of(2))
    same(t, (await reading)!, Uint8Array.of(2))
  })

  test('memory without room is a mistake of the caller, and takes nothing', async ({ a, b }, t) => {
    const mistake = { instanceOf: RangeError }
    await a.write(Uint8Array.of(1))
    await t.throwsAsync(b.fill(memory(0)), mistake)
    await t.throwsAsync(b.fill(memory(5), 5), mistake)
    await t.throwsAsync(b.fill(memory(5), 6), mistake)
    same(t, await into(b, new Uint8Array(5)), Uint8Array.of(1))
  })

  test('who has no memory filled holds the writer back, and loses nothing by it', async ({
    a,
    b,
  }, t) => {
    const writing = blocked(a).catch((error: unknown) => error)
    await settle()
    const { target } = new Room(200_000)
    let got = 0
    while (got < target.byteLength) got += await b.fill(target.subarray(got, got + 70_001))
    const { target: other } = new Room(200_000)
    await fillTo(b, other, other.byteLength)
    const expected = blockedBytes(400_000)
    same(t, concat([target, other]), expected)
    b.abort(new Error('enough'))
    t.is(await writing, a.signal.reason)
  })

  suite.test(`${name}: any sizes, pauses and memory give the same bytes`, async (t) => {
    const sizes = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 20 })
    const rooms = fc.array(fc.oneof(fc.nat(20), fc.nat(100_000)), { minLength: 1, maxLength: 7 })
    const pauses = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(sizes, rooms, pauses, async (lengths, rooms, waits) => {
        // Not only thousands of the smallest.
        const asked = [...rooms, 50_000]
        const { a, b, close } = await suite.create()
        try {
          const sent = lengths.map((length, i) => noise(length, i))
          const [received] = await Promise.all([fillAll(t, b, asked, waits), sendAll(a, sent)])
          same(t, received, concat(sent))
        } finally {
          await close()
        }
      }),
      { numRuns: Math.ceil(runs / 2) },
    )
  })
}
