/** What hostile clients send to `/cache`, over bare sockets (specs/010-doors.md, R010-5). */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { test } from '../../../serial.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { HTTP_HEADER_BYTES, DAV_BODY_BYTES } from '../../../../src/limits.ts'
import { packNames } from '../../../../src/index/lists/name-page.ts'
import { eventually } from '../../../eventually.ts'
import { ask, serving } from '../../../daemon/serving.ts'
import { servingTcp } from '../../../daemon/http/tcp.ts'
import type { CachePathVectors } from '../../../../specs/models/cache-paths.ts'

const VECTORS = 'specs/vectors/010-doors.json'

/** A connection, and all that came back so far. */
async function bare(t: ExecutionContext, path: string): Promise<[Socket, () => string]> {
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
  await once(socket, 'connect')
  return [socket, () => text]
}

/** What one request is answered, to the end of its head. */
async function said(t: ExecutionContext, path: string, sent: string): Promise<string> {
  const [socket, text] = await bare(t, path)
  socket.write(sent, 'latin1')
  await eventually(() => text().includes('\r\n\r\n'))
  socket.destroy()
  return text()
}

const HOST = 'Host: localhost\r\n'

test('R010-5 paths that climb, or hide a slash or a line end, are refused as they are', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const { refused } = JSON.parse(readFileSync(VECTORS, 'utf8')) as CachePathVectors
  for (const { path, why } of refused) {
    for (const method of ['GET', 'PUT', 'DELETE', 'MKCOL', 'PROPFIND']) {
      const { status } = await ask(daemon.socket, method, path, { headers: { depth: '0' } })
      t.is(status, 400, `${method}: ${why}`)
    }
    const depth = { headers: { depth: '0' } }
    t.is((await ask(daemon.socket, 'PROPFIND', `${path}/`, depth)).status, 400, why)
  }
  t.is(node.bound.size, 0)
})

test('R010-5 large heads are refused', async (t) => {
  const { daemon } = await serving(t, { doors: ['cache'] })
  const filler = `X: ${'x'.repeat(HTTP_HEADER_BYTES)}\r\n`
  const long = `GET /cache/s/a HTTP/1.1\r\n${HOST}${filler}\r\n`
  t.regex(await said(t, daemon.socket, long), /^HTTP\/1\.1 431 /)
  const deep = `GET /cache/${'a/'.repeat(HTTP_HEADER_BYTES / 2)} HTTP/1.1\r\n${HOST}\r\n`
  t.regex(await said(t, daemon.socket, deep), /^HTTP\/1\.1 431 /)
  const many = `GET /cache/${'a/'.repeat(4000)}b HTTP/1.1\r\n${HOST}\r\n`
  t.regex(await said(t, daemon.socket, many), /^HTTP\/1\.1 400 /)
})

test('R010-12 a body that ends early binds nothing', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const heads = [
    'Content-Length: 100\r\n\r\n0123456789',
    'Transfer-Encoding: chunked\r\n\r\na\r\n0123',
  ]
  for (const head of heads) {
    const [socket] = await bare(t, daemon.socket)
    socket.write(`PUT /cache/s/a HTTP/1.1\r\n${HOST}${head}`)
    await eventually(() => node.takenBytes > 0)
    socket.destroy()
    await eventually(() => node.signals.at(-1)?.aborted === true)
    await sleep(10)
    t.is(node.bound.size, 0)
    node.takenBytes = 0
  }
  const both = 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  const answer = await said(t, daemon.socket, `PUT /cache/s/a HTTP/1.1\r\n${HOST}${both}`)
  t.regex(answer, /^HTTP\/1\.1 400 /)
  t.is(node.bound.size, 0)
})

const EXPECT = `${HOST}Expect: 100-continue\r\n`

test('R010-16 the body of a refused request is not asked for', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const refusals: [number, string][] = [
    [400, 'PUT /cache/s/%2e%2e HTTP/1.1\r\nContent-Length: 5'],
    [400, 'PUT /cache/s/a HTTP/1.1\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5'],
    [404, 'PUT /ipfs/a HTTP/1.1\r\nContent-Length: 5'],
    [405, 'PUT /cache/s/ HTTP/1.1\r\nContent-Length: 5'],
    [405, 'POST /cache/s/a HTTP/1.1\r\nContent-Length: 5'],
    [413, 'PUT /cache/s/a HTTP/1.1\r\nContent-Length: 9007199254740992'],
    [415, 'PUT /cache/s/a HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 5'],
    [415, 'PUT /nx/v1/cache/a HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 5'],
  ]
  for (const [status, head] of refusals) {
    const answer = await said(t, daemon.socket, `${head}\r\n${EXPECT}\r\n`)
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer)
  }
  // A put may read much before it asks Global.
  node.lookup = () => Promise.reject(new DstoreError('unreachable', 'Global is away'))
  const away = `PUT /cache/s/a HTTP/1.1\r\nContent-Length: 5\r\n${EXPECT}\r\n`
  t.regex(await said(t, daemon.socket, away), /^HTTP\/1\.1 503 /)
  const nx = away.replace('/cache/s/a', '/nx/v1/cache/a')
  t.regex(await said(t, daemon.socket, nx), /^HTTP\/1\.1 403 /)
  t.is(node.takenBytes, 0)
})

