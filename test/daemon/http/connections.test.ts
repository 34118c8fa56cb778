/** More connections than the daemon serves at a time. */
import { test } from '../../serial.ts'
import { once as event } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { once } from '../../../src/bytes.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { HTTP_CONNECTIONS } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import { BOUNDS, type ConnectionBounds } from '../../../src/daemon/http/connections.ts'
import { createApiServer, type ApiServer } from '../../../src/daemon/http/server.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { FakeNode } from '../fake-node.ts'
import { answerTo, ask, contextOf, serving, temporaryDirectory, type Answer } from '../serving.ts'

interface Crowded {
  readonly path: string
  readonly node: FakeNode
  /** A connection with a call in progress, which ends with `release`. */
  readonly busy: () => Promise<Answer>
  readonly release: () => void
  readonly api: ApiServer
  readonly key: Key
  /** The daemon's ends of the connections so far. */
  readonly accepted: readonly Socket[]
}

async function crowded(t: ExecutionContext, bounds: ConnectionBounds): Promise<Crowded> {
  const path = join(temporaryDirectory(t), 'socket')
  const node = new FakeNode()
  const { key } = await node.put({ bytes: [new Uint8Array(10)] as never })
  let release!: () => void
  node.gate = new Promise((resolve) => (release = resolve))
  const api = createApiServer(contextOf(node), SOCKET_ACCESS, SILENT, bounds)
  t.teardown(async () => {
    release()
    await api.close(0)
  })
  const accepted: Socket[] = []
  api.server.on('connection', (socket) => accepted.push(socket))
  api.server.listen(path)
  await event(api.server, 'listening')
  let begun = node.signals.length
  const busy = async (): Promise<Answer> => {
    const answer = ask(path, 'GET', `/v1/values/${key.toString()}`)
    begun++
    await eventually(() => Promise.resolve(node.signals.length >= begun))
    return answer
  }
  return { path, node, busy, release, accepted, api, key }
}

/** A kept connection that has carried one call. */
async function kept(t: ExecutionContext, path: string): Promise<Socket> {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const sent = request({ agent, socketPath: path, path: '/v1/keys', headers: { host: 'dstore' } })
  const answer = answerTo(sent)
  sent.end()
  const [socket] = (await event(sent, 'socket')) as [Socket]
  await answer
  return socket
}

