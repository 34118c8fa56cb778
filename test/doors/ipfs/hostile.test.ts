/** Requests to `/ipfs` and RASL that no client makes by mistake. */
import { test } from '../../serial.ts'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { ExecutionContext } from 'ava'
import { base2 } from 'multiformats/bases/base2'
import { base32 } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'
import { CID_CHARACTERS, FILENAME_CHARACTERS, IDENTITY_BYTES } from '../../../src/limits.ts'
import { parseCid } from '../../../src/hash/cid.ts'
import { attachment } from '../../../src/doors/content-disposition.ts'
import { ask } from '../../daemon/serving.ts'
import { servingTcp } from '../../daemon/http/tcp.ts'
import { jsonOf, tokenServing } from '../../daemon/http/tokens.ts'
import { cidOf, gateway, problemOf, put, putForeign, rawCid, RAW } from './blocks.ts'

const BYTES = Buffer.from('a block')

/** What a server sends for these bytes, before it closes. */
async function exchange(t: ExecutionContext, socket: string, request: string): Promise<string> {
  const connection = connect(socket)
  t.teardown(() => connection.destroy())
  const parts: Buffer[] = []
  connection.on('data', (part: Buffer) => parts.push(part))
  connection.end(request)
  await once(connection, 'close')
  return Buffer.concat(parts).toString('latin1')
}

