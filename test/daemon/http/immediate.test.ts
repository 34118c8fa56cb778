/** The immediate path over HTTP: it changes no response, and no guard (specs/007, R007-210). */
import { test } from '../../serial.ts'
import { once as event } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { once } from '../../../src/bytes.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import { createApiServer } from '../../../src/daemon/http/server.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { FakeNode } from '../fake-node.ts'
import {
  ask,
  contextOf,
  serving,
  temporaryDirectory,
  type Answer,
  type Serving,
} from '../serving.ts'
import { servingTcp } from './tcp.ts'

const NAME = 'models/v1 ü'
const NAME_PATH = `/v1/values/${encodeURIComponent(NAME)}`

interface Held extends Serving {
  readonly key: string
  readonly path: string
}

/** A daemon whose node holds one small value with a name. */
async function holding(t: ExecutionContext, size = 1000): Promise<Held> {
  const all = await serving(t)
  const { key } = await all.node.put({ bytes: once(pattern(size)) }, { name: NAME })
  return { ...all, key: key.toString(), path: `/v1/values/${key.toString()}` }
}

/** What a client can compare. */
const seen = ({ status, headers: { date, ...headers }, body, whole }: Answer): unknown => ({
  status,
  headers,
  hasDate: date !== undefined,
  body: body.toString('latin1'),
  whole,
})

test('R007-210: by key and by name a response is the same, header for header, as the ordinary one', async (t) => {
  const { daemon, node, path, key } = await holding(t)
  for (const one of [path, NAME_PATH]) {
    const { given } = node.immediate
    const immediate = await ask(daemon.socket, 'GET', one)
    t.is(node.immediate.given, given + 1, one)
    const ordinary = await ask(daemon.socket, 'GET', `${one}?timeout=30000`)
    t.is(node.immediate.given, given + 1, one)
    t.deepEqual(seen(immediate), seen(ordinary))
    t.is(immediate.headers['dstore-key'], key)
    t.is(immediate.headers['content-length'], '1000')
    t.is(immediate.headers['x-content-type-options'], 'nosniff')
    t.is(immediate.headers['cross-origin-resource-policy'], 'same-origin')
  }
  const names = async (query: string): Promise<string[]> => {
    const text = await rawly(t, daemon.socket, `GET ${path}${query} HTTP/1.1\r\nHost: dstore\r\n`)
    return text
      .split('\r\n\r\n')[0]!
      .split('\r\n')
      .map((line) => line.split(':')[0]!)
  }
  t.deepEqual(await names(''), await names('?timeout=30000'), 'in the same order and spelling')
})

test('R007-211: a request that wants anything else goes the ordinary way', async (t) => {
  const { daemon, node, path, key } = await holding(t)
  const tag = `"${key}"`
  const cases: readonly [headers: Record<string, string>, status: number][] = [
    [{ range: 'bytes=0-1' }, 206],
    [{ range: 'bytes=0-1', 'if-range': tag }, 206],
    [{ 'if-range': tag }, 200],
    [{ 'if-none-match': tag }, 304],
    [{ 'if-match': '"other"' }, 412],
    [{ te: 'trailers' }, 200],
    [{ expect: '200-ok' }, 417],
    [{ 'dstore-beat': '102' }, 200],
    [{ 'content-length': '0' }, 200],
    [{ 'transfer-encoding': 'chunked' }, 200],
  ]
  for (const [headers, status] of cases) {
    const answer = await ask(daemon.socket, 'GET', path, { headers })
    t.is(answer.status, status, JSON.stringify(headers))
    if (headers['te'] !== undefined) t.is(answer.headers['trailer'], 'dstore-problem')
  }
  const others: readonly [method: string, path: string, status: number][] = [
    ['HEAD', path, 200],
    ['POST', path, 405],
    ['GET', `${path}?`, 200],
    ['GET', `${path}?timeout=5000`, 200],
    ['GET', `${path}?timeout=no`, 400],
    ['GET', `${path}/facts`, 200],
    ['GET', `${path}/more`, 404],
    ['GET', '/v1/values/', 400],
    ['GET', '/v1/values/%zz', 400],
    ['GET', '/v1/values/%ff', 400],
    ['GET', `//v1/values/${key}`, 404],
    ['GET', `http://localhost${path}`, 200],
  ]
  for (const [method, target, status] of others) {
    t.is((await ask(daemon.socket, method, target)).status, status, `${method} ${target}`)
  }
  t.true(
    (await rawly(t, daemon.socket, `GET ${path} HTTP/1.0\r\nHost: dstore\r\n`)).includes('200'),
  )
  t.is(node.immediate.asked, 0)
})

test('R007-12, R007-210: an empty value, a large one and one that is missing are answered as before', async (t) => {
  const { daemon, node } = await holding(t)
  for (const size of [0, GROUP_BYTES, GROUP_BYTES + 1]) {
    const { key } = await node.put({ bytes: once(pattern(size)) })
    const { given } = node.immediate
    const answer = await ask(daemon.socket, 'GET', `/v1/values/${key.toString()}`)
    t.is(answer.body.byteLength, size)
    t.is(node.immediate.given - given, Number(size === GROUP_BYTES))
  }
  t.is((await ask(daemon.socket, 'GET', '/v1/values/nobody')).status, 404)
})

