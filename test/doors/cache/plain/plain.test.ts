/** `/cache` over a node with a store in memory (specs/010-doors.md, "Rules: build caches"). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { test } from '../../../serial.ts'
import { CACHE_KEEP_MS, DAV_BODY_BYTES } from '../../../../src/limits.ts'
import { verifiedBody } from '../../../../src/doors/cache/plain/content-address.ts'
import type { ServedNode } from '../../../../src/node/node.ts'
import { pathVectors, type CachePathVectors } from '../../../../specs/models/cache-paths.ts'
import { vectorFile } from '../../../../specs/models/vectors.ts'
import { ask, type Answer } from '../../../daemon/serving.ts'
import { tokenServing, type Call } from '../../../daemon/http/tokens.ts'
import { treeServing } from '../../../daemon/tree-serving.ts'

const VECTORS = 'specs/vectors/010-doors.json'
const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as CachePathVectors

type Sent = Parameters<typeof ask>[3]

interface Door {
  readonly node: ServedNode
  readonly socket: string
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Answer>
}

async function door(t: ExecutionContext): Promise<Door> {
  const { daemon, node } = await treeServing(t, { doors: ['cache'] })
  const { socket } = daemon
  return { node, socket, call: (method, path, sent) => ask(socket, method, path, sent) }
}

const problem = ({ body }: Answer): { code: string; detail: string; hint?: string } =>
  JSON.parse(body.toString()) as { code: string; detail: string; hint?: string }

const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

/** Larger than what travels in one message, and in several pieces. */
const LARGE = Buffer.alloc(300_000, 'large ')

test('R010-10 an entry is a value under the tag of its path, and // is /', async (t) => {
  const { call, node } = await door(t)
  const put = await call('PUT', '/cache/ccache//ab/c%C3%A9%20d', { body: 'result' })
  t.deepEqual([put.status, put.body.length], [201, 0])
  const bound = await node.index.lookup('cache/ccache/ab/cé d')
  t.is(bound?.kind, 'tag')
  const got = await call('GET', '/cache//ccache/ab/c%c3%a9%20d')
  t.is(got.status, 200)
  t.is(got.body.toString(), 'result')
  t.is(got.headers['content-type'], 'application/octet-stream')
  t.is(got.headers.etag, `"${bound?.key.toString()}"`)
  t.is(got.headers['content-encoding'], undefined)
  const head = await call('HEAD', '/cache/ccache/ab/c%C3%A9%20d')
  t.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '6', 0])
})

test('R010-11 what is not there is 404, to GET and HEAD alike', async (t) => {
  const { call } = await door(t)
  await call('PUT', '/cache/s/a', { body: 'result' })
  for (const path of ['/cache/s/b', '/cache/s/a/b', '/cache/s', '/cache/s/', '/cache', '/cache/']) {
    t.is((await call('GET', path)).status, 404, path)
    t.is((await call('HEAD', path)).status, 404, path)
  }
})

test('R010-11 a directory is no entry', async (t) => {
  const { call, node } = await door(t)
  const hold = await node.trees.openHold()
  const bytes = Buffer.from('a16474726565a0', 'hex')
  const { key } = (await node.putMany([bytes], { hold }))[0]!
  await node.trees.makeDirectories(hold, [key.as('directory')])
  const name = 'cache/s/dir'
  await node.trees.commitTree(hold, key.as('directory'), { name, naming: { kind: 'tag' } })
  t.is((await node.index.lookup(name))?.key.kind, 'directory')
  const depth = { headers: { depth: '0' } }
  t.is((await call('PROPFIND', '/cache/s/dir', depth)).status, 404)
  t.is((await call('GET', '/cache/s/dir')).status, 404)
})

