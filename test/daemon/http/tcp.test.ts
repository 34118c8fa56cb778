import { test } from '../../serial.ts'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect as open, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import {
  HTTP_CONNECTIONS,
  HTTP_HEADER_BYTES,
  HTTP_IDLE_MS,
  HTTP_REQUEST_MS,
  HTTP_TOKEN_BYTES,
} from '../../../src/limits.ts'
import { TokenTable } from '../../../src/daemon/config/tokens/token-table.ts'
import { tokenIn } from '../../../src/daemon/http/tokens/caller.ts'
import type { Problem } from '../../../src/daemon/api/api.ts'
import { createLog } from '../../../src/daemon/process/log.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import { ROUTES } from '../../../src/daemon/http/routes.ts'
import { accessOf } from '../../../src/daemon/http/tokens/route-access.ts'
import { createApiServer } from '../../../src/daemon/http/server.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { eventually } from '../../eventually.ts'
import { FakeNode } from '../fake-node.ts'
import { ask, contextOf, serving, temporaryDirectory } from '../serving.ts'
import type { Answer } from '../serving.ts'
import { servingTcp } from './tcp.ts'

const ABSENT = '0'.repeat(64)

function problem({ body }: Answer): Problem {
  return JSON.parse(body.toString()) as Problem
}

/** Every call that needs a token, with something in the place of its parameters. */
const CALLS = ROUTES.flatMap(({ path, methods }) =>
  Object.keys(methods)
    .filter((method) => accessOf(path, method)?.free !== true)
    .map((method): [string, string] => [
      method,
      path
        .replace(/\{(key|word)\}/, ABSENT)
        .replace('{name}', 'absent')
        .replace('{rest}', 'a/b')
        .replace('{hold}', '0'.repeat(32))
        .replace('{token}', 'absent'),
    ]),
)

test('R007-70 nothing is served over TCP unless it was asked for', async (t) => {
  const { daemon } = await serving(t)
  const { body } = await ask(daemon.socket, 'GET', '/v1/status')
  t.false(body.toString().includes('"http"'))
})

const BEARER = 'Bearer realm="dstore"'
const BASIC = 'Basic realm="dstore", charset="UTF-8"'

test('R007-71 without the token, every call over TCP is refused', async (t) => {
  const { call, token, node, status } = await servingTcp(t)
  const wrong = [
    {},
    { token: `${token}0` },
    { token: token.slice(1) },
    { token: token.slice(0, -1) },
    { token: '' },
    { headers: { authorization: token } },
    { headers: { authorization: `Basic ${token}` } },
    { headers: { authorization: `Bearer ${token} ${token}` } },
    { headers: { cookie: `token=${token}` } },
  ]
  for (const [method, path] of CALLS) {
    for (const sent of wrong) {
      const answer = await call(method, `${path}?token=${token}`, sent)
      t.is(answer.status, 401, `${method} ${path}`)
      const why = sent.token ? /the token is wrong, revoked or expired/ : /this needs a token|wrong/
      if (method !== 'HEAD') t.regex(answer.body.toString(), why, JSON.stringify(sent))
      // A client that sends a token is asked for no password.
      const isBearer = 'token' in sent || sent.headers?.authorization?.startsWith('Bearer') === true
      t.is(answer.headers['www-authenticate'], isBearer ? BEARER : `${BEARER}, ${BASIC}`)
      if (method !== 'HEAD') t.is(problem(answer).code, 'not-permitted')
    }
  }
  t.is(node.signals.length, 0)
  t.is((await status()).daemon.http!.refused, CALLS.length * wrong.length)
})

test('R007-71 only the whole token opens: no prefix of it, and none with another character', (t) => {
  const token = randomBytes(HTTP_TOKEN_BYTES).toString('hex')
  const table = new TokenTable(stateDirectory(temporaryDirectory(t)).tokens)
  table.acceptFile(token)
  const accepts = (header: string | undefined): boolean =>
    table.find(tokenIn(header) ?? '') !== undefined
  const shows = (text: string): boolean => accepts(`Bearer ${text}`)
  t.true(shows(token))
  t.false(accepts(undefined))
  for (let at = 0; at < token.length; at++) {
    t.false(shows(token.slice(0, at)), `the first ${at} characters`)
    for (const other of ['g', '', ' ', '\0', token[at]!.toUpperCase(), `${token[at]}0`]) {
      const changed = token.slice(0, at) + other + token.slice(at + 1)
      if (changed !== token) t.false(shows(changed), `${at}: ${JSON.stringify(other)}`)
    }
  }
})

