/** What the door reads through: once, verified, and stored. */
import { test } from '../../../serial.ts'
import { jsonOf } from '../../../daemon/http/tokens.ts'
import { bytes, codeOf, pathsOf } from '../hf-serving.ts'
import { refuse, sha1, sha256 } from './imitation.ts'
import { upstreamServing } from './upstream-serving.ts'

const WEIGHTS = Buffer.alloc(300_000, 'weights')
const FILES = {
  'README.md': { bytes: bytes('# tiny') },
  'empty.txt': { bytes: bytes('') },
  'model.safetensors': { bytes: WEIGHTS, lfs: true },
  'sub/a b.txt': { bytes: bytes('text') },
}

test('R010-70 what is missing is fetched once, stored, and served without the upstream', async (t) => {
  const { get, head, upstream, names } = await upstreamServing(t)
  const commit = upstream.commit('a', FILES)
  const asked = await head('/acme/tiny/resolve/main/model.safetensors')
  t.is(asked.status, 200)
  t.is(asked.headers['x-repo-commit'], commit)
  t.is(asked.headers.etag, `"${sha256(WEIGHTS)}"`)
  t.is(asked.headers['content-length'], '300000')
  t.deepEqual(upstream.paths('cdn'), [], 'a HEAD fetches no file')
  const first = await get(`/acme/tiny/resolve/${commit}/model.safetensors`)
  t.is(first.status, 200)
  t.true(first.body.equals(WEIGHTS))
  t.is(first.headers.etag, asked.headers.etag)
  t.is((await get('/acme/tiny/resolve/main/README.md')).body.toString(), '# tiny')
  t.is((await get('/acme/tiny/resolve/main/empty.txt')).body.toString(), '')
  t.deepEqual(await names(), [
    `hf/~upstream/acme/tiny@commits/${commit}`,
    ...[sha256(WEIGHTS), sha1(bytes('# tiny')), sha1(bytes(''))]
      .toSorted()
      .map((digest) => `hf/~upstream/acme/tiny@files/${digest}`),
    'hf/~upstream/acme/tiny@refs/main',
  ])
  t.is(upstream.paths('hub', 'resolve/').length, 3)
  upstream.stop()
  const again = await get(`/acme/tiny/resolve/${commit}/model.safetensors`, {
    headers: { range: 'bytes=299990-' },
  })
  t.is(again.status, 206)
  t.is(again.body.toString(), WEIGHTS.subarray(299_990).toString())
})

test('R010-71 a revision is listed as the upstream lists it, page by page', async (t) => {
  const { get, upstream } = await upstreamServing(t)
  upstream.pageEntries = 2
  const commit = upstream.commit('a', FILES)
  const info = jsonOf(await get('/api/models/acme/tiny/revision/main'))
  t.is(info['sha'], commit)
  t.is(info['lastModified'], '2026-01-02')
  const tree = await get(`/api/models/acme/tiny/tree/${commit}?recursive=true`)
  t.deepEqual(pathsOf(tree), [...Object.keys(FILES).slice(0, 3), 'sub', 'sub/a b.txt'])
  const lines = jsonOf<{ lfs?: object; oid: string; path: string }[]>(tree)
  t.is(lines[0]!.oid, sha1(bytes('# tiny')))
  t.deepEqual(lines[2]!.lfs, { oid: sha256(WEIGHTS), size: 300_000, pointerSize: 134 })
  t.is(upstream.paths('hub', '/tree/').length, 3)
  const missing = await head404(get, '/acme/tiny/resolve/main/none.json')
  t.is(missing, '404 EntryNotFound')
  t.deepEqual(upstream.paths('hub', 'none.json'), [], 'what is not listed is not asked for')
})

const head404 = async (
  get: (path: string) => ReturnType<Awaited<ReturnType<typeof upstreamServing>>['get']>,
  path: string,
): Promise<string> => codeOf(await get(path))

test('R010-72 other bytes than the stated ones are refused, and nothing is bound', async (t) => {
  const { get, upstream, names } = await upstreamServing(t)
  upstream.commit('a', FILES)
  const bad: Record<string, Uint8Array> = {
    'README.md': bytes('# tinY'),
    'empty.txt': bytes('not empty'),
    'model.safetensors': Buffer.concat([WEIGHTS.subarray(1), bytes('x')]),
    'sub/a b.txt': bytes('texts'),
  }
  upstream.instead = (request, response) => {
    const path = /resolve\/a+\/(.*)$/.exec(request.url ?? '')?.[1]
    if (path === undefined) return false
    response.writeHead(200).end(bad[decodeURIComponent(path)])
    return true
  }
  for (const path of Object.keys(bad)) {
    const answer = await get(`/acme/tiny/resolve/main/${encodeURIComponent(path)}`)
    t.is(answer.status, 502, path)
    t.is(jsonOf(answer)['code'], 'integrity', path)
    t.regex(String(answer.headers['x-error-message']), /^the upstream sent /)
  }
  t.deepEqual(await names('hf/~upstream/acme/tiny@files'), [])
  t.is(upstream.paths('hub', 'resolve/').length, 4)
  const soon = await get('/acme/tiny/resolve/main/README.md')
  t.is(soon.status, 502)
  t.is(upstream.paths('hub', 'resolve/').length, 4, 'a refused file is not fetched again at once')
})

test('R010-83 a name of a file that leads to a value of another size counts for nothing', async (t) => {
  const { get, upstream, node } = await upstreamServing(t)
  upstream.commit('a', FILES)
  const name = `hf/~upstream/acme/tiny@files/${sha1(bytes('# tiny'))}`
  const wrong = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes('wrong')
  }
  await node.put({ bytes: wrong() }, { name, naming: { kind: 'tag' } })
  t.is((await get('/acme/tiny/resolve/main/README.md')).body.toString(), '# tiny')
})

