/** A trustless gateway for raw blocks, and RASL: what any client of theirs sends, and gets. */
import { test } from '../../serial.ts'
import { base2 } from 'multiformats/bases/base2'
import { base10 } from 'multiformats/bases/base10'
import { base16 } from 'multiformats/bases/base16'
import { base256emoji } from 'multiformats/bases/base256emoji'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import * as multihash from 'multiformats/hashes/digest'
import { BLOCK_AGE_S, RETRY_AFTER_S } from '../../../src/limits.ts'
import { DstoreError } from '../../../src/errors.ts'
import { putTree } from '../../node/put-tree.ts'
import { ask, serving } from '../../daemon/serving.ts'
import { cidOf, DAG_PB, DRISL, gateway, problemOf, put, putForeign, RAW } from './blocks.ts'

const BYTES = Buffer.from('application/vnd.ipld.raw')

const IMMUTABLE = `public, max-age=${BLOCK_AGE_S}, immutable`

test('R010-90 a CID of BLAKE3 leads to the value, in any codec and multibase', async (t) => {
  const { node, get } = await gateway(t)
  const key = await put(node, BYTES)
  const texts = [key, cidOf(RAW, 0x1e, key.digest), cidOf(DRISL, 0x1e, key.digest)].map(String)
  texts.push(cidOf(DAG_PB, 0x1e, key.digest).toString(), cidOf(0x0129, 0x1e, key.digest).toString())
  for (const base of [base2, base10, base16, base36, base58btc, base64url, base256emoji]) {
    texts.push(base.encode(key.toBytes()))
  }
  for (const text of texts) {
    const answer = await get(`/ipfs/${encodeURIComponent(text)}?format=raw`)
    t.is(answer.status, 200, text)
    t.deepEqual(answer.body, BYTES, text)
    t.is(answer.headers['x-ipfs-roots'], encodeURIComponent(text))
  }
})

test('R010-90 a directory is a block as well', async (t) => {
  const { node, get } = await gateway(t)
  const { key: root } = await putTree(node, { 'a.txt': BYTES }, 'tree')
  t.is(root.kind, 'directory')
  const { status, body } = await get(`/ipfs/${root.toString()}?format=raw`)
  t.is(status, 200)
  t.is(body.subarray(0, 6).toString('hex'), 'a16474726565')
  t.is((await get(`/ipfs/${root.as('bytes').toString()}?format=raw`)).status, 200)
})

test('R010-91 a CID of SHA-2 leads to the value with the name of that digest', async (t) => {
  const { node, get } = await gateway(t)
  const digest = await putForeign(node, BYTES)
  const hashed = multihash.create(0x12, digest)
  const cids = [CID.createV0(hashed), CID.createV1(RAW, hashed), CID.createV1(DAG_PB, hashed)]
  for (const cid of cids) {
    const answer = await get(`/ipfs/${cid.toString()}?format=raw`)
    t.is(answer.status, 200, cid.toString())
    t.deepEqual(answer.body, BYTES)
  }
  const other = await get(`/ipfs/${cidOf(RAW, 0x12, new Uint8Array(32)).toString()}?format=raw`)
  t.is(other.status, 404)
  t.is(problemOf(other).code, 'not-found')
})

test('R010-91 a hash function that no name spells is 404: the node cannot have the block', async (t) => {
  const { get } = await gateway(t)
  const unknown = [
    cidOf(RAW, 0x11, new Uint8Array(20)),
    cidOf(RAW, 0x12, new Uint8Array(20)),
    cidOf(RAW, 0x1e, new Uint8Array(20)),
    cidOf(RAW, 0x1e, new Uint8Array(64)),
    cidOf(RAW, 0xb220, new Uint8Array(32)),
  ]
  for (const cid of unknown) {
    const answer = await get(`/ipfs/${cid.toString()}?format=raw`)
    t.is(answer.status, 404, cid.toString())
    t.regex(problemOf(answer).detail, /none is known by/)
  }
})