test('R010-11 ranges, If-Range and If-None-Match are those of values', async (t) => {
  const { call } = await door(t)
  await call('PUT', '/cache/s/a', { body: '0123456789' })
  const part = await call('GET', '/cache/s/a', { headers: { range: 'bytes=2-4' } })
  t.deepEqual([part.status, part.body.toString()], [206, '234'])
  t.is(part.headers['content-range'], 'bytes 2-4/10')
  const etag = part.headers.etag!
  const same = await call('GET', '/cache/s/a', { headers: { 'if-none-match': etag } })
  t.is(same.status, 304)
  const beyond = await call('GET', '/cache/s/a', { headers: { range: 'bytes=10-' } })
  t.is(beyond.status, 416)
})

test('R010-12 a write is 201 for a new entry, 204 for a replaced one and for the same', async (t) => {
  const { call, node } = await door(t)
  const statuses = []
  for (const body of ['one', 'two', 'two', LARGE, LARGE, 'one', '']) {
    statuses.push((await call('PUT', '/cache/s/manifest', { body })).status)
    t.is((await call('GET', '/cache/s/manifest')).body.toString(), body.toString())
  }
  t.deepEqual(statuses, [201, 204, 204, 204, 204, 204, 204])
  // A value that exists does not make the entry an old one.
  t.is((await call('PUT', '/cache/s/other', { body: 'one' })).status, 201)
  t.is((await node.index.tagHistory('cache/s/manifest')).length, 5)
})

test('R010-12 a replaced value is kept for a minute, if nothing else holds it', async (t) => {
  const { call, node } = await door(t)
  await call('PUT', '/cache/s/a', { body: 'one' })
  const asked: unknown[] = []
  const put = node.put.bind(node)
  node.put = (source, options) => {
    asked.push(options?.naming)
    return put(source, options)
  }
  await call('PUT', '/cache/s/a', { body: 'two' })
  t.like(asked, [{ kind: 'tag', keepMs: CACHE_KEEP_MS }])
})

test('R010-12 a fixed name is not replaced', async (t) => {
  const { call, node } = await door(t)
  const bytes = (async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('release')
    await Promise.resolve()
  })()
  await node.put({ bytes }, { name: 'cache/s/release' })
  const put = await call('PUT', '/cache/s/release', { body: 'other' })
  t.deepEqual([put.status, problem(put).code], [409, 'conflict'])
  t.is((await call('GET', '/cache/s/release')).body.toString(), 'release')
})

test('R010-13 bodies that would come back otherwise are refused, and bind nothing', async (t) => {
  const { call } = await door(t)
  const put = async (headers: Record<string, string>): Promise<number> =>
    (await call('PUT', '/cache/s/a', { body: 'result', headers })).status
  t.is(await put({ 'content-encoding': 'gzip' }), 415)
  t.is(await put({ 'content-range': 'bytes 0-5/12' }), 400)
  t.is(await put({ 'if-none-match': '*' }), 501)
  t.is(await put({ 'if-match': '"a"' }), 501)
  t.is(await put({ 'if-unmodified-since': new Date(0).toUTCString() }), 501)
  t.is((await call('GET', '/cache/s/a')).status, 404)
  t.is(await put({ 'content-encoding': 'identity' }), 201)
  // Without this, a client that removes what it knows would remove what it does not.
  const remove = await call('DELETE', '/cache/s/a', { headers: { 'if-match': '"a"' } })
  t.is(remove.status, 501)
  t.is((await call('GET', '/cache/s/a')).status, 200)
})