test('R007-71 with the token everything is served but the reading and writing of files', async (t) => {
  const { call, token } = await servingTcp(t)
  const put = await call('POST', '/v1/values', { token, body: 'hello' })
  t.is(put.status, 201)
  const { key } = JSON.parse(put.body.toString()) as { key: string }
  const got = await call('GET', `/v1/values/${key}`, { token })
  t.is(got.body.toString(), 'hello')
  const body = JSON.stringify({ path: '/etc/hostname' })
  for (const path of ['/v1/files', `/v1/values/${key}/copy`]) {
    const refused = await call('POST', path, { token, body })
    t.is(refused.status, 403)
    t.is(problem(refused).code, 'not-permitted')
  }
  t.is((await call('DELETE', `/v1/values/${key}`, { token })).status, 200)
  t.is((await call('GET', '/v1/status', { token })).status, 200)
})

test('R007-72 the daemon makes a random token in a file of mode 0600, and reveals it nowhere', async (t) => {
  const first = await servingTcp(t)
  const second = await servingTcp(t)
  t.regex(first.token, /^[0-9a-f]{64}$/)
  t.not(first.token, second.token)
  t.is(statSync(first.directory.token).mode & 0o777, 0o600)
  await first.call('GET', '/v1/keys', { token: first.token })
  const told = JSON.stringify(await first.status()) + first.logged.join('')
  t.false(told.includes(first.token))
  t.false(readFileSync(first.directory.config, 'utf8').includes(first.token))
})

test('R007-72 a token of the owner is accepted, unless others may read it or it is none', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const start = (): Promise<unknown> => serving(t, { http: '0' }, directory)
  writeFileSync(directory.token, 'mine-'.repeat(8), { mode: 0o644 })
  await t.throwsAsync(start(), { code: 'not-permitted' })
  chmodSync(directory.token, 0o600)
  for (const bad of ['', 'short', 'with space '.repeat(8), 'é'.repeat(40)]) {
    writeFileSync(directory.token, bad)
    await t.throwsAsync(start(), { code: 'unreadable' }, bad)
  }
  const bounds = ['x'.repeat(HTTP_TOKEN_BYTES - 1), 'x'.repeat(HTTP_TOKEN_BYTES)] as const
  writeFileSync(directory.token, bounds[0])
  await t.throwsAsync(start(), { code: 'unreadable' })
  writeFileSync(directory.token, bounds[1])
  await t.notThrowsAsync(start())
})

test('R007-73 R007-228 a public API opens reads of values and names, and nothing else', async (t) => {
  const { call, node } = await servingTcp(t, { httpPublic: true })
  const { key } = await node.put({ bytes: [Buffer.from('hello')] as never })
  t.is((await call('GET', `/v1/values/${key.toString()}`)).body.toString(), 'hello')
  const open: string[] = []
  for (const [method, path] of CALLS) {
    const { status } = await call(method, path)
    if (status !== 401) open.push(`${method} ${path}`)
  }
  t.deepEqual(open, [
    `GET /v1/trees/${ABSENT}`,
    `HEAD /v1/trees/${ABSENT}`,
    `GET /v1/trees/${ABSENT}/a/b`,
    `HEAD /v1/trees/${ABSENT}/a/b`,
    `GET /v1/values/${ABSENT}`,
    `HEAD /v1/values/${ABSENT}`,
    `GET /v1/values/${ABSENT}/facts`,
    'GET /v1/keys',
    'GET /v1/names',
    'GET /v1/names/absent',
  ])
})