test('R010-78 many clients of a node have a file fetched once', async (t) => {
  const { get, upstream } = await upstreamServing(t)
  const commit = upstream.commit('a', FILES)
  const path = '/acme/tiny/resolve/main/model.safetensors'
  const answers = await Promise.all(Array.from({ length: 8 }, () => get(path)))
  for (const { status, body } of answers) {
    t.is(status, 200)
    t.true(body.equals(WEIGHTS))
  }
  t.is(upstream.paths('hub', 'resolve/').length, 1)
  t.is(upstream.paths('hub', '/revision/').length, 1)
  t.deepEqual(upstream.paths('cdn'), [`/blobs/${sha256(WEIGHTS)}?signature=secret`])
  t.is(upstream.paths('hub', `/tree/${commit}`).length, 1)
})

test('R010-76 a published repository wins, whatever the upstream has', async (t) => {
  const { get, upstream, node } = await upstreamServing(t)
  upstream.commit('a', FILES)
  const { putTree } = await import('../../../node/put-tree.ts')
  await putTree(node, { 'README.md': bytes('own') }, 'hf/acme/tiny@v1', { kind: 'tag' })
  t.is((await get('/acme/tiny/resolve/v1/README.md')).body.toString(), 'own')
  t.is(codeOf(await get('/acme/tiny/resolve/main/README.md')), '404 RevisionNotFound')
  t.deepEqual(upstream.seen, [])
})

test('R010-77 what the upstream lacks is a miss, and its pauses are kept', async (t) => {
  const { get, upstream } = await upstreamServing(t)
  upstream.commit('a', FILES)
  t.is(codeOf(await get('/acme/none/resolve/main/x')), '404 RepoNotFound')
  t.is(codeOf(await get('/acme/tiny/resolve/v9/x')), '404 RevisionNotFound')
  t.is(codeOf(await get(`/acme/tiny/resolve/${'b'.repeat(40)}/x`)), '404 RevisionNotFound')
  const asked = upstream.seen.length
  t.is(codeOf(await get('/acme/tiny/resolve/v9/x')), '404 RevisionNotFound')
  t.is(upstream.seen.length, asked)
  for (const [repo, status, code, headers, expected] of [
    ['gated', 403, 'GatedRepo', {}, '403 GatedRepo'],
    ['token', 401, undefined, {}, '503 -'],
    ['slow', 429, undefined, { 'Retry-After': '120' }, '503 -'],
    ['broken', 500, undefined, {}, '503 -'],
    ['far', 503, undefined, { 'Retry-After': '999999' }, '503 -'],
  ] as const) {
    upstream.instead = (_, response) => {
      refuse(response, status, code, headers)
      return true
    }
    const answer = await get(`/acme/${repo}/resolve/main/x`)
    t.is(codeOf(answer), expected, repo)
    if (repo === 'slow') t.is(answer.headers['retry-after'], '120')
    if (repo === 'far') t.is(answer.headers['retry-after'], '300')
    if (repo === 'token') t.regex(String(answer.headers['x-error-message']), /is its token right/)
  }
})

test('R010-80 with the upstream away, what it last said is served', async (t) => {
  const { get, head, upstream, names } = await upstreamServing(t)
  const commit = upstream.commit('a', FILES)
  t.is((await get('/acme/tiny/resolve/main/README.md')).status, 200)
  upstream.stop()
  t.is((await get('/acme/tiny/resolve/main/README.md')).body.toString(), '# tiny')
  t.is((await get(`/acme/tiny/resolve/${commit}/README.md`)).body.toString(), '# tiny')
  t.is((await head('/acme/tiny/resolve/main/model.safetensors')).status, 200)
  t.true((await names()).length > 0)
})

test('R010-81 a caller without a token has nothing fetched', async (t) => {
  const { as, get, upstream } = await upstreamServing(t, { settings: { httpPublic: true } })
  const visitor = as('')
  const anybody = (path: string): ReturnType<typeof visitor> =>
    visitor('GET', `/hf${path}`, { headers: { authorization: '' } })
  upstream.commit('a', FILES)
  t.is(codeOf(await anybody('/acme/tiny/resolve/main/README.md')), '404 RepoNotFound')
  t.deepEqual(upstream.seen, [])
  await get('/acme/tiny/resolve/main/README.md')
  t.is((await anybody('/acme/tiny/resolve/main/README.md')).body.toString(), '# tiny')
  const asked = upstream.seen.length
  t.is((await anybody('/acme/tiny/resolve/main/sub/a%20b.txt')).status, 403)
  t.is(upstream.seen.length, asked)
})

test('R010-82 a token with a prefix reads through below it, and nowhere else', async (t) => {
  const { as, make, upstream } = await upstreamServing(t)
  upstream.commit('a', FILES)
  const { token } = await make({ role: 'reader', label: 'p', prefix: 'hf/acme/' })
  const { token: other } = await make({ role: 'reader', label: 'o', prefix: 'hf/other/' })
  const path = '/hf/acme/tiny/resolve/main/model.safetensors'
  const denied = await as(other)('GET', path)
  t.is(denied.status, 403)
  // The name of the revision is above the prefix: looked for, it is not there.
  const deep = await make({ role: 'reader', label: 'd', prefix: 'hf/acme/tiny@main/' })
  t.is((await as(deep.token)('GET', path)).status, 404)
  t.deepEqual(upstream.seen, [])
  const answer = await as(token)('GET', path)
  t.is(answer.status, 200)
  t.true(answer.body.equals(WEIGHTS))
})