test('R010-15 below cas/ the path says the SHA-256, and other bytes bind nothing', async (t) => {
  const { call, node } = await door(t)
  for (const bytes of [Buffer.from('output'), LARGE, Buffer.alloc(0)]) {
    const hex = sha256(bytes)
    for (const wrong of [
      Buffer.from('outpux'),
      Buffer.from(LARGE).fill('x', 299_999),
      bytes.subarray(1),
    ]) {
      if (wrong.equals(bytes)) continue
      const refused = await call('PUT', `/cache/bazel/cas/${hex}`, { body: wrong })
      t.deepEqual([refused.status, problem(refused).code], [400, 'usage'])
      t.true(problem(refused).detail.includes(hex))
      const chunked = await call('PUT', `/cache/bazel/cas/${hex}`, {
        body: wrong,
        headers: { 'transfer-encoding': 'chunked' },
      })
      t.is(chunked.status, 400)
    }
    t.is((await call('GET', `/cache/bazel/cas/${hex}`)).status, 404)
    t.is((await call('PUT', `/cache/bazel/cas/${hex}`, { body: bytes })).status, 201)
    t.deepEqual((await call('GET', `/cache/bazel/cas/${hex}`)).body, bytes)
    t.is((await call('PUT', `/cache/bazel/cas/${hex.toUpperCase()}`, { body: 'x' })).status, 400)
  }
  const keys = []
  for await (const { size } of node.index.keys()) keys.push(size)
  t.deepEqual(
    keys.toSorted((a, b) => a - b),
    [0, 6, LARGE.byteLength],
    'nothing else is stored',
  )
  // What is not below it says nothing of its bytes.
  t.is((await call('PUT', `/cache/bazel/ac/${'0'.repeat(64)}`, { body: 'x' })).status, 201)
  t.is((await call('PUT', `/cache/cas/${'0'.repeat(64)}`, { body: 'x' })).status, 400)
})

test('R010-17 DELETE is 204, then 404, and removes the value', async (t) => {
  const { call, node } = await door(t)
  await call('PUT', '/cache/s/a', { body: 'result' })
  const { key } = (await node.index.lookup('cache/s/a'))!
  t.is((await call('DELETE', '/cache/s/a')).status, 204)
  t.is((await call('DELETE', '/cache/s/a')).status, 404)
  t.is(await node.index.stat(key), undefined)
  t.is((await call('DELETE', '/cache/s/')).status, 405)
})

test('R010-18 any path that ends in a slash is a collection', async (t) => {
  const { call } = await door(t)
  const depth = (value: string): Sent => ({ headers: { depth: value } })
  for (const path of ['/cache', '/cache/', '/cache/s', '/cache/s/7/2/', '/cache/%3Ca%22%26%27/']) {
    const found = await call('PROPFIND', path, depth('0'))
    t.is(found.status, 207)
    t.is(found.headers['content-type'], 'application/xml; charset=utf-8')
    const href = path.endsWith('/') ? path : `${path}/`
    t.true(found.body.toString().includes(`<D:href>${href.replace('%27', "'")}</D:href>`), path)
    t.true(found.body.toString().includes('<D:resourcetype><D:collection/></D:resourcetype>'))
    t.is((await call('MKCOL', path)).status, 201)
    t.is((await call('PUT', path, { body: 'x' })).status, 405)
  }
  t.is((await call('MKCOL', '/cache/s/7')).status, 201)
  t.is((await call('MKCOL', '/cache/s/7/', { body: '<x/>' })).status, 415)
  t.is((await call('PROPFIND', '/cache/s/7', depth('0'))).status, 404)
})

test('R010-19 at depth 1 the members of a collection are listed, level by level', async (t) => {
  const { call } = await door(t)
  for (const name of ['a', 'b/1', 'b/2', 'c d%26', 'e.%3Cx%3E']) {
    await call('PUT', `/cache/s/${name.replace(' ', '%20')}`, { body: name })
  }
  await call('PUT', '/cache/t/a', { body: 'a' })
  const found = await call('PROPFIND', '/cache/s/', {
    headers: { depth: '1' },
    body: '<propfind xmlns="DAV:"><allprop/></propfind>',
  })
  const hrefs = (answer: Answer): string[] =>
    [...answer.body.toString().matchAll(/<D:href>([^<]*)/g)].map(([, href]) => href!)
  t.deepEqual(hrefs(found), [
    '/cache/s/',
    '/cache/s/a',
    '/cache/s/b/',
    '/cache/s/c%20d%26',
    '/cache/s/e.%3Cx%3E',
  ])
  t.true(found.body.toString().includes('<D:getcontentlength>1</D:getcontentlength>'))
  const spaces = await call('PROPFIND', '/cache', { headers: { depth: '1' } })
  t.deepEqual(hrefs(spaces), ['/cache/', '/cache/s/', '/cache/t/'])
  const one = await call('PROPFIND', '/cache/s/b/1', { headers: { depth: '1' } })
  t.is(one.status, 207)
  t.deepEqual(hrefs(one), ['/cache/s/b/1'])
  t.true(one.body.toString().includes('<D:resourcetype/>'))
})

