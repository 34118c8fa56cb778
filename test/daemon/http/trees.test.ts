/** Directories over HTTP: what any client sends, and what it gets. */
import { test } from '../../serial.ts'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { BATCH_ITEMS, DIRECTORY_DEPTH, HTTP_BATCH_BYTES } from '../../../src/limits.ts'
import { putTree, valuesOf, type Tree } from '../../node/put-tree.ts'
import { ask, temporaryDirectory, type Answer } from '../serving.ts'
import { treeServing } from '../tree-serving.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

const WASM = Buffer.from('0061736d01000000', 'hex')

const TREE: Tree = {
  'a b.txt': bytes('text'),
  'run.sh': bytes('#!/bin/sh\n'),
  'module.wasm': WASM,
  'page.html': bytes('<script>1</script>'),
  'noise.bin': Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) & 255),
  link: '../elsewhere',
  empty: {},
  ünï: { '%2F': bytes('percent') },
  __proto__x: bytes('p'),
}

const ROOT = valuesOf(TREE).root.toString()

type Send = (method: string, path: string, body?: string, headers?: object) => Promise<Answer>

const sender =
  (socket: string): Send =>
  (method, path, body, headers = {}) =>
    ask(socket, method, path, {
      headers: headers as Record<string, string>,
      ...(body !== undefined && { body }),
    })

async function withTree(t: ExecutionContext): Promise<Send> {
  const { daemon, node } = await treeServing(t)
  await putTree(node, TREE, 'models/m v1')
  return sender(daemon.socket)
}

const json = ({ body }: Answer): Record<string, unknown> =>
  JSON.parse(body.toString()) as Record<string, unknown>

const lines = ({ body }: Answer): unknown[] =>
  body
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)

/** The code of a problem, or of the event that ended the call. */
function codeOf(answer: Answer): unknown {
  const last = lines(answer).at(-1) as { code?: string; problem?: { code: string } }
  return last.code ?? last.problem?.code
}

const keyOf = (value: Uint8Array): string => new Key(hash(value).digest).toString()

test('R007-220 a file below a directory is answered as a value is', async (t) => {
  const send = await withTree(t)
  for (const word of [ROOT, 'models%2Fm%20v1']) {
    const at = `/v1/trees/${word}/a%20b.txt`
    const whole = await send('GET', at)
    t.is(whole.status, 200)
    t.is(whole.body.toString(), 'text')
    t.like(whole.headers, {
      etag: `"${keyOf(bytes('text'))}"`,
      'dstore-key': keyOf(bytes('text')),
      'dstore-size': '4',
      'dstore-entry': 'file',
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    })
    const part = await send('GET', at, undefined, { range: 'bytes=1-2' })
    t.is(part.status, 206)
    t.is(part.body.toString(), 'ex')
    t.is(part.headers['content-range'], 'bytes 1-2/4')
    const same = await send('GET', at, undefined, { 'if-none-match': whole.headers.etag! })
    t.is(same.status, 304)
    t.is((await send('GET', at, undefined, { 'if-match': '"x"' })).status, 412)
    const head = await send('HEAD', at)
    t.is(head.status, 200)
    t.is(head.body.byteLength, 0)
    t.is(head.headers['content-length'], '4')
    t.is(head.headers['content-type'], whole.headers['content-type'])
    t.is((await send('GET', at, undefined, { range: 'bytes=9-' })).status, 416)
  }
  t.is((await send('GET', `/v1/trees/${ROOT}/run.sh`)).headers['dstore-entry'], 'executable')
  const large = await send('GET', `/v1/trees/${ROOT}/noise.bin`)
  t.deepEqual(new Uint8Array(large.body), TREE['noise.bin'])
  const word = await send('GET', `/v1/trees/${keyOf(WASM)}`)
  t.deepEqual([word.status, word.headers['dstore-entry']], [200, 'file'])
})

