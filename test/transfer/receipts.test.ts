/** Fetches over channels that share a link: receipts, and the window that needs them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../serial.ts'
import { KIB, MIB, PIECE_BYTES } from '../../src/limits.ts'
import type { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { sameBytes } from '../same-bytes.ts'
import { TestHost, fails, fetched, sample, served } from './ends.ts'

const VALUE = sample(pattern(4 * MIB + 5))
const { digest, size } = VALUE
const WHOLE = { start: 0, end: size }
const SHARED = { isShared: true }
const FIRST_WINDOW = 64 * KIB

/** Requests the value, and reads all that comes without a receipt until nothing more does. */
async function unacknowledged(client: TransferChannel): Promise<() => number> {
  await client.send({ type: 'fetch', digest, ranges: [WHOLE] })
  await client.expect('found')
  const piece = await client.expect('piece')
  let got = 0
  const read = async (): Promise<void> => {
    for await (const bytes of client.raw(piece)) got += bytes.byteLength
  }
  void read().catch(() => undefined)
  return () => got
}

test('R003-131: an asker acknowledges what comes, all of it at the end, and gets every value whole', async (t) => {
  const host = new TestHost(VALUE)
  const { client, end } = served(host, SHARED)
  for (const range of [WHOLE, { start: 5, end: 6 }, WHOLE]) {
    const { bytes } = await fetched(client, { digest, size, ranges: [range] })
    t.true(bytes.byteLength >= range.end - range.start)
    if (range === WHOLE) sameBytes(t, bytes, VALUE.bytes)
    const window = host.windows.of('asker')
    t.true(await eventually(async (saw) => saw(window.inFlightBytes) === 0))
  }
  t.true(host.windows.of('asker').limitBytes > FIRST_WINDOW)
  await client.end()
  t.is(await end, undefined)
})

test('R003-131: without receipts an asker gets no more than the first window, over all its channels', async (t) => {
  const host = new TestHost(VALUE)
  host.patienceMs = 300
  const first = served(host, SHARED)
  const second = served(host, SHARED)
  const got = [await unacknowledged(first.client), await unacknowledged(second.client)]
  t.is((await first.end)?.code, 'timeout')
  t.is((await second.end)?.code, 'timeout')
  const all = got.reduce((sum, count) => sum + count(), 0)
  // The first channel that is dropped gives its part of the window to the other.
  t.true(all <= 2 * FIRST_WINDOW, `${all} bytes`)
  t.deepEqual([host.released, host.allowance.usedBytes], [2, 0])
  t.is(host.windows.of('asker').inFlightBytes, 0)
})

test('R003-22: an asker that acknowledges a little now and then is kept for a while, not without end', async (t) => {
  const host = new TestHost(VALUE)
  host.patienceMs = 400
  const { client, end } = served(host, SHARED)
  const begin = performance.now()
  await unacknowledged(client)
  let said = 0
  const saying = setInterval(() => {
    void client.send({ type: 'received', bytes: ++said }).catch(() => undefined)
  }, 20)
  t.teardown(() => clearInterval(saying))
  t.is((await end)?.code, 'timeout')
  const ms = performance.now() - begin
  t.true(ms >= 9 * host.patienceMs, `${ms} ms`)
})

for (const [what, said] of Object.entries({
  'what was not sent': [2 * PIECE_BYTES],
  'nothing new': [1, 1],
  'less than before': [2, 1],
})) {
  test(`R003-131: a receipt of ${what} ends a fetch with protocol`, async (t) => {
    const host = new TestHost(VALUE)
    const { client, end } = served(host, SHARED)
    const got = await unacknowledged(client)
    t.true(await eventually(async (saw) => saw(got()) >= FIRST_WINDOW))
    for (const bytes of said) await client.send({ type: 'received', bytes })
    t.is((await end)?.code, 'protocol')
    t.deepEqual([host.released, host.allowance.usedBytes], [1, 0])
  })
}

test('R003-2: a receipt is unexpected before a fetch, and where the channel shares nothing', async (t) => {
  for (const isShared of [true, false]) {
    const { client, end } = served(new TestHost(VALUE), { isShared })
    await client.send({ type: 'received', bytes: 1 })
    await fails(t, client.expect('found'), 'protocol')
    client.channel.abort(new Error('understood'))
    t.is((await end)?.code, 'protocol')
  }
})

test('R003-131: an asker that hangs up in the middle leaves nothing in the window', async (t) => {
  const host = new TestHost(VALUE)
  const { client, end } = served(host, SHARED)
  const got = await unacknowledged(client)
  t.true(await eventually(async (saw) => saw(got()) >= FIRST_WINDOW))
  client.channel.abort(new Error('enough'))
  t.is((await end)?.code, 'unreachable')
  await sleep(0)
  t.is(host.windows.of('asker').inFlightBytes, 0)
  t.deepEqual([host.released, host.allowance.usedBytes], [1, 0])
})
