import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { test } from '../../../serial.ts'
import { readPageFiles } from '../../../../src/daemon/http/page/page-files.ts'
import { sendPage } from '../../../../src/daemon/http/page/page-handlers.ts'
import { filesIn } from '../../../house/tree.ts'
import { temporaryDirectory } from '../../serving.ts'
import { servingTcp } from '../tcp.ts'

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

test('R013-12 the page is served to anybody, and to no path that is not in its table', async (t) => {
  const { call } = await servingTcp(t)
  const moved = await call('GET', '/ui')
  t.is(moved.status, 308)
  t.is(moved.headers.location, '/ui/')
  const page = await call('GET', '/ui/')
  t.is(page.status, 200)
  t.is(page.headers['content-type'], 'text/html; charset=utf-8')
  t.deepEqual(page.body, (await call('GET', '/ui/index.html')).body)
  const head = await call('HEAD', '/ui/')
  t.is(head.headers['content-length'], String(page.body.byteLength))
  t.is(head.body.byteLength, 0)
  for (const path of [
    '/ui/none',
    '/ui/vendor',
    '/ui/vendor/',
    '/ui//',
    '/ui/index.html/',
    '/ui/./index.html',
    '/ui/../package.json',
    '/ui/../../package.json',
    '/ui/%2e%2e/dstore.js',
    '/ui/..\\dstore.js',
    '/ui/vendor/../index.html',
    '/ui/%00',
    '/ui/index.html%00.js',
    '/ui/constructor',
    '/ui/__proto__',
    '/ui/C:/windows',
  ]) {
    t.is((await call('GET', path)).status, 404, path)
  }
  for (const path of ['/ui/%2e%2e%2fdstore.js', '/ui/vendor%2Fuplot.js', '/ui/%', '/ui/%ff']) {
    t.is((await call('GET', path)).status, 400, path)
  }
})

test('R013-12 other methods need a token, and then they are 405', async (t) => {
  const { call, token } = await servingTcp(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    for (const path of ['/ui', '/ui/', '/ui/index.html']) {
      t.is((await call(method, path)).status, 401, `${method} ${path}`)
      t.is((await call(method, path, { token })).status, 405, `${method} ${path}`)
    }
  }
})

test('R013-13 every answer below /ui says what browsers may do with it', async (t) => {
  const { call } = await servingTcp(t)
  for (const path of ['/ui', '/ui/', '/ui/vendor/uplot.js', '/ui/none']) {
    const { headers } = await call('GET', path)
    t.like(headers, HEADERS, path)
    const policy = String(headers['content-security-policy'])
    t.regex(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /)
    t.regex(policy, /frame-ancestors 'none'/)
    t.notRegex(policy, /unsafe|\*|https?:/)
    t.is(headers['access-control-allow-origin'], undefined)
  }
})

test('R013-14 files are compressed where that is accepted, and sent once', async (t) => {
  const { call } = await servingTcp(t)
  const path = '/ui/vendor/uplot.js'
  const plain = await call('GET', path)
  t.is(plain.headers['content-encoding'], undefined)
  t.is(plain.headers['vary'], 'Accept-Encoding')
  t.deepEqual(plain.body, readFileSync('dist/ui/vendor/uplot.js'))
  for (const accepted of ['gzip', 'deflate, gzip;q=0.5', 'GZIP', 'br,gzip']) {
    const zipped = await call('GET', path, { headers: { 'accept-encoding': accepted } })
    t.is(zipped.headers['content-encoding'], 'gzip', accepted)
    t.deepEqual(gunzipSync(zipped.body), plain.body)
    t.not(zipped.headers.etag, plain.headers.etag)
    t.true(zipped.body.byteLength < plain.body.byteLength / 2)
  }
  for (const accepted of ['identity', 'gzip;q=0', 'br', 'xgzip', 'gzip;q=0.0']) {
    const answer = await call('GET', path, { headers: { 'accept-encoding': accepted } })
    t.is(answer.headers['content-encoding'], undefined, accepted)
  }
  const known = { 'if-none-match': `"other", ${plain.headers.etag}` }
  const same = await call('GET', path, { headers: known })
  t.is(same.status, 304)
  t.is(same.body.byteLength, 0)
  const zipped = { ...known, 'accept-encoding': 'gzip' }
  t.is((await call('GET', path, { headers: zipped })).status, 200, 'a tag is of one form alone')
  const range = await call('GET', path, { headers: { range: 'bytes=0-9' } })
  t.is(range.status, 200)
  t.is(range.body.byteLength, plain.body.byteLength)
})

test('R013-12 every file of the built page has a type, and the licence of what is not ours is there', async (t) => {
  const files = await readPageFiles()
  t.deepEqual(
    [...files.keys()].toSorted(),
    filesIn('dist/ui')
      .map((path) => path.slice('dist/ui/'.length))
      .toSorted(),
  )
  for (const [path, { type }] of files) t.not(type, 'application/octet-stream', path)
  t.regex(files.get('vendor/uplot-license.txt')!.bytes.toString(), /MIT/)
  t.regex(files.get('style.css')!.bytes.toString(), /\.u-legend/)
})

test('R013-66 the page is few files: one document, one style sheet, two modules, and the plots', (t) => {
  t.deepEqual(
    filesIn('dist/ui')
      .map((path) => path.slice('dist/ui/'.length))
      .toSorted(),
    [
      'first.js',
      'index.html',
      'main.js',
      'style.css',
      'vendor/uplot-license.txt',
      'vendor/uplot.js',
    ],
  )
  const text = (path: string): string => readFileSync(`dist/ui/${path}`, 'utf8')
  // What is bundled brings nothing into the page that its sources do not have (R013-59, R013-60).
  t.notRegex(text('first.js'), /\bimport\b/)
  t.deepEqual(
    [...text('main.js').matchAll(/\bfrom"([^"]+)"/g)].map(([, path]) => path),
    ['./first.js'],
  )
  t.notRegex(text('main.js'), /innerHTML|\beval\(|new Function|sourceMappingURL/)
})

test('R013-12 every file that the page names is served', async (t) => {
  const files = await readPageFiles()
  const text = (path: string): string => files.get(path)!.bytes.toString()
  const named = [
    ...text('index.html').matchAll(/(?:src|href)="([^":#]+)"/g),
    ...text('main.js').matchAll(/["'`]([\w./-]+\.(?:js|css))["'`]/g),
  ].map(([, path]) => posix.normalize(path!))
  t.deepEqual([...new Set(named)].toSorted(), [
    'first.js',
    'main.js',
    'style.css',
    'vendor/uplot.js',
  ])
  for (const path of named) t.true(files.has(path), path)
})

test('R013-15 a build without the page has no files, and says how to have them', async (t) => {
  t.throws(() => sendPage({ parameters: {} } as never, new Map()), {
    message: 'this build of dstore has no page',
    code: 'usage',
  })
  const folder = temporaryDirectory(t)
  const [none, some] = [`${join(folder, 'none')}/`, `${join(folder, 'some')}/`]
  t.is((await readPageFiles([none])).size, 0)
  mkdirSync(join(some, 'a'), { recursive: true })
  writeFileSync(join(some, 'a', 'b.css'), 'b {}')
  t.deepEqual([...(await readPageFiles([none, some])).keys()], ['a/b.css'])
})