test('R010-16 a connection on which a body may be missing is closed', async (t) => {
  const { daemon } = await serving(t, { doors: ['cache'] })
  const closed = await said(t, daemon.socket, `OPTIONS /cache/s/a HTTP/1.1\r\n${EXPECT}\r\n`)
  t.regex(closed, /^HTTP\/1\.1 204 /)
  t.regex(closed, /\r\nConnection: close\r\n/)
  const put = `PUT /cache/s/a HTTP/1.1\r\n${EXPECT}Content-Length: 1\r\n\r\nx`
  const [socket, text] = await bare(t, daemon.socket)
  socket.write(put)
  await eventually(() => / 201 .*\r\n\r\n/s.test(text()))
  t.notRegex(text(), /Connection: close/)
  socket.write(put)
  await eventually(() => / 204 .*\r\n\r\n/s.test(text()))
})

test('R010-16 nor that of a reader, or of a client without a token', async (t) => {
  const { port, connect, call } = await servingTcp(t, { doors: ['cache'] })
  t.is((await call('PUT', '/cache/s/a')).status, 401)
  const socket = await connect()
  let text = ''
  socket.on('data', (part: Buffer) => (text += part.toString()))
  const host = `Host: 127.0.0.1:${port}\r\nExpect: 100-continue\r\n`
  socket.write(`PUT /cache/s/a HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\n`)
  await eventually(() => text !== '')
  t.regex(text, /^HTTP\/1\.1 401 /)
})

test('R010-16 that of any other is, once', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  for (const path of ['/cache/s/a', `/v1/values`]) {
    const [socket, text] = await bare(t, daemon.socket)
    socket.write(`PUT ${path} HTTP/1.1\r\n${EXPECT}Content-Length: 5\r\n\r\n`)
    await eventually(() => text() === 'HTTP/1.1 100 Continue\r\n\r\n')
    await sleep(20)
    t.is(text(), 'HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('value')
    await eventually(() => / 20[01] /.test(text()))
    socket.destroy()
  }
  t.is(node.values.size, 1)
  // HTTP/1.0 has no 100 (RFC 9110, section 10.1.1).
  const old = `PUT /cache/s/b HTTP/1.0\r\n${EXPECT}Content-Length: 5\r\n\r\nvalue`
  t.regex(await said(t, daemon.socket, old), /^HTTP\/1\.1 201 /)
})

test('R010-16 a client that is refused, and sends another request for its body, has one answer', async (t) => {
  const { daemon } = await serving(t, { doors: ['cache'] })
  for (const expect of ['', 'Expect: 100-continue\r\n']) {
    const [socket, text] = await bare(t, daemon.socket)
    socket.write(`PUT /cache/s HTTP/1.1\r\n${HOST}${expect}Content-Length: 4\r\n\r\n`)
    await eventually(() => text().includes('HTTP/1.1 405 '))
    socket.write(`GET /cache/s/a HTTP/1.1\r\n${HOST}\r\n`)
    await once(socket, 'close')
    t.deepEqual(text().match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 405'], expect)
  }
})

test('R010-14 with Global away, what is not held is 404, and a write 503', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const call = async (method: string): Promise<number> => {
    const sent = { headers: { depth: '0' }, ...(method === 'PUT' && { body: 'x' }) }
    return (await ask(daemon.socket, method, '/cache/s/a', sent)).status
  }
  for (const code of ['unreachable', 'timeout', 'removed'] as const) {
    node.fault = new DstoreError(code, 'as a test wants it')
    for (const method of ['GET', 'HEAD', 'PROPFIND'])
      t.is(await call(method), 404, `${method}: ${code}`)
  }
  node.fault = new DstoreError('unreachable', 'Global is away')
  for (const method of ['PUT', 'DELETE']) t.is(await call(method), 503)
  const deep = { headers: { depth: '1' } }
  t.is((await ask(daemon.socket, 'PROPFIND', '/cache/s/', deep)).status, 503)
  // Other faults are no miss.
  node.fault = new DstoreError('integrity', 'damaged')
  t.is(await call('GET'), 502)
  node.fault = new DstoreError('no-space', 'full')
  t.is(await call('PUT'), 507)
})

test('R010-20 a PROPFIND that never ends is refused, and a client that does not read waits', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const [socket, text] = await bare(t, daemon.socket)
  const head = `PROPFIND /cache/s/ HTTP/1.1\r\n${HOST}Depth: 1\r\nTransfer-Encoding: chunked\r\n\r\n`
  socket.write(`${head}${`400\r\n${'x'.repeat(0x400)}\r\n`.repeat(DAV_BODY_BYTES / 0x400 + 1)}`)
  await eventually(() => text().startsWith('HTTP/1.1 413 '))
  socket.destroy()

  let pages = 0
  node.namePages = async function* () {
    for (;;) {
      pages++
      await Promise.resolve()
      const item = { name: `cache/s/${'n'.repeat(400)}`, digest: new Uint8Array(32) }
      yield packNames({ type: 'named', items: Array.from({ length: 100 }, () => item), more: true })
    }
  }
  const [slow] = await bare(t, daemon.socket)
  slow.pause()
  slow.write(`PROPFIND /cache/s/ HTTP/1.1\r\n${HOST}Depth: 1\r\n\r\n`)
  await eventually(() => pages > 1)
  await sleep(100)
  const after = pages
  await sleep(100)
  t.true(after < 100 && pages - after <= 1, `${after}, then ${pages}`)
})
