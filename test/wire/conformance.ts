/** What every channel does, whatever carries it: one suite, called by each kind. */
import * as fc from 'fast-check'
import { concat, equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import {
  aborted,
  blocked,
  pairTest,
  pattern,
  PIECES,
  readAll,
  same,
  sendAll,
  settle,
  type ChannelSuite,
} from './channel-tools.ts'
import { fillSuite } from './conformance-fill.ts'
import { flushSuite } from './conformance-flush.ts'

export { aborted, pattern, readAll, same, sendAll } from './channel-tools.ts'
export type { ChannelSuite, ConnectedPair } from './channel-tools.ts'

export function channelSuite(suite: ChannelSuite): void {
  const { name, inFlightBytes, runs } = suite
  const test = pairTest(suite)

  test('bytes arrive whole and in order, both ways at once', async ({ a, b }, t) => {
    const sent = PIECES.map((length, i) => pattern(length, i))
    const received = [readAll(a), readAll(b)]
    await Promise.all([sendAll(a, sent), sendAll(b, sent)])
    for (const bytes of await Promise.all(received)) same(t, bytes, concat(sent))
  })

  test('writes that are not awaited keep their order', async ({ a, b }, t) => {
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
    // Without back-pressure it goes on until everything is written, however slow this machine is.
    for (let before = -1; taken > before;) {
      before = taken
      await settle()
    }
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

  fillSuite(suite)
  flushSuite(suite)
}

function wrapped(piece: Uint8Array, at: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => piece[(at + i) % piece.byteLength]!)
}