test('R010-92 ?format= decides, else Accept; without both it is 400', async (t) => {
  const { node, get } = await gateway(t)
  const path = `/ipfs/${(await put(node, BYTES)).toString()}`
  const status = async (query: string, accept?: string): Promise<number> =>
    (await get(`${path}${query}`, accept === undefined ? {} : { accept })).status
  t.is(await status(''), 400)
  for (const accept of [
    'application/vnd.ipld.raw',
    'APPLICATION/vnd.ipld.raw;q=0.3',
    'application/vnd.ipld.car, application/vnd.ipld.raw; q=0.1',
    '*/*',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/*',
  ]) {
    t.is(await status('', accept), 200, accept)
    t.is(await status('?format=raw', accept), 200, accept)
    t.is(await status('?format=car', accept), 406, accept)
  }
  for (const accept of [
    'application/vnd.ipld.car; version=1',
    'text/html',
    '',
    'application/vnd.ipld.raw;q=0',
    'application/vnd.ipld.raw;q=0.000, */*',
    'application/*;q=0, */*',
  ]) {
    t.is(await status('', accept), 406, accept)
    t.is(await status('?format=raw', accept), 200, accept)
  }
  for (const query of ['?format=dag-json', '?format=', '?format=raw&format=car', '?format=RAW']) {
    const answer = await get(`${path}${query}`, { accept: 'application/vnd.ipld.raw' })
    t.is(answer.status, 406, query)
    t.regex(problemOf(answer).hint!, /format=raw/)
  }
})

test('R010-93 a block has the headers of the specification, and HEAD has the same', async (t) => {
  const { node, get } = await gateway(t)
  const cid = (await put(node, BYTES)).toString()
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, body } = await get(`/ipfs/${cid}?format=raw`, {}, method)
    t.is(status, 200)
    t.is(headers['content-type'], 'application/vnd.ipld.raw')
    t.is(headers['content-length'], String(BYTES.byteLength))
    t.is(headers['content-disposition'], `attachment; filename="${cid}.bin"`)
    t.is(headers['x-content-type-options'], 'nosniff')
    t.is(headers.etag, `"${cid}.raw"`)
    t.is(headers['x-ipfs-path'], `/ipfs/${cid}`)
    t.is(headers['x-ipfs-roots'], cid)
    t.is(headers['cache-control'], IMMUTABLE)
    t.is(headers['accept-ranges'], 'bytes')
    t.is(body.byteLength, method === 'GET' ? BYTES.byteLength : 0)
  }
})

test('R010-93 what is missing or refused has none of a block’s headers', async (t) => {
  const { get } = await gateway(t)
  const cid = cidOf(RAW, 0x1e, new Uint8Array(32)).toString()
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await get(`/ipfs/${cid}?format=raw`, {}, method)
    t.is(status, 404)
    t.is(headers['cache-control'], undefined)
    t.is(headers.etag, undefined)
    t.is(headers['access-control-allow-origin'], '*', 'a page may read why')
  }
})

test('R010-94 one range is answered, several are ignored', async (t) => {
  const { node, get } = await gateway(t)
  const path = `/ipfs/${(await put(node, BYTES)).toString()}?format=raw`
  const part = await get(path, { range: 'bytes=6-16' })
  t.is(part.status, 206)
  t.is(part.headers['content-range'], `bytes 6-16/${BYTES.byteLength}`)
  t.is(part.body.toString(), BYTES.subarray(6, 17).toString())
  const several = await get(path, { range: 'bytes=6-16,0-4' })
  t.is(several.status, 200)
  t.deepEqual(several.body, BYTES)
  const beyond = await get(path, { range: 'bytes=100-' })
  t.is(beyond.status, 416)
  t.is(beyond.headers['content-range'], `bytes */${BYTES.byteLength}`)
  t.is((await get(path, { range: 'bytes=5-2' })).status, 400)
  const tag = String(part.headers.etag)
  t.is((await get(path, { range: 'bytes=0-0', 'if-range': tag })).status, 206)
  t.is((await get(path, { range: 'bytes=0-0', 'if-range': '"other"' })).status, 200)
})

test('R010-95 If-None-Match with the tag is 304, for a block that exists', async (t) => {
  const { node, get } = await gateway(t)
  const key = await put(node, BYTES)
  const path = `/ipfs/${key.toString()}?format=raw`
  for (const method of ['GET', 'HEAD']) {
    for (const tag of [`"${key.toString()}.raw"`, `W/"${key.toString()}.raw"`, '"x", *']) {
      const { status, headers, body } = await get(path, { 'if-none-match': tag }, method)
      t.is(status, 304)
      t.is(headers['cache-control'], IMMUTABLE)
      t.is(headers.etag, `"${key.toString()}.raw"`)
      t.is(body.byteLength, 0)
    }
    // The tag of the API's own answer is not that of the gateway's.
    t.is((await get(path, { 'if-none-match': `"${key.toString()}"` }, method)).status, 200)
  }
  t.is((await get(path, { 'if-match': '"x"' })).status, 412)
  t.is((await get(path, { 'if-match': `"${key.toString()}.raw"` })).status, 200)
  await node.index.remove(key)
  t.is((await get(path, { 'if-none-match': '*' })).status, 404)
})