test('R007-223 the longest bound name is the word where slashes are not encoded', async (t) => {
  const send = await withTree(t)
  for (const path of ['models/m%20v1/run.sh', 'models%2Fm%20v1%2Frun.sh', `${ROOT}%2Frun.sh`]) {
    const answer = await send('GET', `/v1/trees/${path}`)
    t.is(answer.body.toString(), '#!/bin/sh\n', path)
  }
  t.is((await send('GET', '/v1/trees/models/m%20v1')).headers.etag, `"${ROOT}"`)
  for (const path of ['models', 'models/m%20v2/run.sh', 'models/m%20v1/none']) {
    t.is((await send('GET', `/v1/trees/${path}`)).status, 404, path)
  }
})

test('R007-220 the entries of a directory come a line each, in order', async (t) => {
  const send = await withTree(t)
  const answer = await send('GET', `/v1/trees/${ROOT}`)
  t.is(answer.headers['content-type'], 'application/x-ndjson')
  t.is(answer.headers['dstore-entry'], 'directory')
  t.is(answer.headers.etag, `"${ROOT}"`)
  t.is(answer.headers['dstore-key'], ROOT)
  const entries = lines(answer) as { name: string }[]
  const names = Object.keys(TREE).toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)))
  t.deepEqual(
    entries.map(({ name }) => name),
    names,
  )
  const of = (name: string): unknown => entries.find((one) => one.name === name)
  t.deepEqual(of('run.sh'), {
    name: 'run.sh',
    type: 'file',
    key: keyOf(bytes('#!/bin/sh\n')),
    size: 10,
    exec: true,
  })
  t.deepEqual(of('link'), { name: 'link', type: 'link', to: '../elsewhere' })
  t.like(of('ünï'), { type: 'directory', size: 7, files: 1 })
  t.like(of('empty'), { type: 'directory', size: 0, files: 0 })
  t.deepEqual(lines(await send('GET', `/v1/trees/${ROOT}/empty`)), [])
  const head = await send('HEAD', `/v1/trees/${ROOT}`)
  t.deepEqual([head.status, head.body.byteLength, head.headers.etag], [200, 0, `"${ROOT}"`])
  const known = { 'if-none-match': `"${ROOT}"` }
  t.is((await send('GET', `/v1/trees/${ROOT}`, undefined, known)).status, 304)
  t.is((await send('GET', `/v1/trees/models%2Fm%20v1`)).headers.etag, `"${ROOT}"`)
})

test('R007-220 R007-229 what was removed is not answered, though it was kept', async (t) => {
  const { daemon, node } = await treeServing(t)
  const send = sender(daemon.socket)
  const { key } = await putTree(node, TREE, 'gone')
  const paths = ['/v1/trees/gone/run.sh', `/v1/trees/${key.toString()}/run.sh`]
  for (const path of [...paths, ...paths]) t.is((await send('GET', path)).status, 200)
  await node.index.unbind('gone')
  for (const path of paths) t.is((await send('GET', path)).status, 404)
})

test('R007-220 a link is answered by its text, and not followed', async (t) => {
  const send = await withTree(t)
  const answer = await send('GET', `/v1/trees/${ROOT}/link`)
  t.is(answer.status, 200)
  t.is(answer.body.toString(), '../elsewhere')
  t.like(answer.headers, { 'dstore-entry': 'link', 'content-type': 'text/plain; charset=utf-8' })
  t.is((await send('HEAD', `/v1/trees/${ROOT}/link`)).headers['content-length'], '12')
  const below = await send('GET', `/v1/trees/${ROOT}/link/x`)
  t.is(below.status, 404)
  t.regex(String(json(below)['detail']), /link/)
})

