import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { ExecutionContext } from 'ava'
import { test } from '../../../serial.ts'
import { eventually } from '../../../eventually.ts'
import type { EventUpdate } from '../../../../src/daemon/api/events.ts'
import { ask, serving } from '../../serving.ts'

interface Stream {
  readonly response: IncomingMessage
  /** The data of the updates so far. */
  readonly updates: EventUpdate[]
  text: string
}

function watch(t: ExecutionContext, socketPath: string): Promise<Stream> {
  const sent = request({ socketPath, path: '/v1/events', headers: { host: 'localhost' } })
  t.teardown(() => sent.destroy())
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (response) => {
      const stream: Stream = { response, updates: [], text: '' }
      response.on('error', () => undefined)
      response.setEncoding('utf8').on('data', (part: string) => {
        stream.text += part
        stream.updates.splice(0)
        for (const [, data] of stream.text.matchAll(/^event: update\ndata: (.*)\n\n/gm)) {
          stream.updates.push(JSON.parse(data!) as EventUpdate)
        }
      })
      resolve(stream)
    })
    sent.end()
  })
}

test('R013-20 GET /v1/events over HTTP: everything first, and then what requests do', async (t) => {
  const { daemon } = await serving(t)
  const { response, updates } = await watch(t, daemon.socket)
  t.is(response.statusCode, 200)
  t.is(response.headers['content-type'], 'text/event-stream')
  t.is(response.headers['cache-control'], 'no-store')
  await eventually(() => updates.length > 0)
  t.like(updates[0], { status: { role: 'standalone', daemon: { pid: process.pid } } })
  t.like(updates[0], { rates: { intervalMs: 1000 }, transfers: { active: 0, transfers: [] } })
  const body = new Uint8Array(100_000)
  const stored = await ask(daemon.socket, 'POST', '/v1/values', { body })
  const { key } = JSON.parse(stored.body.toString()) as { key: string }
  await ask(daemon.socket, 'GET', `/v1/values/${key}`)
  await ask(daemon.socket, 'GET', '/v1/values/no-such-name')
  const sum = (what: 'bytesIn' | 'bytesOut' | 'ok' | 'refused' | 'hits' | 'misses'): number =>
    updates
      .flatMap(({ rates }) => rates?.samples ?? [])
      .reduce((total, sample) => total + sample[what], 0)
  await eventually((saw) => saw(sum('ok')) === 2 && sum('refused') === 1)
  t.true(sum('bytesIn') > body.byteLength)
  t.true(sum('bytesOut') > body.byteLength)
  t.is(sum('hits'), 1)
  t.is(sum('misses'), 1)
})

test('R013-27 a daemon that stops says so to the readers of events', async (t) => {
  const { daemon } = await serving(t)
  const stream = await watch(t, daemon.socket)
  await eventually(() => stream.updates.length > 0)
  await daemon.close()
  await eventually(() => stream.response.closed)
  t.regex(stream.text, /event: failed\ndata: \{.*"code":"unreachable".*\}\n\n$/)
})

test('R013-22 a reader that leaves is no reader any more', async (t) => {
  const { daemon, node } = await serving(t)
  const { response, updates } = await watch(t, daemon.socket)
  await eventually(() => updates.length > 0)
  response.destroy()
  let asked = 0
  const status = node.status.bind(node)
  node.status = () => {
    asked++
    return status()
  }
  // A look that is under way may still ask.
  await eventually(async () => {
    const before = asked
    await new Promise((resolve) => setTimeout(resolve, 1500))
    return asked === before
  })
  t.pass()
})

test('R013-23 a client that does not read is sent no more, and then everything', async (t) => {
  const { daemon, node } = await serving(t)
  const status = node.status.bind(node)
  let looks = 0
  // More than the buffers of a socket take, and different each time.
  node.status = async () => ({ ...(await status()), version: `${++looks}`.padEnd(3_000_000, '.') })
  const client = connect(daemon.socket)
  t.teardown(() => client.destroy())
  await once(client, 'connect')
  client.pause()
  client.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => looks >= 4)
  let text = ''
  client
    .setEncoding('latin1')
    .on('data', (part: string) => (text += part))
    .resume()
  const versions = (): number[] =>
    [...text.matchAll(/"version":"(\d+)\./g)].map(([, version]) => Number(version))
  await eventually(() => versions().length >= 2)
  const [first, second] = versions()
  t.is(first, 1)
  t.true(second! >= 5, 'what came between was never written')
  const secondEvent = (): string => text.split('event: update\n')[2] ?? ''
  await eventually(() => secondEvent().includes('\n\n'))
  t.true(secondEvent().includes('"transfers":'), 'the second event has everything')
})