test('R010-96 a CID of identity is answered from the CID', async (t) => {
  const { get } = await gateway(t)
  const cid = cidOf(RAW, 0, BYTES).toString()
  const whole = await get(`/ipfs/${cid}?format=raw`)
  t.is(whole.status, 200)
  t.deepEqual(whole.body, BYTES)
  t.is(whole.headers.etag, `"${cid}.raw"`)
  const head = await get(`/ipfs/${cid}?format=raw`, {}, 'HEAD')
  t.is(head.headers['content-length'], String(BYTES.byteLength))
  for (const [range, status, text] of [
    ['bytes=0-10', 206, 'application'],
    ['bytes=20-', 206, '.raw'],
    ['bytes=-3', 206, 'raw'],
    ['bytes=0-999', 206, BYTES.toString()],
  ] as const) {
    const answer = await get(`/ipfs/${cid}?format=raw`, { range })
    t.is(answer.status, status, range)
    t.is(answer.body.toString(), text, range)
  }
  t.is((await get(`/ipfs/${cid}?format=raw`, { range: 'bytes=24-' })).status, 416)
  const cached = { 'cache-control': 'only-if-cached' }
  t.is((await get(`/ipfs/${cid}?format=raw`, cached)).status, 200)
  const empty = cidOf(RAW, 0, new Uint8Array()).toString()
  t.is(empty, 'bafkqaaa')
  for (const headers of [{}, { range: 'bytes=0-5' }]) {
    const { status, body } = await get(`/ipfs/${empty}?format=raw`, headers)
    t.is(status, 200)
    t.is(body.byteLength, 0)
  }
  t.is((await get(`/ipfs/${cid}?format=raw`, { 'if-none-match': '*' })).status, 304)
})

test('R010-97 pages of every origin may read blocks, and nothing else', async (t) => {
  const { node, get } = await gateway(t)
  const key = (await put(node, BYTES)).toString()
  const origin = { origin: 'https://app.example' }
  for (const path of [`/ipfs/${key}?format=raw`, `/.well-known/rasl/${key}`]) {
    const answer = await get(path, origin)
    t.is(answer.headers['access-control-allow-origin'], '*')
    t.is(answer.headers['cross-origin-resource-policy'], 'cross-origin')
    t.regex(String(answer.headers['access-control-expose-headers']), /X-Ipfs-Roots/)
    t.is(answer.headers['access-control-allow-credentials'], undefined)
    const asked = { ...origin, 'access-control-request-headers': 'range' }
    const preflight = await get(path, asked, 'OPTIONS')
    t.is(preflight.status, 204)
    t.is(preflight.body.byteLength, 0)
    t.is(preflight.headers['access-control-allow-origin'], '*')
    t.is(preflight.headers['access-control-allow-methods'], 'GET, HEAD, OPTIONS')
    t.regex(String(preflight.headers['access-control-allow-headers']), /\bRange\b/)
    t.notRegex(String(preflight.headers['access-control-allow-headers']), /authorization/i)
    const written = await get(path, {}, 'PUT')
    t.is(written.status, 405)
    t.is(written.headers.allow, 'GET, HEAD, OPTIONS')
  }
  const own = await get(`/v1/values/${key}`, origin)
  t.is(own.headers['access-control-allow-origin'], undefined)
  t.is(own.headers['cross-origin-resource-policy'], 'same-origin')
})

test('R010-98 only-if-cached is 412 for what this node does not hold', async (t) => {
  const { node, get } = await gateway(t)
  const key = await put(node, BYTES)
  const digest = await putForeign(node, BYTES)
  const cached = { 'cache-control': 'no-transform, Only-If-Cached' }
  const other = new Uint8Array(32)
  for (const method of ['GET', 'HEAD']) {
    for (const [cid, status] of [
      [key, 200],
      [cidOf(RAW, 0x12, digest), 200],
      [cidOf(RAW, 0x12, other), 412],
      [cidOf(RAW, 0x1e, other), 412],
      [cidOf(RAW, 0x11, other), 412],
    ] as const) {
      const answer = await get(`/ipfs/${cid.toString()}?format=raw`, cached, method)
      t.is(answer.status, status, cid.toString())
    }
  }
  t.is((await get('/ipfs/x?format=raw', cached)).status, 400)
})

