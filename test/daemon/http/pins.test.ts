import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { remoteNode } from '../../../src/daemon/client/remote-node.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import type { Pin, Progress } from '../../../src/node/node.ts'
import { FakePins } from '../fake-pins.ts'
import { ask, serving } from '../serving.ts'

test('R007-380: pins go through the API and its client as they are', async (t) => {
  const pins = new FakePins()
  const { daemon, node } = await serving(t)
  Object.assign(node, { pins })
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const remote = remoteNode(client, 'local').pins!
  const word = 'models/v1/a b%2F'
  const progress: Progress[] = []
  const pin = await remote.pin(word, { maxRate: 20_000, onProgress: (one) => progress.push(one) })
  t.deepEqual(pin, pins.held.get(word)!)
  t.is(pins.calls[0]!.maxRate, 20_000)
  t.is(progress.length, 1)
  t.like(progress[0], { phase: 'fetch', doneBytes: 1, totalBytes: 3 })
  pins.held.set('gone', {
    word: 'gone',
    key: undefined,
    size: undefined,
    heldBytes: 0,
    state: 'removed',
    error: 'no such name: gone',
    errorCode: 'not-found',
  })
  const all: Pin[] = []
  for await (const one of remote.pins()) all.push(one)
  t.deepEqual(all, [...pins.held.values()])
  t.deepEqual(await remote.find('gone'), pins.held.get('gone')!)
  t.is(await remote.unpin(word), word)
  await t.throwsAsync(remote.unpin(word), { code: 'not-found' })
  await t.throwsAsync(remote.find(word), { code: 'not-found' })
  pins.fault = new DstoreError('no-space', 'this would pin 5 bytes more')
  await t.throwsAsync(remote.pin('x'), { code: 'no-space', message: /5 bytes more/ })
})

test('R007-379: a rate is a whole number of bytes per second, and not too small', async (t) => {
  const { daemon, node } = await serving(t)
  Object.assign(node, { pins: new FakePins() })
  for (const rate of ['0', '16383', '-1', '1e9', '20000.5', '']) {
    const path = `/v1/pins/a?max-rate=${rate}`
    t.is((await ask(daemon.socket, 'PUT', path)).status, 400, rate)
  }
  t.is((await ask(daemon.socket, 'PUT', '/v1/pins/a?max-rate=16384')).status, 200)
})

test('R007-370: a node that keeps every value has no pins', async (t) => {
  const { daemon } = await serving(t)
  for (const [method, path] of [
    ['GET', '/v1/pins'],
    ['GET', '/v1/pins/a'],
    ['PUT', '/v1/pins/a'],
    ['DELETE', '/v1/pins/a'],
  ] as const) {
    const { status, body } = await ask(daemon.socket, method, path)
    t.is(status, 400)
    t.regex(body.toString(), /keeps every value/)
  }
})
