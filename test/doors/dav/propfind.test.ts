/** What clients that mount get of names and directories. */
import { test } from '../../serial.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { once } from '../../../src/bytes.ts'
import { bytes, davServing, hrefsOf, responseFor } from './serving-dav.ts'

const NAMES =
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><getetag/><resourcetype/><quota-used-bytes/><e xmlns="http://e.example/?a=1&amp;b"/><n xmlns=""/></prop></propfind>'

test('R010-115 depth 0 is the path alone, and depth 1 what is in a folder', async (t) => {
  const { find, send, root } = await davServing(t)
  const models = '/dav/models/m%20v1'
  for (const path of [models, `${models}/`]) {
    const alone = await find(path, undefined, '0')
    t.is(alone.status, 207)
    t.is(alone.headers['content-type'], 'application/xml; charset=utf-8')
    t.deepEqual(hrefsOf(alone), [`${models}/`])
    t.deepEqual(hrefsOf(await find(path)), [
      `${models}/`,
      ...[
        'a%20b.txt',
        'link',
        'page.html',
        'run.sh',
        'sub/',
        '%C3%BC%20%23%25%3F%26%3C%22%3E.svg',
      ].map((name) => `${models}/${name}`),
    ])
  }
  t.deepEqual(hrefsOf(await find('/dav')), [
    '/dav/',
    ...['a-x', 'a.b/', 'a/', 'last/', 'models/', 'odd/'].map((name) => `/dav/${name}`),
  ])
  t.deepEqual(hrefsOf(await find(`/dav/${root.toString()}/sub`)), [
    `/dav/${root.toString()}/sub/`,
    `/dav/${root.toString()}/sub/deep/`,
  ])
  t.deepEqual(hrefsOf(await find('/dav/a-x')), ['/dav/a-x'])
  for (const path of ['/dav/none', '/dav/a-x/', '/dav/models/m%20v1/none']) {
    t.is((await find(path)).status, 404, path)
  }
  for (const headers of [{}, { depth: 'infinity' }, { depth: 'Infinity' }]) {
    const answer = await send('PROPFIND', '/dav/', { headers })
    t.is(answer.status, 403)
    t.regex(answer.body.toString(), /<D:error xmlns:D="DAV:"><D:propfind-finite-depth\/>/)
  }
  for (const depth of ['2', '-1', '1,noroot', '', '0, 1']) {
    t.is((await find('/dav/', undefined, depth)).status, 400, depth)
  }
})

test('R010-117 the properties of a file, a directory and a folder of names', async (t) => {
  const { find, send, node } = await davServing(t)
  const all = await find('/dav/models/m%20v1/')
  const { boundAt } = (await node.index.lookup('models/m v1'))!
  const date = new Date(boundAt!).toUTCString()
  const file = '/dav/models/m%20v1/a%20b.txt'
  const { headers } = await send('HEAD', file)
  const expected = [
    '<D:displayname>a b.txt</D:displayname>',
    '<D:resourcetype/>',
    '<D:getcontentlength>4</D:getcontentlength>',
    '<D:getcontenttype>text/plain; charset=utf-8</D:getcontenttype>',
    `<D:getetag>${headers.etag!.replaceAll('"', '&quot;')}</D:getetag>`,
    `<D:getlastmodified>${date}</D:getlastmodified>`,
    `<D:creationdate>${boundAt}</D:creationdate>`,
    '<x:executable xmlns:x="http://apache.org/dav/props/">F</x:executable>',
  ].join('')
  t.true(responseFor(all, file).includes(`<D:prop>${expected}</D:prop>`))
  t.is(headers['last-modified'], date)
  t.regex(responseFor(all, '/dav/models/m%20v1/run.sh'), />T<\/x:executable>/)
  const folder = responseFor(all, '/dav/models/m%20v1/sub/')
  t.regex(folder, /<D:collection\/>.*<D:getlastmodified>/)
  t.notRegex(folder, /getcontentlength|getcontenttype|404/)
  const names = responseFor(await find('/dav/models/', undefined, '0'), '/dav/models/')
  t.notRegex(names, /getlastmodified|getetag|404/)
  const odd = '/dav/models/m%20v1/%C3%BC%20%23%25%3F%26%3C%22%3E.svg'
  t.true(responseFor(all, odd).includes('>ü #%?&amp;&lt;&quot;&gt;.svg</D:displayname>'))
  // Of a value by its key, the size is asked for.
  const key = new Key(hash(bytes('text')).digest).toString()
  const byKey = await find(`/dav/${key}`, undefined, '0')
  t.regex(byKey.body.toString(), /<D:getcontentlength>4</)
  const none = new Key(hash(bytes('none')).digest).toString()
  t.is((await find(`/dav/${none}`, undefined, '0')).status, 404)
})

test('R010-116 R010-117 a body asks for all, for names, or for some', async (t) => {
  const { find } = await davServing(t)
  const ask = async (body: string): Promise<string> => {
    const answer = await find('/dav/a-x', body, '0')
    t.is(answer.status, 207, body)
    return answer.body.toString()
  }
  const some = await ask(NAMES)
  t.regex(
    some,
    /<D:prop><D:getetag>[^<]*<\/D:getetag><D:resourcetype\/><\/D:prop><D:status>HTTP\/1.1 200 OK/,
  )
  t.true(
    some.includes(
      '<D:prop><D:quota-used-bytes/><x:e xmlns:x="http://e.example/?a=1&amp;b"/><n/></D:prop><D:status>HTTP/1.1 404 Not Found',
    ),
  )
  const only = await ask('<p:propfind xmlns:p="DAV:"><p:prop><p:nothing/></p:prop></p:propfind>')
  t.regex(only, /<\/D:href><D:propstat><D:prop><D:nothing\/><\/D:prop><D:status>HTTP\/1.1 404/)
  const names = await ask('<propfind xmlns="DAV:"><propname/></propfind>')
  t.regex(names, /<D:prop><D:displayname\/><D:resourcetype\/><D:getcontentlength\/>/)
  t.notRegex(names, /404/)
  const all = await ask('<propfind xmlns="DAV:"><allprop/><include><x/></include></propfind>')
  t.is(all, await ask(''))
  // Of elements of other namespaces, and of comments, nothing is understood.
  t.is(
    all,
    await ask(
      '\ufeff<?xml version="1.0"?>\n<!-- c --><?pi x?><d:propfind xmlns:d="DAV:" a="&lt;&#x41;"><x xmlns="y">t&amp;<![CDATA[<]]></x><d:allprop ></d:allprop ></d:propfind>\n<!-- end -->',
    ),
  )
  const twice = await ask('<propfind xmlns="DAV:"><prop><getetag/><getetag/></prop></propfind>')
  t.is(twice.match(/<D:getetag>/g)?.length, 1)
  const empty = await ask('<propfind xmlns="DAV:"><prop/></propfind>')
  t.regex(empty, /<D:propstat><D:prop><\/D:prop><D:status>HTTP\/1.1 200/)
})

test('R010-117 a name with a character that XML forbids is escaped', async (t) => {
  const { find, node } = await davServing(t)
  await node.put({ bytes: once(bytes('x')) }, { name: 'forbidden/\uffff' })
  const answer = await find('/dav/forbidden/')
  t.deepEqual(hrefsOf(answer), ['/dav/forbidden/', '/dav/forbidden/%EF%BF%BF'])
  t.false(answer.body.toString().includes('\uffff'))
})