test('R010-98 a part of a value is not held', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['ipfs'] })
  const { key } = await node.put({
    bytes: (async function* () {
      yield BYTES
    })(),
  })
  const stat = node.stat.bind(node)
  node.stat = async (...given) => ({ ...(await stat(...given))!, heldBytes: BYTES.byteLength - 1 })
  const headers = { 'cache-control': 'only-if-cached' }
  const path = `/ipfs/${key.toString()}?format=raw`
  t.is((await ask(daemon.socket, 'GET', path, { headers })).status, 412)
  t.is((await ask(daemon.socket, 'GET', path)).status, 200)
})

test('R010-99 while Global is away, it is 503 with the time to try again; cached: 412', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['ipfs'] })
  node.fault = new DstoreError('unreachable', 'Global is away')
  for (const code of [0x12, 0x1e]) {
    const path = `/ipfs/${cidOf(RAW, code, new Uint8Array(32)).toString()}?format=raw`
    const answer = await ask(daemon.socket, 'GET', path)
    t.is(answer.status, 503)
    t.is(answer.headers['retry-after'], String(RETRY_AFTER_S))
    const headers = { 'cache-control': 'only-if-cached' }
    t.is((await ask(daemon.socket, 'GET', path, { headers })).status, 412)
  }
})

test('R010-100 a path below a CID, and a service worker, are refused', async (t) => {
  const { node, get } = await gateway(t)
  const key = (await put(node, BYTES)).toString()
  for (const path of ['/a', '/a/b.html', '/%2e%2e/x', '/%C0%AF']) {
    const answer = await get(`/ipfs/${key}${path}?format=raw`)
    t.is(answer.status, 400, path)
  }
  t.regex(problemOf(await get(`/ipfs/${key}/a?format=raw`)).hint!, /the CID alone/)
  t.is((await get(`/ipfs/${key}/?format=raw`)).status, 200)
  t.is((await get('/ipfs?format=raw')).status, 400)
  t.is((await get('/ipfs/?format=raw')).status, 400)
  t.is((await get(`/ipfs/${key}?format=raw`, { 'service-worker': 'script' })).status, 400)
})

test('R010-101 a file name of the request is that of the attachment', async (t) => {
  const { node, get } = await gateway(t)
  const path = `/ipfs/${(await put(node, BYTES)).toString()}?format=raw`
  const saved = async (name: string): Promise<unknown> =>
    (await get(`${path}&filename=${encodeURIComponent(name)}`)).headers['content-disposition']
  t.is(await saved('foobar.bin'), 'attachment; filename="foobar.bin"')
  t.is(
    await saved("testтест'(1).pdf"),
    `attachment; filename="test____'(1).pdf"; filename*=UTF-8''test%D1%82%D0%B5%D1%81%D1%82%27%281%29.pdf`,
  )
  t.regex(String(await saved('')), /filename="bafk.*\.bin"/)
})

test('R010-102 RASL gives the same bytes to plain requests', async (t) => {
  const { node, get } = await gateway(t)
  const cid = (await put(node, BYTES)).toString()
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, body } = await get(`/.well-known/rasl/${cid}`, {}, method)
    t.is(status, 200)
    t.is(headers['content-type'], 'application/octet-stream')
    t.is(headers['content-length'], String(BYTES.byteLength))
    t.is(headers['cache-control'], IMMUTABLE)
    t.is(headers.etag, `"${cid}"`)
    t.regex(String(headers['content-disposition']), /^attachment/)
    t.is(body.byteLength, method === 'GET' ? BYTES.byteLength : 0)
  }
  const digest = await putForeign(node, BYTES)
  const foreign = await get(`/.well-known/rasl/${cidOf(RAW, 0x12, digest).toString()}`)
  t.deepEqual(foreign.body, BYTES)
  t.is((await get(`/.well-known/rasl/${cid}/x`)).status, 400)
  t.is((await get('/.well-known/rasl')).status, 400)
})
