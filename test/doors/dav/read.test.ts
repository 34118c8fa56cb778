/** What browsers, and clients that read links, get of names and directories. */
import { test } from '../../serial.ts'
import { createHash } from 'node:crypto'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { once } from '../../../src/bytes.ts'
import { bytes, davServing, linksOf } from './serving-dav.ts'

const tagFor = (text: string): string => `"${new Key(hash(bytes(text)).digest).toString()}"`

test('R010-110 OPTIONS states the class, and other methods are refused', async (t) => {
  const { send } = await davServing(t)
  for (const path of ['/dav', '/dav/', '/dav/nothing/here']) {
    const answer = await send('OPTIONS', path)
    t.is(answer.status, 200)
    t.like(answer.headers, {
      dav: '1',
      allow: 'OPTIONS, GET, HEAD, PROPFIND',
      'content-length': '0',
    })
  }
  for (const method of ['PUT', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'PROPPATCH', 'POST']) {
    const answer = await send(method, '/dav/a', { headers: { destination: '/dav/b' }, body: 'x' })
    t.is(answer.status, 405, method)
    t.is(answer.headers.allow, 'OPTIONS, GET, HEAD, PROPFIND')
    t.is(answer.headers['content-type'], 'application/problem+json')
  }
  t.is((await send('GET', '/dav/a')).body.toString(), 'value of a')
})

test('R010-111 a path leads to a name, below a directory, to a key, or to a folder', async (t) => {
  const { send, root } = await davServing(t)
  const at = `/dav/${root.toString()}`
  for (const [path, text] of [
    ['/dav/a/b', 'value of a/b'],
    ['/dav//a///b', 'value of a/b'],
    ['/dav/models/m%20v1/a%20b.txt', 'text'],
    ['/dav/models/m%20v1/sub/deep/f', 'deep'],
    [`${at}/a%20b.txt`, 'text'],
    [`/dav/${new Key(hash(bytes('text')).digest).toString()}`, 'text'],
  ] as const) {
    const answer = await send('GET', path)
    t.is(answer.body.toString(), text, path)
    t.is(answer.status, 200)
    t.is(answer.headers.etag, tagFor(text))
  }
  t.deepEqual(linksOf(await send('GET', '/dav/models/')), ['../', 'm%20v1/'])
  t.deepEqual(linksOf(await send('GET', `${at}/sub/`)), ['../', 'deep/'])
  for (const path of [
    '/dav/none',
    '/dav/none/',
    '/dav/a/c',
    '/dav/a-x/',
    '/dav/a/b/',
    '/dav/models/m%20v1/a%20b.txt/',
    '/dav/models/m%20v1/a%20b.txt/x',
    '/dav/models/m%20v1/none',
    `${at}/none`,
    `/dav/${'n'.repeat(600)}/`,
    `/dav/${'n/'.repeat(600)}`,
  ]) {
    t.is((await send('GET', path)).status, 404, path)
    t.is((await send('HEAD', path)).status, 404, path)
  }
})

test('R010-112 a folder hides the value of the same name in listings only', async (t) => {
  const { send, find, node } = await davServing(t)
  t.deepEqual(linksOf(await send('GET', '/dav/')), [
    'a-x',
    'a.b/',
    'a/',
    'last/',
    'models/',
    'odd/',
  ])
  t.is((await send('GET', '/dav/a')).body.toString(), 'value of a')
  t.is((await send('HEAD', '/dav/a')).headers['content-length'], '10')
  t.deepEqual(linksOf(await send('GET', '/dav/a/')), ['../', 'b'])
  for (const path of ['/dav/a', '/dav/a/']) {
    const answer = await find(path, undefined, '0')
    t.regex(answer.body.toString(), /<D:href>\/dav\/a\/<\/D:href>.*<D:collection\/>/)
  }
  // Between the two come a thousand names and more: a page has that many.
  const between = Array.from({ length: 1100 }, (_, i) => ({
    value: bytes('x'),
    name: `a-${String(i).padStart(4, '0')}`,
  }))
  await node.putNamed(between)
  const links = linksOf(await send('GET', '/dav/'))
  t.is(links.length, 1106)
  t.is(links.filter((link) => link === 'a' || link === 'a/').join(), 'a/')
})

test('R010-113 what no path leads to is left out', async (t) => {
  const { send } = await davServing(t)
  t.deepEqual(linksOf(await send('GET', '/dav/odd/')), ['../', 'ok'])
  t.deepEqual(linksOf(await send('GET', '/dav/last/')), ['../'])
  const links = linksOf(await send('GET', '/dav/models/m%20v1/'))
  t.false(links.some((link) => link.includes('line')))
  t.is((await send('GET', '/dav/models/m%20v1/line%0Aend')).status, 400)
})

test('R010-113 names that spell digests are listed below mh only', async (t) => {
  const { send, node } = await davServing(t)
  const name = digestName('sha2-256', createHash('sha256').update('digested').digest())
  await node.put({ bytes: once(bytes('digested')) }, { name })
  t.false(linksOf(await send('GET', '/dav/')).includes('mh/'))
  t.deepEqual(linksOf(await send('GET', '/dav/mh/')), ['../', name.slice('mh/'.length)])
  t.is((await send('GET', `/dav/${name}`)).body.toString(), 'digested')
})

