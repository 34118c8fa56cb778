/** The endpoint of Hugging Face's clients: what they send, and what they read of the answer. */
import { test } from '../../serial.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { jsonOf } from '../../daemon/http/tokens.ts'
import { bytes, codeOf, hfServing, pathsOf, type TreeLine } from './hf-serving.ts'

const CONFIG = bytes('{"a":1}')
const keyOf = (value: Uint8Array): Key => new Key(hash(value).digest)

const TREE = {
  'README.md': bytes('# tiny'),
  'config.json': CONFIG,
  sub: { 'a b.txt': bytes('text'), deep: { ünï: bytes('u') } },
  'link.json': 'config.json',
  'up.txt': 'sub/../sub/a b.txt',
  folder: 'sub',
  out: '../config.json',
  absolute: '/config.json',
  loop: 'loop',
}

test('R010-50 models, datasets and spaces are names', async (t) => {
  const { get, publish } = await hfServing(t)
  const tree = { f: bytes('1') }
  await publish('hf/acme/tiny@main', tree)
  await publish('hf/gpt2@main', tree)
  await publish('hf/datasets/acme/d@main', tree)
  await publish('hf/spaces/acme/s@main', tree)
  for (const path of [
    '/acme/tiny/resolve/main/f',
    '/gpt2/resolve/main/f',
    '/datasets/acme/d/resolve/main/f',
    '/spaces/acme/s/resolve/main/f',
  ]) {
    const { status, body } = await get(path)
    t.deepEqual([status, body.toString()], [200, '1'], path)
  }
  t.is(jsonOf(await get('/api/models/gpt2'))['id'], 'gpt2')
  t.is(jsonOf(await get('/api/models/gpt2/revision/main'))['modelId'], 'gpt2')
  t.is(jsonOf(await get('/api/datasets/acme/d'))['author'], 'acme')
  t.is(codeOf(await get('/api/models/acme/d')), '404 RepoNotFound')
  t.is(codeOf(await get('/datasets/acme/tiny/resolve/main/f')), '404 RepoNotFound')
})

test('R010-51 the facts of a revision have its commit and its files', async (t) => {
  const { get, publish } = await hfServing(t)
  const { commit } = await publish('hf/acme/tiny@main', TREE)
  const info = jsonOf(await get('/api/models/acme/tiny'))
  t.is(info['sha'], commit)
  t.regex(commit, /^[0-9a-f]{40}$/)
  const names = (info['siblings'] as { rfilename: string }[]).map(({ rfilename }) => rfilename)
  const files = ['README.md', 'config.json', 'link.json', 'sub/a b.txt', 'sub/deep/ünï', 'up.txt']
  t.deepEqual(names, files)
  const blobs = jsonOf(await get('/api/models/acme/tiny/revision/main?blobs=True'))
  t.like((blobs['siblings'] as object[])[1], {
    rfilename: 'config.json',
    size: 7,
    blobId: keyOf(CONFIG).toHex().slice(0, 40),
  })
  t.true(Math.abs(Date.parse(String(info['lastModified'])) - Date.now()) < 60_000)
})

test('R010-55 a HEAD says what the client needs, and leads to the commit', async (t) => {
  const { get, head, port, publish } = await hfServing(t)
  const { commit } = await publish('hf/acme/tiny@main', TREE)
  const { status, headers, body } = await head('/acme/tiny/resolve/main/sub/a%20b.txt')
  t.is(status, 200)
  t.is(body.byteLength, 0)
  t.is(headers['x-repo-commit'], commit)
  t.is(headers.etag, `"${keyOf(bytes('text')).toString()}"`)
  t.is(headers['content-length'], '4')
  t.is(headers['accept-ranges'], 'bytes')
  const at = `http://127.0.0.1:${port}/hf/acme/tiny/resolve/${commit}/sub/a%20b.txt`
  t.is(headers.location, at)
  const again = await head(at.slice(at.indexOf('/acme')))
  t.deepEqual([again.status, again.headers.location], [200, undefined])
  const secure = { headers: { 'x-forwarded-proto': 'https' } }
  const proxied = await head('/acme/tiny/resolve/main/config.json', secure)
  t.regex(proxied.headers.location!, /^https:\/\/127/)
  const whole = await get('/acme/tiny/resolve/main/config.json')
  t.is(whole.headers['x-repo-commit'], commit)
  t.is(whole.headers['content-type'], 'application/json')
  t.is(whole.body.toString(), CONFIG.toString())
  t.is((await head('/acme/tiny/resolve/main/sub')).headers['x-error-code'], 'EntryNotFound')
})

