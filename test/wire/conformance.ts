/** What every channel does, whatever carries it: one suite, called by each kind. */
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat, equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Channel } from '../../src/wire/channel.ts'

export interface ConnectedPair {
  readonly a: Channel
  readonly b: Channel
  readonly close: () => Promise<void>
}

export interface ChannelSuite {
  /** `test` or `test.serial` of ava. */
  readonly test: (title: string, body: (t: ExecutionContext) => Promise<void>) => void
  readonly name: string
  readonly create: () => Promise<ConnectedPair>
  /** At most this much lies between a writer and a reader that does not read, in bytes. */
  readonly inFlightBytes: number
  /** How many seeded runs a property gets. */
  readonly runs: number
}

const PIECES = [1, 2, 127, 128, 16_383, 16_384, 65_507, 65_536, 262_144, 1_048_292, 1_048_577]

export function channelSuite(suite: ChannelSuite): void {
  const { name, inFlightBytes, runs } = suite
  const test = (
    title: string,
    body: (pair: ConnectedPair, t: ExecutionContext) => Promise<void>,
  ): void => {
    suite.test(`${name}: ${title}`, async (t) => {
      const pair = await suite.create()
      try {
        await body(pair, t)
      } finally {
        await pair.close()
      }
    })
  }

  test('bytes arrive whole and in order, both ways at once', async ({ a, b }, t) => {
    const sent = PIECES.map((length, i) => pattern(length, i))
    const received = [readAll(a), readAll(b)]
    await Promise.all([sendAll(a, sent), sendAll(b, sent)])
    for (const bytes of await Promise.all(received)) same(t, bytes, concat(sent))
  })

  test('writes that nobody waits for keep their order', async ({ a, b }, t) => {
    const sent = Array.from({ length: 500 }, (_, i) => pattern(1 + ((i * 37) % 3000), i))
    const writes = Promise.all(sent.map((bytes) => a.write(bytes)))
    const received = readAll(b)
    await writes
    await a.end()
    same(t, await received, concat(sent))
  })

  test('a piece is never empty, and an empty write sends nothing', async ({ a, b }, t) => {
    await a.write(new Uint8Array(0))
    await a.write(Uint8Array.of(1))
    await a.write(new Uint8Array(0))
    await a.end()
    same(t, (await b.read())!, Uint8Array.of(1))
    t.is(await b.read(), undefined)
  })

  test('the end of one side leaves the other open', async ({ a, b }, t) => {
    await a.write(Uint8Array.of(1, 2))
    await a.end()
    await a.end()
    same(t, await readAll(b), Uint8Array.of(1, 2))
    t.is(await b.read(), undefined)
    t.false(b.signal.aborted)
    t.false(a.signal.aborted)
    const back = readAll(a)
    await b.write(pattern(300_000, 3))
    await b.end()
    same(t, await back, pattern(300_000, 3))
  })

  test('a write after the end is a mistake of the caller', async ({ a }, t) => {
    await a.end()
    await t.throwsAsync(a.write(Uint8Array.of(1)), { instanceOf: TypeError })
  })

  test('two reads at once are a mistake of the caller', async ({ a, b }, t) => {
    const first = b.read()
    await t.throwsAsync(b.read(), { instanceOf: TypeError })
    await a.write(Uint8Array.of(9))
    same(t, (await first)!, Uint8Array.of(9))
  })

  test('a channel that both have ended is closed: the end can still be read', async ({
    a,
    b,
  }, t) => {
    await Promise.all([a.end(), b.end()])
    t.is(await a.read(), undefined)
    t.is(await b.read(), undefined)
    await Promise.all([aborted(a), aborted(b)])
    t.true(a.signal.reason instanceof DstoreError)
    t.is(await a.read(), undefined)
    a.abort(new Error('too late'))
    t.is(await b.read(), undefined)
  })

  test('what was sent before the end waits for a late reader', async ({ a, b }, t) => {
    const sent = pattern(200_000, 1)
    await a.write(sent)
    await a.end()
    await b.end()
    await settle()
    same(t, await readAll(b), sent)
  })

  test('a reader that does not read holds the writer back', async ({ a, b }, t) => {
    const piece = pattern(1_048_292, 5)
    const count = Math.ceil(inFlightBytes / piece.byteLength) + 4
    let taken = 0
    const writing = (async () => {
      for (let i = 0; i < count; i++) {
        await a.write(piece)
        taken++
      }
      await a.end()
    })()
    await settle()
    t.true(taken * piece.byteLength <= inFlightBytes, `${taken} pieces were taken unread`)
    let received = 0
    for (let bytes = await b.read(); bytes !== undefined; bytes = await b.read()) {
      const at = received % piece.byteLength
      t.true(equal(bytes.subarray(0, 64), wrapped(piece, at, Math.min(64, bytes.byteLength))))
      received += bytes.byteLength
    }
    await writing
    t.is(received, count * piece.byteLength)
  })

  test('an abort ends both directions at both ends, with a fault as reason', async ({
    a,
    b,
  }, t) => {
    const reading = [t.throwsAsync(a.read()), t.throwsAsync(b.read())]
    const reason = new DstoreError('integrity', 'these bytes are wrong')
    a.abort(reason)
    t.true(a.signal.aborted)
    t.is(await reading[0], reason)
    t.is(a.signal.reason, reason)
    await aborted(b)
    const seen = await reading[1]
    t.true(seen instanceof DstoreError && seen.code === 'unreachable', String(seen))
    t.is(b.signal.reason, seen)
    for (const end of [a, b]) {
      await t.throwsAsync(end.read(), { is: end.signal.reason as Error })
      await t.throwsAsync(end.write(Uint8Array.of(1)), { is: end.signal.reason as Error })
      end.abort(new Error('again'))
    }
    t.is(a.signal.reason, reason)
  })

  test('an abort without a fault gets one', async ({ a }, t) => {
    a.abort(new DOMException('gave up', 'AbortError'))
    t.is((a.signal.reason as DstoreError).code, 'cancelled')
  })

  test('an abort at either end frees a writer that is held back', async ({ a, b }, t) => {
    const fromA = t.throwsAsync(blocked(a), { instanceOf: DstoreError })
    const fromB = t.throwsAsync(blocked(b), { instanceOf: DstoreError })
    await settle()
    b.abort(new DstoreError('cancelled', 'enough'))
    t.is((await fromA).code, 'unreachable')
    t.is((await fromB).code, 'cancelled')
  })

  suite.test(`${name}: any sizes, pauses and cuts give the same bytes`, async (t) => {
    const sizes = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 40 })
    const pauses = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(sizes, pauses, async (lengths, waits) => {
        const { a, b, close } = await suite.create()
        try {
          const sent = lengths.map((length, i) => pattern(length, i))
          const [received] = await Promise.all([readAll(b, waits), sendAll(a, sent)])
          same(t, received, concat(sent))
        } finally {
          await close()
        }
      }),
      { numRuns: runs },
    )
  })
}