/** Everything that the daemon sends on a connection. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (piece) => (text += String(piece)))
  socket.on('error', () => undefined)
  if (!socket.closed) await event(socket, 'close')
  return text
}

test('R007-9 what is asked of a daemon that stops, on a connection that it has, is refused', async (t) => {
  const { path, node, api, key, accepted, release } = await crowded(t, BOUNDS)
  release()
  const socket = connect(path)
  await eventually(() => Promise.resolve(accepted.length === 1))
  const closed = api.close()
  socket.write(`GET /v1/values/${key.toString()} HTTP/1.1\r\nHost: dstore\r\n\r\n`)
  const answer = await heard(socket)
  t.regex(answer, /^HTTP\/1\.1 503 /)
  t.regex(answer, /\r\nConnection: close\r\n/)
  t.regex(answer, /the daemon is stopping/)
  t.is(node.signals.length, 0)
  await closed
})

test('R007-114 idle connections that fill the bound are closed for new ones, longest idle first', async (t) => {
  const { path } = await crowded(t, { served: 3, waiting: 10, waitingMs: 5000 })
  const idle = [await kept(t, path), await kept(t, path), await kept(t, path)]
  await new Promise((resolve) => setTimeout(resolve, 150))
  const closed = idle.map((socket) => event(socket, 'close'))
  t.is((await ask(path, 'GET', '/v1/keys')).status, 200)
  await closed[0]
  t.deepEqual(
    idle.map(({ destroyed }) => destroyed),
    [true, false, false],
  )
})

test('R007-114 a connection whose client was just answered, or has only connected, does not yield at once', async (t) => {
  const { path } = await crowded(t, { served: 2, waiting: 10, waitingMs: 20_000 })
  const since = performance.now()
  const unused = connect(path)
  await event(unused, 'connect')
  const used = await kept(t, path)
  t.is((await ask(path, 'GET', '/v1/keys')).status, 200)
  t.true(performance.now() - since >= 100)
  t.false(unused.destroyed)
  t.true(used.destroyed)
  // Both slots are taken by clients that never say anything.
  const mute = connect(path)
  await event(mute, 'connect')
  t.is((await ask(path, 'GET', '/v1/keys')).status, 200)
  for (const socket of [unused, mute]) socket.destroy()
})

test('R007-114 while all are busy new ones wait, in order, and are served', async (t) => {
  const { path, busy, release } = await crowded(t, { served: 2, waiting: 10, waitingMs: 20_000 })
  const calls = [busy(), busy()]
  await Promise.resolve()
  const waiting = Array.from({ length: 5 }, () => ask(path, 'GET', '/v1/keys'))
  const early = await Promise.race([...waiting, new Promise((resolve) => setTimeout(resolve, 200))])
  t.is(early, undefined)
  release()
  for (const answer of await Promise.all([...calls, ...waiting])) t.is(answer.status, 200)
})

test('R007-114 a client that waits sends its whole request meanwhile, and none of it is lost', async (t) => {
  const { path, node, busy, release } = await crowded(t, {
    served: 1,
    waiting: 10,
    waitingMs: 20_000,
  })
  const call = busy()
  const body = pattern(3_000_000)
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  const put = client.putBytes(once(body), body.byteLength)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.is(node.takenBytes, 10)
  release()
  t.is((await call).status, 200)
  t.is((await put).key, new Key(hash(body).digest).toString())
})

for (const pieces of [1, 2, 7]) {
  test(`R007-114 a request that is sent before its connection is accepted is read in order, in ${pieces} pieces`, async (t) => {
    const { path, node, busy, release, accepted } = await crowded(t, {
      served: 1,
      waiting: 10,
      waitingMs: 20_000,
    })
    const call = busy()
    await Promise.resolve()
    const body = pattern(300_000)
    const head = `POST /v1/values HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.byteLength}\r\n\r\n`
    const status = 'GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const sent = Buffer.concat([Buffer.from(head), body, Buffer.from(status)])
    const socket = connect(path)
    const answer = heard(socket)
    const step = Math.ceil(100_000 / pieces)
    // The first pieces are sent while the connection waits, the others when it is served.
    for (let at = 0; at < 100_000; at += step) {
      socket.write(sent.subarray(at, Math.min(at + step, 100_000)))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    t.deepEqual([node.takenBytes, accepted.length], [10, 2])
    t.is(accepted[1]!.bytesRead, 0, 'what waits takes no memory')
    release()
    socket.write(sent.subarray(100_000))
    t.is((await call).status, 200)
    const text = await answer
    t.deepEqual(text.match(/^HTTP\/1.1 \d+/gm), ['HTTP/1.1 201', 'HTTP/1.1 200'], text)
    t.true(node.values.has(new Key(hash(body).digest).toString()))
  })
}

test('R007-114 beyond the bounds a client reads busy, and when to come again', async (t) => {
  const { path, busy, release } = await crowded(t, { served: 1, waiting: 1, waitingMs: 300 })
  const call = busy()
  const late = ask(path, 'GET', '/v1/keys')
  const refused = ask(path, 'POST', '/v1/values', { body: new Uint8Array(500_000) })
  for (const answer of [await refused, await late]) {
    t.is(answer.status, 503)
    t.is(answer.headers['retry-after'], '1')
    t.is(answer.headers['content-type'], 'application/problem+json')
    t.is((JSON.parse(answer.body.toString()) as { code: string }).code, 'busy')
  }
  release()
  t.is((await call).status, 200)
  t.is((await ask(path, 'GET', '/v1/keys')).status, 200)
})

test('R007-114 no more connections wait than the bound, and the rest is refused at once', async (t) => {
  const { path, busy, release } = await crowded(t, { served: 1, waiting: 3, waitingMs: 60_000 })
  const call = busy()
  await Promise.resolve()
  const asked = Array.from({ length: 10 }, () => ask(path, 'GET', '/v1/keys'))
  let refused = 0
  for (const one of asked) void one.then(({ status }) => (refused += status === 503 ? 1 : 0))
  t.true(await eventually(() => Promise.resolve(refused >= 7)))
  release()
  t.is((await call).status, 200)
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  t.deepEqual(statuses, [200, 200, 200, 503, 503, 503, 503, 503, 503, 503])
})

test('R007-114 while others wait, an answer tells its client that the connection closes', async (t) => {
  const { path, node, release, accepted } = await crowded(t, {
    served: 1,
    waiting: 10,
    waitingMs: 20_000,
  })
  const [key] = node.values.keys()
  const socket = connect(path)
  const answers = heard(socket)
  const begun = node.signals.length
  socket.write(`GET /v1/values/${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await eventually(() => Promise.resolve(node.signals.length > begun))
  const waiting = ask(path, 'GET', '/v1/keys')
  await eventually(() => Promise.resolve(accepted.length === 2))
  // This call begins while another client waits, and the one before it began earlier.
  socket.write('GET /v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => Promise.resolve(node.signals.length > begun + 1))
  release()
  t.is((await waiting).status, 200)
  t.deepEqual((await answers).match(/^Connection: [\w-]+/gm), [
    'Connection: keep-alive',
    'Connection: close',
  ])
})

test('R007-114 a client that is refused and neither reads nor leaves is cut off, and so are too many', async (t) => {
  const { path, busy } = await crowded(t, { served: 1, waiting: 0, waitingMs: 300 })
  void busy().catch(() => undefined)
  await Promise.resolve()
  const [first, second] = [connect(path), connect(path)]
  t.regex(await heard(second), /^$|^HTTP\/1.1 503 /)
  t.regex(await heard(first), /^$|^HTTP\/1.1 503 /)
})

test('R007-114 520 idle connections keep no command out', async (t) => {
  const { daemon } = await serving(t)
  const idle = Array.from({ length: HTTP_CONNECTIONS + 8 }, () => kept(t, daemon.socket))
  await Promise.all(idle)
  const answers = Array.from({ length: 100 }, () => ask(daemon.socket, 'GET', '/v1/keys'))
  for (const answer of await Promise.all(answers)) t.is(answer.status, 200)
})

test('R007-114 1,500 connections at one moment are all served', async (t) => {
  const { daemon } = await serving(t)
  const answers = Array.from({ length: 1500 }, async () => {
    for (;;) {
      try {
        return (await ask(daemon.socket, 'GET', '/v1/keys')).status
      } catch (error) {
        // The system has a bound, too, for those that the daemon has not accepted yet.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  })
  t.deepEqual([...new Set(await Promise.all(answers))], [200])
})