test('R010-55 ranges, known tags, and never a compressed body', async (t) => {
  const { get, head, publish } = await hfServing(t)
  await publish('hf/acme/tiny@main', { f: bytes('0123456789') })
  const path = '/acme/tiny/resolve/main/f'
  const part = await get(path, { headers: { range: 'bytes=2-4', 'accept-encoding': 'gzip' } })
  t.deepEqual([part.status, part.body.toString()], [206, '234'])
  t.is(part.headers['content-range'], 'bytes 2-4/10')
  t.is(part.headers['content-encoding'], undefined)
  const beyond = await get(path, { headers: { range: 'bytes=10-' } })
  t.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */10'])
  const tag = keyOf(bytes('0123456789')).toString()
  for (const known of [`"${tag}"`, `W/"${tag}"`, `"x", "${tag}"`, '*']) {
    for (const ask of [get, head]) {
      const { status, headers, body } = await ask(path, { headers: { 'if-none-match': known } })
      t.deepEqual([status, headers.etag, body.byteLength], [304, `"${tag}"`, 0], known)
    }
  }
  t.is((await get(path, { headers: { 'if-none-match': `"${tag}x"` } })).status, 200)
})

test('R010-56 each miss has the code of its exception', async (t) => {
  const { get, head, node, publish } = await hfServing(t)
  const { commit } = await publish('hf/acme/tiny@main', TREE)
  const value = Buffer.from('no directory')
  await node.put({ bytes: one(value), size: value.byteLength }, { name: 'hf/acme/tiny@bytes' })
  const missing = await head('/acme/tiny/resolve/main/nope')
  t.is(codeOf(missing), '404 EntryNotFound')
  // By this the client remembers that it is not there.
  t.is(missing.headers['x-repo-commit'], commit)
  for (const [path, code] of [
    ['/acme/tiny/resolve/main/config.json/x', '404 EntryNotFound'],
    ['/acme/tiny/resolve/v9/config.json', '404 RevisionNotFound'],
    ['/acme/tiny/resolve/bytes/config.json', '404 RevisionNotFound'],
    [`/acme/tiny/resolve/${'0'.repeat(40)}/config.json`, '404 RevisionNotFound'],
    ['/acme/none/resolve/main/config.json', '404 RepoNotFound'],
    [`/acme/none/resolve/${'0'.repeat(40)}/config.json`, '404 RepoNotFound'],
    ['/api/models/acme/none', '404 RepoNotFound'],
    ['/api/models/acme/tiny/revision/v9', '404 RevisionNotFound'],
    ['/api/models/acme/tiny/tree/main/nope', '404 EntryNotFound'],
    ['/api/models/acme/tiny/tree/main/config.json', '404 EntryNotFound'],
    ['/api/models/acme/none/refs', '404 RepoNotFound'],
    ['/api/agent-harnesses', '404 -'],
    ['/api/models', '404 -'],
    ['/', '404 -'],
    ['', '404 -'],
  ] as const) {
    const answer = await get(path)
    t.is(codeOf(answer), code, path)
    t.regex(String(answer.headers['x-error-message']), /^[\x20-\x7e]+$/, path)
    t.is(answer.headers['content-type'], 'application/problem+json', path)
  }
})

test('R010-56 access is refused with a message that the client prints', async (t) => {
  const { as, make, publish } = await hfServing(t)
  await publish('hf/acme/tiny@main', TREE)
  const wrong = await as('nonsense')('GET', '/hf/api/models/acme/tiny')
  t.is(wrong.status, 401)
  t.is(wrong.headers['x-error-message'], 'Invalid credentials in Authorization header')
  const { token } = await make({ role: 'reader', label: 'o', prefix: 'hf/other/' })
  const other = await as(token)('GET', '/hf/api/models/acme/tiny')
  t.is(other.status, 403)
  t.regex(String(other.headers['x-error-message']), /hf\/acme\/tiny@main is not for a token/)
  const unknown = await as(token)('GET', '/hf/api/models/acme/none')
  t.is(unknown.status, 403)
})

