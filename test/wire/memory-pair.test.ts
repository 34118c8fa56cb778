import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import { channelPair } from './memory-pair.ts'
import { channelSuite, pattern, readAll, sendAll } from './conformance.ts'
import { seededCuts } from './seeded.ts'

const MIB = 1 << 20

channelSuite({
  test,
  name: 'memory',
  inFlightBytes: 2 * MIB,
  runs: 50,
  create: async () => {
    const [a, b] = channelPair()
    return { a, b, close: async () => {} }
  },
})

channelSuite({
  test,
  name: 'memory, re-cut',
  inFlightBytes: 2 * MIB,
  runs: 50,
  create: async () => {
    const [a, b] = channelPair({ recut: seededCuts(7) })
    return { a, b, close: async () => {} }
  },
})

test('each end names the other', (t) => {
  const [a, b] = channelPair({ peers: ['local', 'global'] })
  t.is(a.peer, 'global')
  t.is(b.peer, 'local')
})

test('a cut link gives exactly the bytes before the cut, then fails at both ends', async (t) => {
  for (const cutAfterBytes of [1, 2, 1000, 1001]) {
    const [a, b] = channelPair({ cutAfterBytes, recut: seededCuts(cutAfterBytes) })
    const sending = sendAll(a, [pattern(500, 1), pattern(501, 2), pattern(10, 3)])
    let received = 0
    const error = await t.throwsAsync(async () => {
      for (;;) received += (await b.read())!.byteLength
    })
    await sending.catch(() => {})
    t.is(received, cutAfterBytes)
    t.true(error instanceof DstoreError && error.code === 'unreachable')
    t.true(a.signal.aborted && b.signal.aborted)
  }
})

test('a cut is a count', (t) => {
  t.throws(() => channelPair({ cutAfterBytes: 0 }), { instanceOf: RangeError })
})

test('the same seed cuts alike', async (t) => {
  t.deepEqual(await cuts(1), await cuts(1))
  t.notDeepEqual(await cuts(1), await cuts(2))
  t.is((await readAllOf(2000)).byteLength, 2000)
})

async function readAllOf(length: number): Promise<Uint8Array> {
  const [a, b] = channelPair()
  const [received] = await Promise.all([readAll(b), sendAll(a, [pattern(length, 0)])])
  return received
}

async function cuts(seed: number): Promise<number[]> {
  const [a, b] = channelPair({ recut: seededCuts(seed) })
  const sizes: number[] = []
  const reading = (async () => {
    for (let piece = await b.read(); piece; piece = await b.read()) sizes.push(piece.byteLength)
  })()
  await sendAll(a, [pattern(1000, 0), pattern(1000, 1)])
  await reading
  return sizes
}