/** Bytes that show where they come from: a repeated or lost piece is seen. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + seed * 101) & 0xff
  return bytes
}

export async function sendAll(channel: Channel, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) await channel.write(piece)
  await channel.end()
}

/** Everything up to the end; before each read, wait a turn where `waits` says so. */
export async function readAll(
  channel: Channel,
  waits: readonly boolean[] = [false],
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for (let i = 0; ; i++) {
    if (waits[i % waits.length]!) await new Promise((resolve) => setTimeout(resolve, 1))
    const piece = await channel.read()
    if (piece === undefined) return concat(pieces)
    if (piece.byteLength === 0) throw new Error('an empty piece')
    // The channel may use its memory again.
    pieces.push(new Uint8Array(piece))
  }
}

/** Without printing megabytes where they differ. */
export function same(t: ExecutionContext, actual: Uint8Array, expected: Uint8Array): void {
  t.is(actual.byteLength, expected.byteLength)
  t.true(equal(actual, expected), 'other bytes')
}

/** Resolves when the channel can carry nothing more. */
export async function aborted(channel: Channel): Promise<void> {
  if (channel.signal.aborted) return
  await new Promise((resolve) => channel.signal.addEventListener('abort', resolve, { once: true }))
}

async function blocked(channel: Channel): Promise<void> {
  for (;;) await channel.write(pattern(1_048_292, 2))
}

/** Long enough for all that can move to have moved. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 150))
}

function wrapped(piece: Uint8Array, at: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => piece[(at + i) % piece.byteLength]!)
}