test('R010-56 uploads are refused, and say what to do instead', async (t) => {
  const { as, make, publish } = await hfServing(t)
  await publish('hf/acme/tiny@main', TREE)
  const call = as((await make({ role: 'writer', label: 'w' })).token)
  for (const path of [
    '/api/repos/create',
    '/api/models/acme/tiny/preupload/main',
    '/api/models/acme/tiny/commit/main',
    '/api/models/acme/tiny',
    '/api/models/acme/tiny/refs',
    '/acme/tiny.git/info/lfs/objects/batch',
  ]) {
    const { status, headers } = await call('POST', `/hf${path}`, { body: '{}' })
    t.true(status === 501 || status === 404, path)
    if (status === 501) t.regex(String(headers['x-error-message']), /dstore hf publish/, path)
  }
  const { status, headers } = await call('DELETE', '/hf/api/repos/delete')
  t.deepEqual([status, headers.allow], [405, 'GET, HEAD, POST'])
})

test('R010-52 a revision may have slashes, encoded or as the refs that clients know', async (t) => {
  const { get, publish } = await hfServing(t)
  await publish('hf/acme/tiny@refs/pr/1', { f: bytes('pr') })
  await publish('hf/acme/tiny@feat/a b', { f: bytes('feat') })
  await publish('hf/acme/tiny@refs/convert/parquet', { f: bytes('parquet') })
  for (const [path, text] of [
    ['/acme/tiny/resolve/refs%2Fpr%2F1/f', 'pr'],
    ['/acme/tiny/resolve/refs/pr/1/f', 'pr'],
    ['/acme/tiny/resolve/feat%2Fa%20b/f', 'feat'],
    ['/acme/tiny/resolve/refs/convert/parquet/f', 'parquet'],
  ] as const) {
    t.is((await get(path)).body.toString(), text, path)
  }
  t.deepEqual(pathsOf(await get('/api/models/acme/tiny/tree/refs%2Fpr%2F1')), ['f'])
  t.is(codeOf(await get('/acme/tiny/resolve/feat/f')), '404 RevisionNotFound')
})

test('R010-57 links of a tree are files, if they lead to one in it', async (t) => {
  const { get, publish } = await hfServing(t)
  await publish('hf/acme/tiny@main', TREE)
  t.is((await get('/acme/tiny/resolve/main/link.json')).body.toString(), CONFIG.toString())
  t.is((await get('/acme/tiny/resolve/main/up.txt')).body.toString(), 'text')
  const listed = jsonOf<readonly TreeLine[]>(await get('/api/models/acme/tiny/tree/main'))
  t.deepEqual(
    listed.map(({ path, type, size }) => `${type} ${path} ${size}`),
    [
      'file README.md 6',
      'file config.json 7',
      'file link.json 7',
      'directory sub 0',
      'file up.txt 4',
    ],
  )
  for (const path of ['out', 'absolute', 'loop', 'folder', 'folder/a%20b.txt']) {
    t.is(codeOf(await get(`/acme/tiny/resolve/main/${path}`)), '404 EntryNotFound', path)
  }
})

test('R010-57 names that no request leads to are in no list, so that the rest is downloaded', async (t) => {
  const { get, publish } = await hfServing(t)
  const odd = { 'new\nline': bytes('x'), 'back\\slash': bytes('y'), 'tab\tbed': { a: bytes('z') } }
  await publish('hf/acme/odd@main', odd)
  const { body } = await get('/api/models/acme/odd')
  t.like(JSON.parse(body.toString()), { siblings: [{ rfilename: 'back\\slash' }] })
  const listed = pathsOf(await get('/api/models/acme/odd/tree/main?recursive=true'))
  t.deepEqual(listed, ['back\\slash'])
  t.is((await get('/acme/odd/resolve/main/back%5Cslash')).body.toString(), 'y')
})

test('R010-58 the tree comes in pages that go on at the same commit', async (t) => {
  const { get, port, publish } = await hfServing(t)
  const sub = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`f${i}`, bytes(`${i}`)]))
  const tree = { a: sub, 'a-b': bytes('x'), b: { c: { d: sub } }, z: bytes('z') }
  const { commit } = await publish('hf/acme/tiny@main', tree)
  const whole = pathsOf(await get('/api/models/acme/tiny/tree/main?recursive=True'))
  t.is(whole.length, 22)
  t.is(new Set(whole).size, 22)
  const first = await get('/api/models/acme/tiny/tree/main?limit=2')
  t.true(String(first.headers.link).includes(`/tree/${commit}?`), first.headers.link?.toString())
  await publish('hf/acme/tiny@main', { moved: bytes('m') })
  for (const limit of [1, 2, 3, 7, 21]) {
    const found: string[] = []
    let next: string | undefined = `/api/models/acme/tiny/tree/${commit}?recursive=1&limit=${limit}`
    while (next !== undefined) {
      const answer = await get(next)
      const paths = pathsOf(answer)
      t.true(paths.length <= limit)
      found.push(...paths)
      const link = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
      const start = `http://127.0.0.1:${port}/hf`
      if (link !== undefined)
        t.true(link.startsWith(`${start}/api/models/acme/tiny/tree/${commit}`))
      next = link?.slice(start.length)
    }
    t.deepEqual(found, whole, String(limit))
  }
  const flat = `/api/models/acme/tiny/tree/${commit}`
  t.deepEqual(pathsOf(await get(flat)), ['a', 'a-b', 'b', 'z'])
  const below = await get(`${flat}/b%2Fc?recursive=True&limit=4`)
  t.deepEqual(pathsOf(below), ['b/c/d', 'b/c/d/f0', 'b/c/d/f1', 'b/c/d/f2'])
  const after = Buffer.from('a-a').toString('base64url')
  t.deepEqual(pathsOf(await get(`${flat}?cursor=${after}`)), ['a-b', 'b', 'z'])
})