test('R007-11 a host that a page may rebind is refused, on public TCP and on the socket', async (t) => {
  const { call, connect, daemon, port } = await servingTcp(t, { httpPublic: true })
  const ours = ['localhost', 'LOCALHOST:80', 'dstore', '127.0.0.1', `127.0.0.1:${port}`, '[::1]:1']
  for (const host of ours) {
    t.is((await call('GET', '/v1/keys', { headers: { host } })).status, 200, host)
  }
  const theirs = ['evil.example', 'localhost.evil.example', `evil.example:${port}`, 'a b']
  for (const host of [...theirs, '127.0.0.1.evil.example', 'localhost:x', '[::1', 'localhost.']) {
    t.is((await call('GET', '/v1/keys', { headers: { host } })).status, 421, host)
    const answer = await ask(daemon.socket, 'GET', '/v1/keys', { headers: { host } })
    t.is(answer.status, 421, host)
  }
  const nameless = await connect()
  nameless.write('GET /v1/keys HTTP/1.0\r\n\r\n')
  t.regex(await heard(nameless), /^HTTP\/1\.1 421 /)
})

test('R007-11 a request with two Host lines is refused, the same or not', async (t) => {
  const { connect, daemon } = await servingTcp(t, { httpPublic: true })
  for (const second of ['localhost', 'evil.example', '']) {
    for (const socket of [await connect(), open(daemon.socket)]) {
      socket.write(`GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nhOST: ${second}\r\n`)
      socket.write('Connection: close\r\n\r\n')
      t.regex(await heard(socket), /^HTTP\/1\.1 400 [^]*problem\+json[^]*"code":"usage"/, second)
    }
  }
})

test('R007-11 a target in absolute form is served, if its authority is a host of ours', async (t) => {
  const { call, connect, daemon, port, token } = await servingTcp(t)
  const ask = async (target: string, host: string): Promise<string> => {
    const socket = open(daemon.socket)
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    return (await heard(socket)).split(' ')[1]!
  }
  for (const host of ['localhost', 'evil.example']) {
    t.is(await ask('http://localhost/v1/status', host), '200')
    t.is(await ask('HTTP://DSTORE:80/v1/keys?x=/', host), '200')
    t.is(await ask('http://localhost', host), '404')
    t.is(await ask('http://localhost?/v1/status', host), '404')
    for (const authority of ['evil.example', '', 'evil@localhost', 'localhost@evil.example']) {
      t.is(await ask(`http://${authority}/v1/status`, host), '421', authority)
    }
  }
  const target = `http://127.0.0.1:${port}/v1/status`
  t.is((await call('GET', target, { token })).status, 200)
  t.is((await call('GET', target)).status, 401)
  const twice = await connect()
  twice.write('GET http://localhost/v1/keys HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n')
  twice.end()
  t.regex(await heard(twice), /^HTTP\/1\.1 400 /)
})

test('R007-11 the host of --http is accepted', async (t) => {
  const { call } = await servingTcp(t, { http: 'localhost:0', httpPublic: true })
  t.is((await call('GET', '/v1/keys', { headers: { host: 'localhost:5' } })).status, 200)
})

test('R007-74 pages of other origins get no access: no preflight, no header that grants it', async (t) => {
  const { call, token } = await servingTcp(t, { httpPublic: true })
  const headers = { origin: 'http://evil.example', 'access-control-request-method': 'POST' }
  for (const [method, path] of [...CALLS, ['OPTIONS', '/v1/values'] as const]) {
    if (['/v1/stop', '/v1/changes', '/v1/events'].includes(path)) continue
    for (const sent of [{ headers }, { headers, token }]) {
      const answer = await call(method, path, sent)
      const allowing = Object.keys(answer.headers).filter((name) => name.startsWith('access-'))
      t.deepEqual(allowing, [], `${method} ${path}`)
      t.is(answer.headers['cross-origin-resource-policy'], 'same-origin')
      t.is(answer.headers['x-content-type-options'], 'nosniff')
    }
  }
  t.is((await call('OPTIONS', '/v1/values', { headers, token })).status, 405)
  t.is((await call('OPTIONS', '/v1/values', { headers })).status, 401)
})