test('R007-220 R007-221 a path that leads nowhere is named, and cannot leave the tree', async (t) => {
  const send = await withTree(t)
  const absent: [path: string, status: number, about: RegExp][] = [
    ['nothing', 404, /nothing/],
    ['a%20b.txt/x', 404, /a b\.txt/],
    ['a%20b.txt/', 404, /a b\.txt/],
    ['%C3%BCn%C3%AF/none/deep', 404, /ünï\/none/],
    ['toString', 404, /toString/],
    ['..', 400, /\.\./],
    ['%2e%2e/x', 400, /\.\./],
    ['a//b', 400, /empty/],
    ['a%00b', 400, /NUL/],
    ['%2F', 400, /slash/],
    ['x%2F..%2Fy', 400, /slash/],
    ['%ff', 400, /UTF-8/],
  ]
  for (const [path, status, about] of absent) {
    const answer = await send('GET', `/v1/trees/${ROOT}/${path}`)
    t.is(answer.status, status, path)
    t.regex(String(json(answer)['detail']), about, path)
  }
  t.is((await send('GET', `/v1/trees/${ROOT}/%C3%BCn%C3%AF/%252F`)).body.toString(), 'percent')
  t.is((await send('GET', `/v1/trees/${ROOT}/`)).status, 200)
  t.is((await send('GET', `/v1/trees/${ROOT}/empty/`)).status, 200)
  t.is((await send('GET', '/v1/trees/no-such-name/x')).status, 404)
  const raw = ROOT.replace('bafyr4i', 'bafkr4i')
  t.is((await send('GET', `/v1/trees/${raw}`)).headers['dstore-entry'], 'file')
  t.is((await send('GET', `/v1/trees/${raw}/link`)).status, 404)
  t.is((await send('DELETE', `/v1/trees/${ROOT}/link`)).status, 405)
})

test('R007-222 content types come from a closed list, and none runs in a browser', async (t) => {
  const { daemon, node } = await treeServing(t)
  await putTree(node, TREE, 'tree')
  await node.put({ bytes: [WASM] as never }, { name: 'mod/x.wasm' })
  await node.put({ bytes: [bytes('<svg/>')] as never }, { name: 'logo.SVG' })
  const send = sender(daemon.socket)
  const types: [path: string, type: string][] = [
    [`/v1/trees/tree/module.wasm`, 'application/wasm'],
    [`/v1/trees/tree/module.wasm?type=application/octet-stream`, 'application/octet-stream'],
    [`/v1/trees/tree/run.sh?type=TEXT/CSV`, 'text/csv; charset=utf-8'],
    [`/v1/trees/tree/page.html`, 'text/plain; charset=utf-8'],
    [`/v1/trees/tree/noise.bin`, 'application/octet-stream'],
    [`/v1/values/mod%2Fx.wasm`, 'application/wasm'],
    [`/v1/trees/mod%2Fx.wasm`, 'application/wasm'],
    [`/v1/values/logo.SVG`, 'text/plain; charset=utf-8'],
    [`/v1/values/${keyOf(WASM)}`, 'application/octet-stream'],
    [`/v1/values/${keyOf(WASM)}?type=application/wasm`, 'application/wasm'],
  ]
  for (const [path, type] of types) {
    for (const method of ['GET', 'HEAD']) {
      // With a header that the immediate path leaves to the ordinary one, and without.
      for (const headers of [{}, { te: 'trailers' }]) {
        const answer = await send(method, path, undefined, headers)
        t.is(answer.status, 200, path)
        t.is(answer.headers['content-type'], type, path)
        t.is(answer.headers['x-content-type-options'], 'nosniff')
      }
    }
  }
  for (const type of ['text/html', 'image/svg+xml', 'text/javascript', '', 'x', 'text/plain;x=1']) {
    const path = `/v1/trees/tree/module.wasm?type=${encodeURIComponent(type)}`
    const answer = await send('GET', path)
    t.is(answer.status, 400, type)
    t.regex(String(json(answer)['hint']), /application\/wasm/)
  }
})