test('R010-58 entries say what they are, and when asked, of which commit', async (t) => {
  const { get, post, publish } = await hfServing(t)
  const { commit } = await publish('hf/acme/tiny@main', TREE)
  const path = '/api/models/acme/tiny/paths-info/main'
  const form = 'paths=config.json&paths=sub%2Fdeep&paths=nope&paths=config.json&expand=True'
  const found = jsonOf<readonly TreeLine[]>(await post(path, { body: form }))
  t.deepEqual(
    found.map((one) => [one.type, one.path, one.size, one.lastCommit?.id]),
    [
      ['file', 'config.json', 7, commit],
      ['directory', 'sub/deep', 0, commit],
    ],
  )
  t.is(found[0]!.oid, keyOf(CONFIG).toHex().slice(0, 40))
  const body = JSON.stringify({ paths: ['config.json'], expand: false })
  const headers = { 'content-type': 'application/json' }
  const [file] = jsonOf<readonly TreeLine[]>(await post(path, { body, headers }))
  t.deepEqual([file!.path, file!.lastCommit], ['config.json', undefined])
  const [expanded] = jsonOf<readonly TreeLine[]>(
    await get('/api/models/acme/tiny/tree/main?expand=true'),
  )
  t.false(Number.isNaN(Date.parse(expanded!.lastCommit!.date)))
})

test('R010-59 tags of dstore are branches, fixed names are tags', async (t) => {
  const { get, node, publish } = await hfServing(t)
  const { commit, key } = await publish('hf/acme/tiny@main', TREE)
  const bound = (await node.index.lookup('hf/acme/tiny@main'))!.key
  t.is(bound.toString(), key)
  await node.index.bind('hf/acme/tiny@v1', bound)
  await node.index.tag('hf/acme/tiny@refs/pr/3', bound)
  await node.index.tag('hf/acme/tiny-2@main', bound)
  const refs = jsonOf(await get('/api/models/acme/tiny/refs'))
  const one = (name: string, ref: string): object => ({ name, ref, targetCommit: commit })
  t.deepEqual(refs, {
    branches: [one('main', 'refs/heads/main')],
    tags: [one('v1', 'refs/tags/v1')],
    converts: [],
  })
  const all = jsonOf(await get('/api/models/acme/tiny/refs?include_prs=1'))
  t.deepEqual(all['pullRequests'], [one('refs/pr/3', 'refs/pr/3')])
})

test('R010-4 with --http-public, no call of a client needs a token', async (t) => {
  const { port, publish } = await hfServing(t, { httpPublic: true })
  await publish('hf/acme/tiny@main', TREE)
  const ask = async (method: string, path: string, body?: string): Promise<number> => {
    const url = `http://127.0.0.1:${port}${path}`
    return (await fetch(url, { method, ...(body !== undefined && { body }) })).status
  }
  t.is(await ask('GET', '/hf/acme/tiny/resolve/main/config.json'), 200)
  t.is(await ask('HEAD', '/hf/acme/tiny/resolve/main/config.json'), 200)
  t.is(await ask('GET', '/hf/api/models/acme/tiny/tree/main'), 200)
  t.is(await ask('POST', '/hf/api/models/acme/tiny/paths-info/main', 'paths=sub'), 200)
  t.is(await ask('POST', '/v1/facts', '{"keys":[]}'), 401)
  t.is(await ask('GET', '/v1/status'), 401)
})

test('whoami answers a client that logs in', async (t) => {
  const { get } = await hfServing(t)
  t.like(jsonOf(await get('/api/whoami-v2')), { type: 'user', name: 'dstore', orgs: [] })
})

// eslint-disable-next-line @typescript-eslint/require-await
async function* one(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value
}