test('R010-19 names that no path leads to are not listed', async (t) => {
  const { call, node } = await door(t)
  await call('PUT', '/cache/s/a', { body: 'a' })
  const { key } = (await node.index.lookup('cache/s/a'))!
  for (const name of ['cache/s//x', 'cache/s/../x', 'cache/s/./x', 'cache/s/..', 'cache/s/']) {
    await node.index.tag(name, key)
  }
  // One segment behind the root names a space.
  await node.index.tag('cache/x', key)
  const listed = async (path: string): Promise<string[]> => {
    const found = await call('PROPFIND', path, { headers: { depth: '1' } })
    return [...found.body.toString().matchAll(/<D:href>([^<]*)/g)].map(([, href]) => href!)
  }
  t.deepEqual(await listed('/cache/s/'), ['/cache/s/', '/cache/s/a'])
  t.deepEqual(await listed('/cache/'), ['/cache/', '/cache/s/'])
})

test('R010-20 a PROPFIND without a depth, or of a long body, is refused', async (t) => {
  const { call } = await door(t)
  for (const headers of [{}, { depth: 'infinity' }, { depth: '2' }, { depth: '1, 1' }]) {
    t.is((await call('PROPFIND', '/cache/s/', { headers })).status, 403)
  }
  const fits = { headers: { depth: '0' }, body: ' '.repeat(DAV_BODY_BYTES) }
  t.is((await call('PROPFIND', '/cache/s/', fits)).status, 207)
  const long = { headers: { depth: '0' }, body: ' '.repeat(DAV_BODY_BYTES + 1) }
  t.is((await call('PROPFIND', '/cache/s/', long)).status, 413)
})

test('R010-21 OPTIONS lists the methods, and others are refused', async (t) => {
  const { call } = await door(t)
  const { status, headers } = await call('OPTIONS', '/cache/s/a')
  t.deepEqual([status, headers.dav], [204, '1'])
  t.is(headers.allow, 'GET, HEAD, OPTIONS, PROPFIND, PUT, DELETE, MKCOL')
  t.is((await call('OPTIONS', '/cache/s/')).headers.allow, 'OPTIONS, PROPFIND, MKCOL')
  for (const method of ['POST', 'COPY', 'MOVE', 'LOCK', 'PROPPATCH', 'PATCH']) {
    t.is((await call(method, '/cache/s/a')).status, 405, method)
  }
})

test("R010-10 the committed vectors are the model's", (t) => {
  t.is(readFileSync(VECTORS, 'utf8'), vectorFile(pathVectors()))
})

test('R010-10 paths lead to the names that the vectors say', async (t) => {
  const { call, node } = await door(t)
  for (const { path, name } of vectors.entries) {
    const put = await call('PUT', path, { body: name })
    t.true(put.status === 201 || put.status === 204, path)
    t.is((await call('GET', path)).body.toString(), name, path)
    const { key } = (await node.index.lookup(name))!
    t.is((await call('GET', path)).headers.etag, `"${key.toString()}"`)
  }
})

test('R010-15 a rule bounds what is below cas/, and the value goes with its entry', async (t) => {
  const { call, node } = await door(t)
  await node.rules.set('cache/bazel/', { maxNames: 2 })
  const put = async (space: string, bytes: string): Promise<number> =>
    (await call('PUT', `/cache/${space}/cas/${sha256(bytes)}`, { body: bytes })).status
  for (const bytes of ['one', 'two', 'three']) t.is(await put('bazel', bytes), 201)
  t.is(await put('other', 'three'), 201)
  const keys = []
  for await (const { size } of node.index.keys()) keys.push(size)
  t.deepEqual(
    keys.toSorted((a, b) => a - b),
    [3, 5],
    'one is gone, and three is stored once',
  )
})