test('R007-215 R007-216 R007-217 R007-219 a tree is put with any HTTP client', async (t) => {
  const { daemon } = await treeServing(t)
  const send = sender(daemon.socket)
  const opened = await send('POST', '/v1/holds')
  t.is(opened.status, 201)
  const hold = String(json(opened)['hold'])
  t.is(opened.headers.location, `/v1/holds/${hold}`)
  const { root, directories } = valuesOf({ f: bytes('file') })
  const value = keyOf(bytes('file'))
  const keys = JSON.stringify({ keys: [root, value] })
  t.deepEqual(lines(await send('POST', `/v1/holds/${hold}/present`, keys)), [false, false])
  const dir = Buffer.from(directories[0]!.bytes)
  t.is((await ask(daemon.socket, 'POST', `/v1/values?hold=${hold}`, { body: dir })).status, 201)
  const make = JSON.stringify({ keys: [root] })
  const made = await send('POST', `/v1/holds/${hold}/directories`, make)
  t.deepEqual(lines(made), [{ key: root.toString(), missing: [value] }])
  const sizes = { 'dstore-sizes': '4' }
  t.is((await send('POST', `/v1/batch?hold=${hold}`, 'file', sizes)).status, 200)
  const again = await send('POST', `/v1/holds/${hold}/directories`, make)
  t.deepEqual(lines(again), [{ key: root.toString(), missing: [] }])
  const commit = JSON.stringify({ key: root })
  for (const status of [201, 200]) {
    const stored = await send('POST', `/v1/trees?hold=${hold}&name=n%2Fm`, commit)
    if (status === 201) t.is(stored.headers.location, `/v1/trees/${root.toString()}`)
    t.like(json(stored), { key: root.toString() })
    t.true([200, 201].includes(stored.status))
  }
  t.is((await send('GET', '/v1/trees/n%2Fm/f')).body.toString(), 'file')
  t.is((await send('POST', `/v1/holds/${hold}/present`, keys)).status, 404)
})

test('R007-215 R007-216 R007-219 what is malformed is refused, and stores nothing', async (t) => {
  const { daemon } = await treeServing(t)
  const send = sender(daemon.socket)
  const hold = String(json(await send('POST', '/v1/holds'))['hold'])
  const many = JSON.stringify({ keys: Array.from({ length: BATCH_ITEMS + 1 }, () => '0') })
  const refused: [method: string, path: string, body: string, status: number, code: string][] = [
    ['POST', '/v1/holds/x/present', '{"keys":[]}', 400, 'usage'],
    ['POST', `/v1/holds/${hold.slice(1)}/present`, '{"keys":[]}', 400, 'usage'],
    ['DELETE', `/v1/holds/${hold}0`, '', 400, 'usage'],
    ['POST', `/v1/holds/${hold}/present`, '{"keys":"x"}', 400, 'usage'],
    ['POST', `/v1/holds/${hold}/present`, '{"keys":["x"]}', 400, 'malformed-key'],
    ['POST', `/v1/holds/${hold}/present`, many, 413, 'too-large'],
    ['POST', `/v1/holds/${hold}/directories`, '{}', 400, 'usage'],
    ['POST', `/v1/values?hold=${hold}&name=n`, 'value', 400, 'usage'],
    ['POST', '/v1/values?hold=x', 'value', 400, 'usage'],
    ['POST', `/v1/values?hold=${'0'.repeat(32)}`, 'value', 404, 'not-found'],
    ['POST', `/v1/trees?hold=${hold}`, '{}', 400, 'usage'],
    ['POST', '/v1/trees', `{"key":"${ROOT}"}`, 400, 'usage'],
    ['POST', `/v1/trees?hold=${hold}`, `{"key":"${ROOT}"}`, 404, 'not-found'],
  ]
  for (const [method, path, body, status, code] of refused) {
    const answer = await send(method, path, body)
    t.is(answer.status, status, `${method} ${path} ${answer.body.toString()}`)
    t.is(json(answer)['code'], code, path)
  }
  t.is((await send('GET', '/v1/keys')).body.toString(), '')
})

