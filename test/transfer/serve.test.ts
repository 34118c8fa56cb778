import { setTimeout as sleep } from 'node:timers/promises'
import { mock } from 'node:test'
import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import {
  CROWDED_PATIENCE_MS,
  FAREWELL_MS,
  FETCH_RANGES,
  MIB,
  PIECE_BYTES,
} from '../../src/limits.ts'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'
import { fetchPieces } from '../../src/transfer/fetch.ts'
import { pattern } from '../hash/sizes.ts'
import { fails, fetched, sample, served, TestHost } from './ends.ts'

const VALUE = sample(pattern(8 * MIB))
const { digest, size } = VALUE
const WHOLE = { start: 0, end: size }

test('R003-20: an asker that hangs up frees the giver at once, wherever it is', async (t) => {
  for (const after of [0, 1, 3 * PIECE_BYTES]) {
    const host = new TestHost(VALUE)
    const { client, end } = served(host)
    let got = 0
    const fetching = (async () => {
      for await (const proved of fetchPieces(client, { digest, size, ranges: [WHOLE] })) {
        got += proved.bytes.byteLength
        if (got >= after) break
      }
    })()
    await fetching
    client.channel.abort(new DstoreError('cancelled', 'enough'))
    const began = performance.now()
    t.is((await end)?.code, 'unreachable')
    t.true(performance.now() - began < FAREWELL_MS / 2)
    t.deepEqual([host.opened, host.released, host.allowance.usedBytes], [1, 1, 0])
    t.is(host.stillReferenced, 0, 'what is still sent reaches nobody')
  }
})

test('R003-22: an asker that reads nothing is read for a little ahead, and dropped', async (t) => {
  const host = new TestHost(VALUE)
  host.patienceMs = 100
  let readBytes = 0
  host.onRead = ({ start, end }) => void (readBytes += end - start)
  const { client, end } = served(host)
  await client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  t.is((await end)?.code, 'timeout')
  t.true(readBytes <= 4 * PIECE_BYTES, `${readBytes} bytes were read ahead`)
  t.true(client.channel.signal.aborted)
  t.deepEqual([host.opened, host.released, host.allowance.usedBytes], [1, 1, 0])
  t.is(host.stillReferenced, 1, 'the connection may send some of it yet')
})

test('R003-22: an asker that reads slowly gets everything', async (t) => {
  const host = new TestHost(VALUE)
  host.patienceMs = 500
  const { client, end } = served(host)
  let got = 0
  for await (const proved of fetchPieces(client, { digest, size, ranges: [WHOLE] })) {
    got += proved.bytes.byteLength
    await sleep((50 * proved.bytes.byteLength) / MIB)
  }
  t.is(got, size)
  client.channel.abort(new Error('enough'))
  await end
  t.deepEqual([host.released, host.stillReferenced], [1, 0])
})

test('a failure that cannot be told does not hold the giver for long', async (t) => {
  const host = new TestHost(VALUE)
  const { client, end } = served(host)
  await client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  await sleep(50)
  // The giver waits for room; the asker reads nothing, and does not hang up either.
  await client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  host.dropped.abort(new DstoreError('removed', 'the value was removed'))
  const began = performance.now()
  void client.raw({ type: 'piece', length: 1 })
  host.patienceMs = 0
  const reading = (async () => {
    // Let the piece that waits go, and no more.
    for (let taken = 0; taken < 2 * MIB;) {
      const bytes = await client.channel.read()
      if (bytes === undefined) return
      taken += bytes.byteLength
    }
  })()
  await reading.catch(() => undefined)
  t.is((await end)?.code, 'removed')
  t.true(performance.now() - began < FAREWELL_MS + 1000)
  t.true(client.channel.signal.aborted)
})

test('R003-23: what is read for all peers comes out of one allowance', async (t) => {
  const allowance = new SharedBudget(4 * PIECE_BYTES, 2 * PIECE_BYTES)
  let peak = 0
  const hosts = Array.from({ length: 12 }, () => new TestHost(VALUE, WHOLE, allowance))
  const gots = hosts.map(async (host, i) => {
    host.onRead = () => void (peak = Math.max(peak, allowance.usedBytes))
    const { client } = served(host, { peers: [`asker ${i % 5}`, 'giver'] })
    return (await fetched(client, { digest, size, ranges: [WHOLE] })).bytes.byteLength
  })
  t.deepEqual(
    await Promise.all(gots),
    Array.from({ length: 12 }, () => size),
  )
  t.is(peak, 4 * PIECE_BYTES)
  t.is(allowance.usedBytes, 0)
})

test('R003-23: peers that do not read keep their own share alone from the others', async (t) => {
  const allowance = new SharedBudget(4 * PIECE_BYTES, 2 * PIECE_BYTES)
  const stalled = Array.from({ length: 8 }, () => {
    const host = new TestHost(VALUE, WHOLE, allowance)
    return { host, ...served(host, { peers: ['greedy', 'giver'] }) }
  })
  for (const { client } of stalled) {
    await client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  }
  await sleep(50)
  t.is(allowance.usedBytes, 2 * PIECE_BYTES)
  const host = new TestHost(VALUE, WHOLE, allowance)
  const { client } = served(host, { peers: ['honest', 'giver'] })
  t.is((await fetched(client, { digest, size, ranges: [WHOLE] })).bytes.byteLength, size)
  for (const { client: greedy } of stalled) greedy.channel.abort(new Error('enough'))
  await Promise.all(stalled.map(({ end }) => end))
  t.is(allowance.usedBytes, 0)
})

test('R003-22: a peer that takes nothing is dropped soon while another has nothing', async (t) => {
  const allowance = new SharedBudget(4 * PIECE_BYTES, 4 * PIECE_BYTES)
  const stalled = served(new TestHost(VALUE, WHOLE, allowance), { peers: ['stalled', 'giver'] })
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  await stalled.client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  await sleep(20)
  t.true(allowance.usedBytes > 0)
  mock.timers.tick(CROWDED_PATIENCE_MS)
  await sleep(20)
  t.false(stalled.client.channel.signal.aborted, 'there is room for all')
  void allowance.take('other', 4 * PIECE_BYTES, new AbortController().signal)
  t.true(allowance.isStarving)
  mock.timers.tick(CROWDED_PATIENCE_MS - 1)
  t.false(stalled.client.channel.signal.aborted)
  mock.timers.tick(1)
  t.is((await stalled.end)?.code, 'timeout')
})

test('R003-2: a message out of place ends the channel', async (t) => {
  for (const type of ['accept', 'found', 'stored'] as const) {
    const { client, end } = served(new TestHost(VALUE))
    if (type === 'accept') await client.send({ type, received: 0 })
    else if (type === 'found') await client.send({ type, size: 1, held: [] })
    else await client.send({ type, incarnation: 1, existed: true })
    await fails(t, client.expect('found'), 'protocol')
    // R003-21: nothing more comes.
    t.is(await client.next(), undefined)
    client.channel.abort(new Error('understood'))
    t.is((await end)?.code, 'protocol')
  }
})

test('the largest fetch that is allowed fits into a message', async (t) => {
  const value = sample(pattern(2 * FETCH_RANGES))
  const { client } = served(new TestHost(value))
  const ranges = Array.from({ length: FETCH_RANGES }, (_, i) => ({
    start: 2 ** 53 - 1 - 2 * FETCH_RANGES + 2 * i,
    end: 2 ** 53 - 2 * FETCH_RANGES + 2 * i,
  }))
  await client.send({ type: 'fetch', digest: value.digest, ranges })
  await fails(t, client.expect('found'), 'range')
})