test('R010-90 a text that is no CID is 400, at once', async (t) => {
  const { get } = await gateway(t)
  const one = cidOf(RAW, 0x1e, new Uint8Array(32))
  const bad = [
    'x',
    '!',
    'Qm',
    'Qmxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0',
    'b',
    'ba',
    'b!!!!',
    'bafk',
    'z0OIl',
    'ffff',
    'f0155',
    '0',
    'ab'.repeat(32),
    `${one.toString()}a`,
    // More bytes than the multihash says, fewer, and a length of 2^53 and beyond.
    rawCid(...one.bytes, 0),
    rawCid(...one.bytes.subarray(0, -1)),
    rawCid(1, 0x55, 0x1e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
    rawCid(1, 0x55, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
    rawCid(2, 0x55, 0x1e, 0),
    // A CID of version 0 in a multibase.
    base32.encode(Uint8Array.of(0x12, 0x20, ...new Uint8Array(32))),
    '%F0%9F%9A%80'.repeat(3),
    '%EF%BF%BD',
    '%00',
    '%C3',
  ]
  for (const text of bad) {
    for (const root of ['/ipfs', '/.well-known/rasl']) {
      const answer = await get(`${root}/${text}?format=raw`)
      t.is(answer.status, 400, text)
    }
  }
})

test('R010-90 a CID of more characters than any real one is refused before it is decoded', async (t) => {
  const { get } = await gateway(t)
  for (const text of [`z${'2'.repeat(12_000)}`, `9${'9'.repeat(12_000)}`]) {
    const began = performance.now()
    const answer = await get(`/ipfs/${text}?format=raw`)
    t.is(answer.status, 400)
    t.regex(problemOf(answer).detail, /longer than/)
    t.true(performance.now() - began < 1000)
  }
  t.throws(() => parseCid('b'.repeat(CID_CHARACTERS + 1)), { message: /longer/ })
  t.throws(() => parseCid('b'.repeat(CID_CHARACTERS)), { message: /no CID/ })
  t.is((await get(`/ipfs/${'b'.repeat(20_000)}?format=raw`)).status, 431)
})

test('R010-96 a CID of identity carries a bounded number of bytes', async (t) => {
  const { get } = await gateway(t)
  const most = cidOf(RAW, 0, new Uint8Array(IDENTITY_BYTES))
  t.is((await get(`/ipfs/${most.toString()}?format=raw`)).body.byteLength, IDENTITY_BYTES)
  t.is(most.toString(base2).length, CID_CHARACTERS)
  t.is((await get(`/ipfs/${most.toString(base2)}?format=raw`)).status, 200)
  const more = cidOf(RAW, 0, new Uint8Array(IDENTITY_BYTES + 1))
  for (const text of [more.toString(), more.toString(base58btc)]) {
    const answer = await get(`/ipfs/${text}?format=raw`)
    t.is(answer.status, 400)
    t.regex(problemOf(answer).detail, /carries at most/)
  }
})

test('R010-96 what a CID carries never runs in a page', async (t) => {
  const { get } = await gateway(t)
  const page = cidOf(RAW, 0, Buffer.from('<script>alert(1)</script>')).toString()
  for (const path of [`/ipfs/${page}?format=raw&filename=a.html`, `/.well-known/rasl/${page}`]) {
    const { headers } = await get(path, { accept: 'text/html, */*' })
    t.regex(String(headers['content-disposition']), /^attachment;/)
    t.is(headers['x-content-type-options'], 'nosniff')
    t.regex(String(headers['content-type']), /^application\/(vnd\.ipld\.raw|octet-stream)$/)
  }
})

test('R010-101 no file name adds a header or a parameter', async (t) => {
  const { node, socket } = await gateway(t)
  const key = (await put(node, BYTES)).toString()
  const names = [
    'a%0d%0aSet-Cookie:%20x=1',
    'a%0aX-Evil:1',
    'a%22;%20filename=%22evil.exe',
    'a%5c%22b',
    '..%2f..%2fetc%2fpasswd',
    '%e2%80%aefdp.exe',
    '%00',
    '%e2%80%a8',
    '%e2%82%ac'.repeat(FILENAME_CHARACTERS),
  ]
  for (const name of names) {
    const answer = await exchange(
      t,
      socket,
      `GET /ipfs/${key}?format=raw&filename=${name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    t.regex(answer, /^HTTP\/1\.1 200 /, name)
    const [head] = answer.split('\r\n\r\n') as [string]
    t.notRegex(head, /^(set-cookie|x-evil)/im, name)
    const [line] = /^content-disposition: .*$/im.exec(head)!
    t.regex(
      line,
      /^Content-Disposition: attachment; filename="[^"\\/]*"(; filename\*=UTF-8''[\w.!~%-]*)?$/i,
    )
    t.notRegex(line, /%(0D|0A|00|22|2F|5C|E2%80%A[8E])/i, name)
  }
})

test('R010-101 a file name of too many characters, or that is not UTF-8, is 400', async (t) => {
  const { node, get } = await gateway(t)
  const path = `/ipfs/${(await put(node, BYTES)).toString()}?format=raw&filename=`
  t.is((await get(`${path}${'a'.repeat(FILENAME_CHARACTERS)}`)).status, 200)
  t.is((await get(`${path}${'a'.repeat(FILENAME_CHARACTERS + 1)}`)).status, 400)
  t.is((await get(`${path}%ff`)).status, 400)
  t.is(attachment('\ud800'), 'attachment; filename="_"')
})

test('R010-92 an Accept header of any length and shape is answered', async (t) => {
  const { node, get } = await gateway(t)
  const path = `/ipfs/${(await put(node, BYTES)).toString()}`
  for (const accept of [','.repeat(8000), ';'.repeat(8000), 'a/b;q=0,'.repeat(1000), 'q=0;*/*;']) {
    t.is((await get(path, { accept })).status, 406)
  }
})

test('R010-97 over TCP a preflight needs a token like every call, unless reads are public', async (t) => {
  const { call, node } = await servingTcp(t, { doors: ['ipfs'] })
  const key = (await put(node, BYTES)).toString()
  const path = `/ipfs/${key}?format=raw`
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const answer = await call(method, path, { headers: { origin: 'https://app.example' } })
    t.is(answer.status, 401, method)
    t.is(answer.headers['access-control-allow-origin'], undefined)
  }
  const open = await servingTcp(t, { doors: ['ipfs'], httpPublic: true })
  await put(open.node, BYTES)
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const { status } = await open.call(method, path)
    t.is(status, method === 'OPTIONS' ? 204 : 200)
  }
  t.is((await open.call('PUT', path)).status, 401)
})

test('R010-103 what a token was needed for is not for shared caches', async (t) => {
  const { call, node, token } = await servingTcp(t, { doors: ['ipfs'], httpPublic: true })
  const path = `/ipfs/${(await put(node, BYTES)).toString()}?format=raw`
  t.regex(String((await call('GET', path)).headers['cache-control']), /^public,/)
  t.regex(String((await call('GET', path, { token })).headers['cache-control']), /^private,/)
})

test('R010-104 a host that is not known is 421, and the hint makes it known', async (t) => {
  const { call, node } = await servingTcp(t, { doors: ['ipfs'], httpPublic: true })
  const path = `/ipfs/${(await put(node, BYTES)).toString()}?format=raw`
  const headers = { host: 'gateway.corp:8080' }
  const refused = await call('GET', path, { headers })
  t.is(refused.status, 421)
  t.is(problemOf(refused).hint, 'start the daemon with --http-host gateway.corp')
  const known = await servingTcp(t, {
    doors: ['ipfs'],
    httpPublic: true,
    httpHosts: ['gateway.corp'],
  })
  await put(known.node, BYTES)
  t.is((await known.call('GET', path, { headers })).status, 200)
})

test('R010-3 a token with a prefix reads only blocks with a name below it', async (t) => {
  const { as, make, node, socket } = await tokenServing(t, 'standalone', { doors: ['ipfs'] })
  const inside = await put(node, Buffer.from('inside'), 'team/a')
  const outside = await put(node, Buffer.from('outside'), 'other/a')
  const foreign = await putForeign(node, Buffer.from('foreign'))
  t.is((await ask(socket, 'GET', '/v1/status')).status, 200)
  const { token } = await make({ role: 'reader', prefix: 'team/', label: 'r' })
  const status = async (cid: { toString(): string }): Promise<number> =>
    (await as(token)('GET', `/ipfs/${cid.toString()}?format=raw`)).status
  t.is(await status(inside), 200)
  t.is(await status(outside), 404)
  t.is(await status(cidOf(RAW, 0x1e, new Uint8Array(32))), 404)
  t.is(await status(cidOf(RAW, 0x12, foreign)), 403)
  t.is(await status(cidOf(RAW, 0x12, new Uint8Array(32))), 403)
  t.deepEqual(
    jsonOf(await as(token)('GET', `/ipfs/${outside.toString()}?format=raw`)).code,
    'not-found',
  )
})