test('R007-224 a tree is made of a list of entries', async (t) => {
  const { daemon, node } = await treeServing(t)
  const send = sender(daemon.socket)
  const { key } = await node.put({ bytes: [bytes('one')] as never })
  const script = await node.put({ bytes: [bytes('#!')] as never })
  const below = await putTree(node, { deep: { x: bytes('x') } })
  const entries = [
    { path: 'sub/b', key },
    { path: 'sub/a', key },
    { path: 'bin/run.sh', key: script.key, exec: true },
    { path: 'sub/to', to: 'a' },
    { path: 'none/' },
    { path: 'tree', key: below.key },
  ]
  const answer = await send('POST', '/v1/trees?name=made', JSON.stringify({ entries }))
  t.is(answer.status, 201, answer.body.toString())
  const same: Tree = {
    sub: { a: bytes('one'), b: bytes('one'), to: 'a' },
    bin: { 'run.sh': bytes('#!') },
    none: {},
    tree: { deep: { x: bytes('x') } },
  }
  t.is(json(answer)['key'], valuesOf(same).root.toString())
  t.is((await send('GET', '/v1/trees/made/tree/deep/x')).body.toString(), 'x')
  t.is((await send('POST', '/v1/trees?name=made', JSON.stringify({ entries }))).status, 200)
})

test('R013-16 a list takes values that were put under a hold, which a refusal leaves', async (t) => {
  const { daemon } = await treeServing(t)
  const send = sender(daemon.socket)
  const hold = json(await send('POST', '/v1/holds'))['hold'] as string
  const { key } = json(await send('POST', `/v1/values?hold=${hold}`, 'one')) as { key: string }
  const commit = (entries: object[]): Promise<Answer> =>
    send('POST', `/v1/trees?hold=${hold}&name=made&tag=1`, JSON.stringify({ entries }))
  t.is((await commit([{ path: '../a', key }])).status, 400)
  const absent = await commit([{ path: 'a', key: 'f'.repeat(64) }])
  t.is(absent.status, 404, absent.body.toString())
  const answer = await commit([{ path: 'sub/a', key, exec: true }, { path: 'none/' }])
  t.is(answer.status, 201, answer.body.toString())
  t.is((await send('GET', '/v1/trees/made/sub/a')).body.toString(), 'one')
  t.is((await commit([{ path: 'b', key }])).status, 404, 'the hold has ended')
})