test('R007-11, R007-211: a request for another host, for two or for none is refused', async (t) => {
  const { daemon, node, path } = await holding(t)
  const heads = {
    421: 'Host: evil.example\r\n',
    400: 'Host: localhost\r\nHost: localhost\r\n',
  }
  for (const [status, host] of Object.entries(heads)) {
    const text = await rawly(t, daemon.socket, `GET ${path} HTTP/1.1\r\n${host}`)
    t.true(text.startsWith(`HTTP/1.1 ${status} `), text)
    t.true(text.includes('application/problem+json'))
  }
  t.true((await rawly(t, daemon.socket, `GET ${path} HTTP/1.1\r\n`)).startsWith('HTTP/1.1 400 '))
  t.is(node.immediate.asked, 0)
})

test('R007-71, R007-76, R007-211: without the token a held value is not even looked for, and each refusal counts once', async (t) => {
  const { node, call, token, status } = await servingTcp(t)
  const { key } = await node.put({ bytes: once(pattern(100)) })
  const path = `/v1/values/${key.toString()}`
  const wrong = [undefined, token.slice(1), `${token.slice(1)}x`]
  for (const shown of wrong) {
    const answer = await call('GET', path, shown === undefined ? {} : { token: shown })
    t.is(answer.status, 401)
  }
  t.is((await call('GET', path, { token, headers: { host: 'evil.example' } })).status, 421)
  t.is(node.immediate.asked, 0)
  t.is((await status()).daemon.http!.refused, wrong.length + 1)
  t.is((await call('GET', path, { token })).status, 200)
  t.is(node.immediate.given, 1)
})

test('R007-73, R007-211: with --http-public a held value needs no token, and still the right host', async (t) => {
  const { node, call } = await servingTcp(t, { httpPublic: true })
  const { key } = await node.put({ bytes: once(pattern(100)) })
  const path = `/v1/values/${key.toString()}`
  t.is((await call('GET', path)).status, 200)
  t.is(node.immediate.given, 1)
  t.is((await call('GET', path, { headers: { host: 'evil.example' } })).status, 421)
  t.is(node.immediate.given, 1)
})

test('R007-114, R007-213: at the bound of connections the immediate path yields to those that wait', async (t) => {
  const node = new FakeNode()
  const { key } = await node.put({ bytes: once(pattern(100)) })
  const path = join(temporaryDirectory(t), 'socket')
  const bounds = { served: 1, waiting: 10, waitingMs: 20_000 }
  const api = createApiServer(contextOf(node), SOCKET_ACCESS, SILENT, bounds)
  t.teardown(() => api.close(0))
  api.server.listen(path)
  await event(api.server, 'listening')
  let accepted = 0
  api.server.on('connection', () => accepted++)
  const plain = `GET /v1/values/${key.toString()} HTTP/1.1\r\nHost: dstore\r\n\r\n`
  const first = await opened(t, path)
  first.write(plain)
  await eventually(async () => first.text().includes('\r\n\r\n'))
  t.true(first.text().includes('Connection: keep-alive'))
  t.is(node.immediate.given, 1)
  // A call in progress keeps the first connection from being closed as idle, so the next waits.
  let release!: () => void
  node.gate = new Promise((resolve) => (release = resolve))
  first.write(plain.replace(' HTTP', '?timeout=9000 HTTP'))
  await eventually(async () => node.signals.length === 1)
  const second = await opened(t, path)
  second.write(plain)
  await eventually(async () => accepted === 2)
  const { asked } = node.immediate
  first.write(plain)
  await eventually(async () => node.signals.length === 2)
  t.is(node.immediate.asked, asked, 'not even looked for')
  release()
  await eventually(async () => second.text().includes('200 OK'))
  t.true(first.text().includes('Connection: close'), 'its last response says so')
})

test('R007-14: clients that leave in the middle do no harm, and pipelined responses stay in order', async (t) => {
  const { daemon, node, path } = await holding(t, GROUP_BYTES)
  const get = `GET ${path} HTTP/1.1\r\nHost: dstore\r\n\r\n`
  for (let i = 0; i < 50; i++) {
    const socket = await opened(t, daemon.socket)
    socket.write(get.repeat(1 + (i % 7)))
    if (i % 2 === 0) await event(socket, 'data')
    socket.destroy()
  }
  const socket = await opened(t, daemon.socket)
  socket.write(`GET ${path}?timeout=5000 HTTP/1.1\r\nHost: dstore\r\n\r\n`)
  socket.write(`GET /v1/values/nobody HTTP/1.1\r\nHost: dstore\r\n\r\n${get}`)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: dstore\r\nConnection: close\r\n\r\n`)
  await event(socket, 'close')
  const statuses = [...socket.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  t.deepEqual(statuses, ['200', '404', '200', '200'])
  t.true(node.immediate.given >= 2)
})

interface Heard extends Socket {
  /** Everything that came. */
  text(): string
}

async function opened(t: ExecutionContext, path: string): Promise<Heard> {
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (piece) => (text += piece.toString('latin1')))
  await event(socket, 'connect')
  return Object.assign(socket, { text: () => text })
}

/** The response to one request whose head this is, but for its end. */
async function rawly(t: ExecutionContext, path: string, head: string): Promise<string> {
  const socket = await opened(t, path)
  socket.write(`${head}Connection: close\r\n\r\n`)
  await event(socket, 'close')
  return socket.text()
}