test('R010-114 a link is the file that it leads to, inside of its directory', async (t) => {
  const { send, root } = await davServing(t)
  const links = linksOf(await send('GET', '/dav/models/m%20v1/'))
  t.deepEqual(links, [
    '../',
    'a%20b.txt',
    'link',
    'page.html',
    'run.sh',
    'sub/',
    '%C3%BC%20%23%25%3F%26%3C%22%3E.svg',
  ])
  t.is((await send('GET', '/dav/models/m%20v1/link')).body.toString(), 'deep')
  const deep = `/dav/${root.toString()}/sub/deep`
  t.deepEqual(linksOf(await send('GET', `${deep}/`)), ['../', 'f', 'out%20of'])
  t.is((await send('GET', `${deep}/out%20of`)).body.toString(), 'deep')
  for (const name of [
    'out',
    'up',
    'root',
    'gone',
    'circle',
    'folder',
    'folder/deep/f',
    'sub/deep/above',
  ]) {
    t.is((await send('GET', `/dav/models/m%20v1/${name}`)).status, 404, name)
  }
})

test('R010-119 a file is answered by range and by tag, and never by time', async (t) => {
  const { send } = await davServing(t)
  const path = '/dav/models/m%20v1/a%20b.txt'
  const part = await send('GET', path, { headers: { range: 'bytes=1-2' } })
  t.deepEqual([part.status, part.body.toString()], [206, 'ex'])
  t.is(part.headers['content-range'], 'bytes 1-2/4')
  t.is((await send('GET', path, { headers: { range: 'bytes=9-' } })).status, 416)
  const whole = await send('GET', path)
  const { etag = '', 'last-modified': time = '' } = whole.headers
  t.like(whole.headers, { 'cache-control': 'no-cache', 'content-length': '4' })
  t.true(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  t.is((await send('GET', path, { headers: { 'if-none-match': etag } })).status, 304)
  t.is((await send('HEAD', path, { headers: { 'if-none-match': etag } })).status, 304)
  t.is((await send('GET', path, { headers: { 'if-match': '"x"' } })).status, 412)
  const later = { 'if-modified-since': new Date(Date.now() + 10_000).toUTCString() }
  t.is((await send('GET', path, { headers: later })).status, 200)
  const head = await send('HEAD', path)
  t.deepEqual([head.status, head.body.byteLength, head.headers['content-length']], [200, 0, '4'])
})

test('R010-120 a folder without a slash leads to the one with it', async (t) => {
  const { send } = await davServing(t)
  for (const [path, to] of [
    ['/dav', '/dav/'],
    ['/dav/models', '/dav/models/'],
    ['/dav//models', '/dav/models/'],
    ['/dav/models/m%20v1?x=1', '/dav/models/m%20v1/'],
    ['/dav/models/m%20v1/sub', '/dav/models/m%20v1/sub/'],
  ]) {
    const answer = await send('GET', path!)
    t.deepEqual([answer.status, answer.headers.location], [301, to], path)
  }
  const head = await send('HEAD', '/dav/models/')
  t.deepEqual([head.status, head.body.byteLength], [200, 0])
  t.is(head.headers['content-type'], 'text/html; charset=utf-8')
  t.is((await send('GET', '/dav/../v1/names')).status, 400)
})

test('R010-121 no script runs, and a browser saves what it does not show', async (t) => {
  const { send, node } = await davServing(t)
  const names: Readonly<Record<string, string>> = {
    'page.html': 'inline; filename="page.html"',
    'doc.pdf': 'attachment; filename="doc.pdf"',
    noise: 'attachment; filename="noise"',
    'im"a\\ge%41.png': 'inline; filename="im_a_ge%41.png"',
    "ü'()*.svg": `inline; filename="_'()*.svg"; filename*=UTF-8''%C3%BC%27%28%29%2A.svg`,
  }
  for (const [name, disposition] of Object.entries(names)) {
    await node.put({ bytes: once(bytes('<script>1</script>')) }, { name: `types/${name}` })
    const { headers } = await send('GET', `/dav/types/${encodeURIComponent(name)}`)
    t.is(headers['content-disposition'], disposition)
    t.is(headers['x-content-type-options'], 'nosniff')
    t.regex(
      String(headers['content-security-policy']),
      /^default-src 'none';.*; sandbox allow-same-origin$/,
    )
    t.notRegex(String(headers['content-type']), /html|xml|svg|script/)
  }
  const name = `x"><script src='x'>`
  await node.put({ bytes: once(bytes('x')) }, { name: `evil/${name}/y` })
  for (const path of ['/dav/evil/', `/dav/evil/${encodeURIComponent(name)}/`]) {
    const page = await send('GET', path)
    t.false(page.body.toString().includes('<script'), path)
    const policy = String(page.headers['content-security-policy'])
    t.regex(policy, /^default-src 'none'; style-src 'sha256-[\w+/]{43}=';/)
    t.regex(policy, /sandbox/)
    t.notRegex(policy, /allow-scripts|unsafe/)
  }
})