test('R007-224 a list that is no tree is refused, and leaves nothing', async (t) => {
  const { daemon, node } = await treeServing(t)
  const send = sender(daemon.socket)
  const { key } = await node.put({ bytes: [bytes('one')] as never })
  const before = (await send('GET', '/v1/keys')).body.toString()
  const trees = node.trees
  const open = new Set<string>()
  const openHold = trees.openHold.bind(trees)
  const releaseHold = trees.releaseHold.bind(trees)
  trees.openHold = async () => {
    const hold = await openHold()
    open.add(hold)
    return hold
  }
  trees.releaseHold = async (hold) => {
    open.delete(hold)
    await releaseHold(hold)
  }
  const deep = Array.from({ length: DIRECTORY_DEPTH + 1 }, () => 'd').join('/')
  const refused: [name: string, entries: unknown, status: number, about: RegExp][] = [
    ['no list', 'x', 400, /list/],
    ['no object', [1], 400, /entry/],
    ['an unknown field', [{ path: 'a', key, mode: 7 }], 400, /mode/],
    ['both', [{ path: 'a', key, to: 'b' }], 400, /entry/],
    ['neither', [{ path: 'a' }], 400, /entry/],
    ['an executable link', [{ path: 'a', to: 'b', exec: true }], 400, /entry/],
    [
      'twice',
      [
        { path: 'a', key },
        { path: 'a', to: 'x' },
      ],
      400,
      /two entries.*: a/,
    ],
    [
      'below a file',
      [
        { path: 'a', key },
        { path: 'a/b', key },
      ],
      400,
      /two entries.*: a/,
    ],
    [
      'a file above',
      [
        { path: 'a/b', key },
        { path: 'a', key },
      ],
      400,
      /two entries.*: a/,
    ],
    ['up', [{ path: '../a', key }], 400, /\.\./],
    ['absolute', [{ path: '/a', key }], 400, /empty/],
    ['a NUL', [{ path: 'a\0', key }], 400, /NUL/],
    ['a lone surrogate', [{ path: '\ud800', key }], 400, /Unicode/],
    ['no key', [{ path: 'a', key: 'x' }], 400, /not a key/],
    ['absent', [{ path: 'a/b', key: 'f'.repeat(64) }], 404, /a\/b/],
    ['no directory', [{ path: 'a', key: key.toString().replace('bafk', 'bafy') }], 404, /: bafy/],
    ['an executable directory', [{ path: 'a', key: ROOT, exec: true }], 404, /no such key/],
    ['too deep', [{ path: deep, key }], 413, /levels/],
  ]
  for (const [name, entries, status, about] of refused) {
    const answer = await send('POST', '/v1/trees', JSON.stringify({ entries }))
    t.is(answer.status, status, `${name}: ${answer.body.toString()}`)
    t.regex(String(json(answer)['detail']), about, name)
  }
  // A hold and a name belong into the query: here they would keep nothing.
  for (const beside of [{ hold: 'x' }, { name: 'made' }]) {
    for (const request of [{ entries: [{ path: 'a', key }] }, { path: '/tmp' }, { key: ROOT }]) {
      const answer = await send('POST', '/v1/trees', JSON.stringify({ ...request, ...beside }))
      t.is(answer.status, 400, JSON.stringify(request))
      t.is(json(answer)['detail'], `the request has no ${Object.keys(beside)[0]}`)
    }
  }
  const long = JSON.stringify({ entries: 'x'.repeat(HTTP_BATCH_BYTES) })
  t.is((await send('POST', '/v1/trees', long)).status, 413)
  t.is(open.size, 0, 'every hold was released')
  t.is((await send('GET', '/v1/keys')).body.toString(), before)
})

test('R007-225 the daemon reads a folder by its path, as its own user', async (t) => {
  const { daemon } = await treeServing(t)
  const send = sender(daemon.socket)
  const folder = temporaryDirectory(t)
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, 'sub', 'a.txt'), 'a', { mode: 0o644 })
  symlinkSync('sub/a.txt', join(folder, 'link'))
  const put = (body: object, query = ''): Promise<Answer> =>
    send('POST', `/v1/trees${query}`, JSON.stringify(body))
  const stored = await put({ path: folder }, '?name=of%2Ffolder')
  t.is(stored.status, 200, stored.body.toString())
  const { result } = lines(stored).at(-1) as { result: { key: string } }
  const { root } = valuesOf({ sub: { 'a.txt': bytes('a') }, link: 'sub/a.txt' })
  t.deepEqual(result, { key: root.toString(), size: 1, files: 1, existed: false } as never)
  t.is((await send('GET', '/v1/trees/of%2Ffolder/sub/a.txt')).body.toString(), 'a')
  // Keys of files are remembered where `put` of the command line looks for them (R007-242).
  t.is(readdirSync(join(dirname(daemon.socket), 'stat-cache')).length, 1)
  symlinkSync('/etc/hostname', join(folder, 'out'))
  const refused: [body: object, query: string, code: string][] = [
    [{ path: folder }, '', 'usage'],
    [{ path: join(folder, 'sub', 'a.txt') }, '', 'usage'],
    [{ path: join(folder, 'none') }, '', 'unreadable'],
    [{ path: 'relative' }, '', 'usage'],
    [{ path: `${folder}\0` }, '', 'usage'],
    [{ path: folder, follow: 1 }, '', 'usage'],
    [{ path: folder }, `?hold=${'0'.repeat(32)}`, 'usage'],
    [{ path: folder }, '?name=', 'usage'],
  ]
  for (const [body, query, code] of refused) {
    t.is(codeOf(await put(body, query)), code, JSON.stringify([body, query]))
  }
  chmodSync(daemon.socket, 0o660)
  t.is(codeOf(await put({ path: folder })), 'not-permitted')
})
