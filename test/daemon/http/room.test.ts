/** What requests that take no bytes cost a Local's cache, over the daemon's API. */
import { request } from 'node:http'
import { test } from '../../serial.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { startDaemon } from '../../../src/daemon/process/daemon.ts'
import { Key } from '../../../src/hash/key.ts'
import { KIB } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { FakeLocal } from '../../node/local/fake-local.ts'
import { read } from '../../node/nodes.ts'
import { sample } from '../../transfer/ends.ts'
import { channelPair } from '../../wire/memory-pair.ts'
import { ask, temporaryDirectory } from '../serving.ts'

test('R003-115: requests that end without a byte leave a cache as it was, over HTTP', async (t) => {
  const fake = new FakeLocal(sample(pattern(300 * KIB)), 320 * KIB)
  for (const seed of [1, 2]) {
    const small = sample(pattern(16 * KIB - seed))
    fake.state({ size: small.size, value: small.bytes }, small)
    await read(fake.local, new Key(small.digest))
  }
  let opened = 0
  // Global takes the request, and sends nothing.
  fake.open = async () => {
    opened++
    return channelPair()[0]
  }
  const daemon = await startDaemon({
    directory: stateDirectory(temporaryDirectory(t)),
    settings: {},
    log: SILENT,
    openNode: () => Promise.resolve(fake.local),
  })
  t.teardown(() => daemon.close())
  const { socket } = daemon
  const cache = async () => ({ ...(await fake.local.status()).cache, misses: 0 })
  const before = await cache()
  const path = `/v1/values/${fake.key.toString()}`

  const tag = `"${fake.key.toString()}"`
  for (const [headers, status] of [
    [{ 'If-None-Match': tag }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-Match': '"another"' }, 412],
    [{ 'If-Match': '"another"', Range: 'bytes=0-3' }, 412],
    [{ 'If-Range': tag, Range: 'bytes=400000-' }, 416],
    [{ Range: 'bytes=3-1' }, 400],
  ] as const) {
    t.is((await ask(socket, 'GET', path, { headers: { ...headers } })).status, status)
  }
  t.is((await ask(socket, 'HEAD', path)).status, 200)
  t.is(opened, 0, 'facts answer these')
  t.deepEqual(await cache(), before)

  for (let i = 0; i < 20; i++) {
    const seen = opened
    const sent = request({
      socketPath: socket,
      path,
      headers: i % 2 === 0 ? {} : { Range: 'bytes=0-3' },
    })
    sent.on('error', () => undefined)
    sent.end()
    await eventually(() => opened > seen)
    sent.destroy()
    await new Promise((resolve) => sent.once('close', resolve))
  }
  const late = await ask(socket, 'GET', `${path}?timeout=100`)
  t.is(late.status, 504)
  t.is((await ask(socket, 'POST', `${path}/prefetch?timeout=100`)).status, 504)
  t.deepEqual(await cache(), before)
})
