/** Hostile requests to the endpoint: paths, lengths, headers, and trees that would never end. */
import { test } from '../../serial.ts'
import { connect } from 'node:net'
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { HF_PATH_BYTES, HF_PATHS, HF_TREE_ENTRIES, HTTP_JSON_BYTES } from '../../../src/limits.ts'
import { faultOfId, faultOfRevision } from '../../../src/doors/hf/hf-repo.ts'
import { jsonOf } from '../../daemon/http/tokens.ts'
import { putValues, type Tree } from '../../node/put-tree.ts'
import { keptBy } from '../event-loop.ts'
import { bytes, codeOf, hfServing, pathsOf } from './hf-serving.ts'

const MAIN = 'hf/acme/tiny@main'

test('R010-5 R010-52 no path leads out of a repository', async (t) => {
  const { get, node, publish } = await hfServing(t)
  await publish(MAIN, { sub: { f: bytes('f') }, secret: bytes('s') })
  await node.index.tag('hf/x', (await node.index.lookup(MAIN))!.key)
  for (const path of [
    '..',
    '../secret',
    'sub/../secret',
    'sub/%2e%2e/secret',
    'sub%2F..%2Fsecret',
    '%2e%2e%2fsecret',
    './secret',
    'sub//f',
    '%2Fsecret',
    'secret%00',
    'secret%0d%0aX-Evil:%201',
    'secret%ff',
    'secret%zz',
    'secret%',
  ]) {
    const answer = await get(`/acme/tiny/resolve/main/${path}`)
    t.is(answer.status, 400, path)
    t.is(answer.headers['x-evil'], undefined)
    const listed = await get(`/api/models/acme/tiny/tree/main/${path}`)
    t.is(listed.status, 400, path)
  }
  for (const revision of ['..', '.', '%2e%2e', 'a%2F..', '%2F', 'a%2F%2Fb', 'a%0db', '%00']) {
    const answer = await get(`/acme/tiny/resolve/${revision}/secret`)
    t.is(codeOf(answer), '404 RevisionNotFound', revision)
  }
  for (const id of [
    '..',
    '../..',
    '%2e%2e/tiny',
    'acme/..',
    'a%2Fb',
    'a%2Fb/c',
    'x@main',
    'a%00',
  ]) {
    const answer = await get(`/api/models/${id}`)
    t.true(answer.status === 404, id)
    t.is((await get(`/${id}/resolve/main/secret`)).status, 404, id)
  }
  // A dataset is no model of an organisation `datasets`.
  t.is(codeOf(await get('/api/models/datasets/tiny')), '404 RepoNotFound')
})

test('R010-50 ids and revisions that are never served', (t) => {
  const repo = { kind: 'models', id: 'a/b' } as const
  for (const id of ['gpt2', 'a/b', 'A-b_c.d/e', 'x'.repeat(96)]) {
    t.is(faultOfId(id), undefined, id)
  }
  const wrong = ' / a/ /a a/b/c . a/.. .a a. -a a- a--b a..b a.git a/b.git é a@b a%2Fb a\u0000'
  const reserved = 'api api/x datasets/x spaces a/tree a/resolve a/revision'
  for (const id of [...`${wrong} ${reserved}`.split(' '), 'a b', 'x'.repeat(97)]) {
    t.is(typeof faultOfId(id), 'string', id)
  }
  for (const revision of ['main', 'v1.0', 'refs/pr/1', 'a b', '@', 'x'.repeat(500)]) {
    t.is(faultOfRevision(repo, revision), undefined, revision)
  }
  for (const revision of [
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/../b',
    'a\nb',
    'x'.repeat(510),
  ]) {
    t.is(typeof faultOfRevision(repo, revision), 'string', revision)
  }
})

test('R010-52 long paths are refused, in a request and in a list', async (t) => {
  const { get, post, publish } = await hfServing(t)
  const name = 'n'.repeat(255)
  let tree: Tree = { f: bytes('f') }
  for (let depth = 0; depth < 9; depth++) tree = { [name]: tree }
  await publish(MAIN, tree)
  const long = Array.from({ length: 9 }, () => name).join('/')
  t.true(long.length > HF_PATH_BYTES)
  t.is((await get(`/acme/tiny/resolve/main/${long}/f`)).status, 413)
  t.is((await get(`/api/models/acme/tiny/tree/main?recursive=1`)).status, 413)
  t.is((await get('/api/models/acme/tiny/tree/main')).status, 200)
  const cursor = Buffer.from(long).toString('base64url')
  t.is((await get(`/api/models/acme/tiny/tree/main?cursor=${cursor}`)).status, 413)
  t.is((await post('/api/models/acme/tiny/paths-info/main', { body: `paths=${long}` })).status, 413)
  // Its header was not sent before it was known.
  t.is((await get('/api/models/acme/tiny')).status, 413)
})