test("R007-18 faults that Node's parser finds are problem documents, too", async (t) => {
  const { daemon } = await serving(t)
  const host = 'Host: localhost\r\n'
  const chunked = `POST /v1/values HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`
  const cases: [status: number, sent: string][] = [
    [400, 'nonsense\r\n\r\n'],
    [400, 'GET /v1/keys HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [400, `GET /v1/keys HTTP/1.1\r\n${host}No colon\r\n\r\n`],
    [400, `POST /v1/values HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    [400, `${chunked}zz\r\n`],
    [413, `${chunked}1;${'x'.repeat(100_000)}`],
    [417, `GET /v1/keys HTTP/1.1\r\n${host}Expect: wonders\r\nConnection: close\r\n\r\n`],
    [431, `GET /v1/keys HTTP/1.1\r\n${host}X: ${'x'.repeat(HTTP_HEADER_BYTES)}\r\n\r\n`],
    [501, `${chunked.replace('chunked', 'gzip, chunked')}0\r\n\r\n`],
  ]
  for (const [status, sent] of cases) {
    const socket = open(daemon.socket)
    socket.on('error', () => undefined)
    socket.write(sent)
    const [head = '', body = ''] = (await heard(socket)).split('\r\n\r\n')
    const what = sent.slice(0, 80)
    t.true(head.startsWith(`HTTP/1.1 ${status} `), `${what}: ${head}`)
    t.regex(head, /^content-type: application\/problem\+json$/im, what)
    t.regex(head, /^x-content-type-options: nosniff$/im, what)
    t.regex(head, /^connection: close$/im, what)
    t.is(/^content-length: (\d+)$/im.exec(head)?.[1], String(Buffer.byteLength(body)), what)
    const { code, detail, ...rest } = JSON.parse(body) as Problem
    t.is(code, 'usage')
    t.truthy(detail)
    t.is(rest.status, status)
  }
})

test('R007-15 a refusal of a request without a body leaves its connection open', async (t) => {
  const { daemon } = await serving(t)
  const socket = open(daemon.socket)
  const host = 'Host: localhost\r\n'
  for (const [method, path] of [
    ['PATCH', '/v1/keys'],
    ['GET', '/v1/nothing'],
    ['HEAD', '/v1/keys'],
  ]) {
    socket.write(`${method} ${path} HTTP/1.1\r\n${host}\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    t.regex(head.toString(), /^HTTP\/1\.1 40[45] [^]*\r\nConnection: keep-alive\r\n/, method)
  }
  socket.write(`PATCH /v1/keys HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\n`)
  t.regex(await heard(socket), /\r\nConnection: close\r\n/)
})

test('R007-18 a fault behind a response that has begun cuts it, and adds nothing to it', async (t) => {
  const { daemon, node } = await serving(t)
  const { key } = await node.put({ bytes: [new Uint8Array(50_000_000)] as never })
  const socket = open(daemon.socket)
  socket.on('error', () => undefined)
  socket.write(`GET /v1/values/${key.toString()} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(socket, 'readable')
  socket.write('nonsense\r\n\r\n')
  t.false((await heard(socket)).includes('problem+json'))
})

test('R007-75 headers that are too long are refused', async (t) => {
  const { connect } = await servingTcp(t)
  const socket = await connect()
  socket.write(
    `GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(HTTP_HEADER_BYTES)}\r\n\r\n`,
  )
  t.regex(await heard(socket), /^HTTP\/1\.1 431 /)
})

test('R007-75 a client that sends nothing, or headers a byte at a time, is cut off', async (t) => {
  const log = createLog('error', () => undefined)
  const api = createApiServer(contextOf(new FakeNode()), SOCKET_ACCESS, log)
  const { server } = api
  t.teardown(() => api.close(0))
  t.is(server.headersTimeout, HTTP_REQUEST_MS)
  t.is(server.keepAliveTimeout, HTTP_IDLE_MS)
  t.is((server as { maxHeaderSize?: number }).maxHeaderSize, HTTP_HEADER_BYTES)
  server.headersTimeout = 300
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [silent, slow] = [open(port, '127.0.0.1'), open(port, '127.0.0.1')]
  for (const socket of [silent, slow]) socket.on('error', () => undefined)
  slow.write('GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nX: ')
  const drip = setInterval(() => slow.write('x'), 50)
  t.teardown(() => clearInterval(drip))
  t.regex(await heard(slow), /^HTTP\/1\.1 408 /)
  await heard(silent)
  t.pass()
})

test('R007-75 a client that stops in the middle of a body, or reads nothing, is cut off', async (t) => {
  const node = new FakeNode()
  const { key } = await node.put({ bytes: [new Uint8Array(50_000_000)] as never })
  const log = createLog('error', () => undefined)
  const api = createApiServer(contextOf(node), { ...SOCKET_ACCESS, silenceMs: 300 }, log)
  t.teardown(() => api.close(0))
  api.server.listen(0, '127.0.0.1')
  await once(api.server, 'listening')
  const { port } = api.server.address() as AddressInfo
  const stopped = open(port, '127.0.0.1')
  const deaf = open(port, '127.0.0.1').pause()
  t.teardown(() => deaf.destroy())
  for (const socket of [stopped, deaf]) socket.on('error', () => undefined)
  stopped.write('POST /v1/values HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhello')
  deaf.write(`GET /v1/values/${key.toString()} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await heard(stopped)
  t.is(node.values.size, 1)
  const left = (): Promise<number> =>
    new Promise((resolve) => api.server.getConnections((_, count) => resolve(count)))
  await eventually(async () => (await left()) === 0 && node.readsLeft > 0)
  t.is(await left(), 0)
  t.is(node.readsLeft, 1)
})

test('R007-75 strangers who hold every connection over TCP do not keep the user out', async (t) => {
  const { connect, call, token, daemon } = await servingTcp(t)
  const held = await Promise.all(Array.from({ length: HTTP_CONNECTIONS }, () => connect()))
  const closed = held.map((socket) => once(socket, 'close'))
  t.is((await call('GET', '/v1/keys', { token })).status, 200)
  await Promise.any(closed)
  t.is((await ask(daemon.socket, 'GET', '/v1/keys')).status, 200)
  for (const socket of held) socket.destroy()
})

test('R007-76 refusals are logged with their origin, at a bounded rate', async (t) => {
  const { call, logged } = await servingTcp(t)
  for (let turn = 0; turn < 20; turn++) await call('GET', '/v1/keys')
  const lines = logged.filter((line) => line.includes(' warn '))
  t.is(lines.length, 1)
  t.regex(lines[0]!, /refused over HTTP from=127\.0\.0\.1 status=401/)
})

test('R007-76 a public API and an unencrypted network cause warnings', async (t) => {
  const warnings = async (settings: object): Promise<number> => {
    const { logged, daemon } = await serving(t, settings)
    await daemon.close()
    return logged.filter((line) => line.includes(' warn ')).length
  }
  t.is(await warnings({ http: '127.0.0.1:0' }), 0)
  t.is(await warnings({ http: '127.0.0.1:0', httpPublic: true }), 1)
  t.is(await warnings({ http: '0.0.0.0:0' }), 1)
  t.is(await warnings({ http: '0.0.0.0:0', httpPublic: true }), 2)
})

test('R007-70 an unavailable address is an error, and is not saved', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const directory = stateDirectory(temporaryDirectory(t))
  const start = (http: string): Promise<unknown> => serving(t, { http }, directory)
  await t.throwsAsync(start(`127.0.0.1:${port}`), {
    code: 'address-in-use',
    message: `cannot serve HTTP on 127.0.0.1:${port}: something else listens there`,
  })
  await t.throwsAsync(start('192.0.2.1:0'), {
    code: 'malformed-address',
    message: /no address of this machine/,
  })
  const { daemon } = await serving(t, {}, directory)
  t.is((await ask(daemon.socket, 'GET', '/v1/keys')).status, 200)
  t.is(readFileSync(directory.config, 'utf8').trim(), '{}')
})

/** Everything that comes before the other side ends the connection. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (piece) => (text += String(piece)))
  if (!socket.closed) await once(socket, 'close')
  return text
}