test('R010-12 an entry that a rule has no room for is 413', async (t) => {
  const { call, node } = await door(t)
  await node.rules.set('cache/s/', { maxSize: 10 })
  t.is((await call('PUT', '/cache/s/a', { body: 'x'.repeat(11) })).status, 413)
  t.is((await call('GET', '/cache/s/a')).status, 404)
})

test('R010-21 a reader has hits and writes nothing, whatever its prefix', async (t) => {
  const { make, as, node } = await tokenServing(t, 'standalone', { doors: ['cache'] })
  const call = async (terms: object): Promise<Call> => as((await make(terms)).token)
  const writer = await call({ role: 'writer', label: 'w', prefix: 'cache/s/' })
  const reader = await call({ role: 'reader', label: 'r', prefix: 'cache/s/' })
  const stranger = await call({ role: 'writer', label: 'x', prefix: 'cache/t/' })
  const cas = `/cache/s/cas/${sha256('output')}`
  for (const path of ['/cache/s/a', cas]) {
    t.is((await writer('PUT', path, { body: 'output' })).status, 201)
    t.is((await writer('PUT', path, { body: 'output' })).status, 204)
    t.is((await reader('GET', path)).body.toString(), 'output')
    for (const [method, body] of [['PUT', 'other'], ['DELETE'], ['MKCOL']] as const) {
      const refused = await reader(method, path, body === undefined ? {} : { body })
      t.deepEqual([refused.status, problem(refused).code], [403, 'not-permitted'])
    }
    for (const [method, body] of [['GET'], ['PUT', 'other'], ['DELETE']] as const) {
      const refused = await stranger(method, path, body === undefined ? {} : { body })
      t.is(refused.status, 403, method)
    }
  }
  t.is((await writer('PUT', '/cache/s/a', { body: 'newer' })).status, 204)
  t.is((await stranger('PUT', '/cache/t/a', { body: 'theirs' })).status, 201)
  const depth = { headers: { depth: '1' } }
  const listed = (await stranger('PROPFIND', '/cache', depth)).body.toString()
  t.deepEqual(listed.match(/(?<=<D:href>)[^<]*/g), ['/cache/', '/cache/t/'])
  t.is(
    (await stranger('PROPFIND', '/cache/s/', depth)).body.toString().match(/D:href>/g)?.length,
    2,
  )
  // A writer removes what writers can replace, and no fixed name.
  await node.index.bind('cache/s/release', (await node.index.lookup('cache/s/a'))!.key)
  t.is((await writer('DELETE', '/cache/s/release')).status, 403)
  t.is((await writer('DELETE', '/cache/s/a')).status, 204)
})

test('R010-6 a refusal by role is counted, and a method of no door is not', async (t) => {
  const { make, as } = await tokenServing(t, 'standalone', { doors: ['cache'] })
  const reader = as((await make({ role: 'reader', label: 'r' })).token)
  await reader('PUT', '/cache/s/a', { body: 'x' })
  await reader('COPY', '/cache/s/a')
  const metrics = (await reader('GET', '/metrics')).body.toString()
  const counted = metrics.match(/^dstore_door_requests_total\{.*$/gm)
  t.is(counted?.length, 1)
  t.regex(counted?.[0] ?? '', /method="PUT",status="403"\} 1$/)
})

test('R010-15 the last piece is handed on only when all are verified', async (t) => {
  const pieces = ['one', 'two', 'three'].map((piece) => Buffer.from(piece))
  const bytes = (async function* (): AsyncGenerator<Uint8Array> {
    yield* pieces
    await Promise.resolve()
  })()
  const taken: string[] = []
  const take = async (): Promise<void> => {
    const source = verifiedBody({ bytes }, ['bazel', 'cas', sha256('another')])
    for await (const piece of source.bytes) taken.push(String(piece))
  }
  await t.throwsAsync(take, { code: 'usage' })
  t.deepEqual(taken, ['one', 'two'])
})