test('R010-58 a list is bounded, whatever the tree and the query', async (t) => {
  const { get, node } = await hfServing(t)
  // Two entries of each level are the same directory: 2 to the power of 40 paths, of 41 values.
  const { trees } = node
  const hold = await trees.openHold()
  let digest: Uint8Array | undefined
  for (let level = 0; level <= 40; level++) {
    const below = { type: 'directory', digest: digest!, size: 0, files: 0 } as const
    const value = encodeDirectory(
      level === 0
        ? []
        : [
            ['a', below],
            ['b', below],
          ],
    )
    digest = hash(value).digest
    await putValues(node, hold, [value])
    await trees.makeDirectories(hold, [new Key(digest, 'directory')])
  }
  await trees.commitTree(hold, new Key(digest!, 'directory'), { name: MAIN })
  const path = '/api/models/acme/tiny/tree/main?recursive=True'
  for (const limit of ['', '&limit=999999999', `&limit=${HF_TREE_ENTRIES}`]) {
    const answer = await get(`${path}${limit}`)
    t.is(answer.status, 200, answer.body.toString().slice(0, 300))
    t.is(pathsOf(answer).length, HF_TREE_ENTRIES, `${limit} ${answer.status}`)
    t.truthy(answer.headers.link)
  }
  // The list of files ends, although it finds none, and the process does other work meanwhile.
  const { result, share } = await keptBy(() => get('/api/models/acme/tiny'))
  t.deepEqual(jsonOf(result)['siblings'], [])
  t.true(share < 0.5, `${share}`)
  for (const query of [
    'limit=0',
    'limit=-1',
    'limit=x',
    'limit=1e9',
    'cursor=',
    'cursor=%25',
    'cursor=Li4',
  ]) {
    t.is((await get(`/api/models/acme/tiny/tree/main?${query}`)).status, 400, query)
  }
})

test('R010-58 the facts of paths: bounded in bytes and number', async (t) => {
  const { port, post, publish, make } = await hfServing(t)
  await publish(MAIN, { f: bytes('f') })
  const path = '/api/models/acme/tiny/paths-info/main'
  const json = { 'content-type': 'application/json' }
  t.is((await post(path, { body: 'p='.padEnd(HTTP_JSON_BYTES + 1, 'x') })).status, 413)
  const many = Array.from({ length: HF_PATHS + 1 }, (_, i) => `paths=${i}`).join('&')
  t.is((await post(path, { body: many })).status, 413)
  t.deepEqual(pathsOf(await post(path, { body: '' })), [])
  t.deepEqual(pathsOf(await post(path, { body: 'paths=&paths=f' })), ['f'])
  for (const body of ['', '[]', 'null', '{"paths":"f"}', '{"paths":[1]}', '{"paths":{}}', '{']) {
    t.is((await post(path, { body, headers: json })).status, 400, body)
  }
  t.is((await post(path, { body: Buffer.from([0xff]) })).status, 400)
  t.is((await post(path, { body: 'paths=..%2Ff' })).status, 400)
  // A length that is only claimed takes no memory, and chunks are counted as they come.
  const { token } = await make({ role: 'reader', label: 'raw' })
  const start = `POST /hf${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`
  t.regex(await raw(port, `${start}Content-Length: 9999999999\r\n\r\n`), /^HTTP\/1\.1 413 /)
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  const chunked = `${start}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}`
  t.regex(await raw(port, chunked), /^HTTP\/1\.1 413 /)
})

test('R010-55 headers of a request reach no header of an answer', async (t) => {
  const { head, port, make, publish } = await hfServing(t)
  await publish(MAIN, { f: bytes('f'), 'é"\r\nx': bytes('g') })
  const { token } = await make({ role: 'reader', label: 'raw' })
  const ask = (host: string, more = ''): Promise<string> =>
    raw(
      port,
      `HEAD /hf/acme/tiny/resolve/main/f HTTP/1.1\r\nHost: ${host}\r\n` +
        `Authorization: Bearer ${token}\r\n${more}Connection: close\r\n\r\n`,
    )
  t.regex(await ask('127.0.0.1:80'), /\r\nLocation: http:\/\/127\.0\.0\.1:80\/hf/)
  t.regex(await ask('127.0.0.1', 'X-Forwarded-Proto: javascript\r\n'), /\r\nLocation: http:\/\/127/)
  t.regex(await ask('evil.example'), /^HTTP\/1\.1 421 /)
  t.notRegex(await ask('127.0.0.1:80/x@evil.example'), /\r\nLocation/i)
  t.regex(await ask('127.0.0.1', `If-None-Match: ${'"x",'.repeat(3000)}\r\n`), /^HTTP\/1\.1 200 /)
  const strange = await head('/acme/tiny/resolve/nope%20%C3%A9/f')
  t.is(strange.headers['x-error-message'], 'no such revision: hf/acme/tiny@nope ?')
})

/** What a server sends back to these bytes, up to the end of its header at least. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.on('error', reject)
    socket.on('data', (part) => {
      got += part.toString('latin1')
      if (!got.includes('\r\n\r\n')) return
      socket.destroy()
      resolve(got)
    })
    socket.on('end', () => resolve(got))
  })
}
