/** Requests that would read what they may not, take memory, or have a browser run something. */
import { test } from '../../serial.ts'
import { connect } from 'node:net'
import { once as event } from 'node:events'
import { once } from '../../../src/bytes.ts'
import { DAV_BODY_BYTES, DAV_PROPERTIES, DAV_XML_DEPTH } from '../../../src/limits.ts'
import { ask } from '../../daemon/serving.ts'
import { putTree, type Tree } from '../../node/put-tree.ts'
import { keptBy } from '../event-loop.ts'
import { bytes, davServing, linksOf } from './serving-dav.ts'

const inProp = (text: string): string => `<propfind xmlns="DAV:"><prop>${text}</prop></propfind>`

/** Documents that must be refused with 400. */
const NOT_UNDERSTOOD: readonly string[] = [
  // Entities: the billion laughs, a file, a parameter entity, one without a definition.
  '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><propfind xmlns="DAV:"><prop><x>&b;</x></prop></propfind>',
  '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><allprop>&a;</allprop></propfind>',
  '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><propfind xmlns="DAV:"><allprop/></propfind>',
  '<?xml version="1.0"?>\n<!DOCTYPE x><propfind xmlns="DAV:"><allprop/></propfind>',
  inProp('<!ENTITY a "b"><a/>'),
  inProp('<a>&laughs;</a>'),
  inProp('<a>&#0;</a>'),
  inProp('<a>&#x110000;</a>'),
  inProp('<a>&#xD800;</a>'),
  inProp('<a>&amp</a>'),
  inProp('<a b="&toString;"/>'),
  // Depth.
  '<a>'.repeat(DAV_XML_DEPTH + 1) + '</a>'.repeat(DAV_XML_DEPTH + 1),
  '<a>'.repeat(5000),
  // Not such a document.
  'text',
  ' ',
  '{}',
  '<propfind xmlns="DAV:"/>',
  '<propfind xmlns="DAV:"><allprop/><propname/></propfind>',
  '<propfind xmlns="DAV:"><prop/><prop/></propfind>',
  '<propfind xmlns="dav:"><allprop/></propfind>',
  '<propfind><allprop/></propfind>',
  '<propfind xmlns="DAV:"><allprop xmlns=""/></propfind>',
  '<propertyupdate xmlns="DAV:"><allprop/></propertyupdate>',
  '<propfind xmlns="DAV:"><allprop/>',
  '<propfind xmlns="DAV:"><allprop></propfind></allprop>',
  '<propfind xmlns="DAV:"><allprop/></propfind><propfind xmlns="DAV:"/>',
  '<propfind xmlns="DAV:"><allprop/></propfind>text',
  '<propfind xmlns="DAV:"><allprop/></propfind></propfind>',
  '<D:propfind><D:allprop/></D:propfind>',
  '<propfind xmlns="DAV:"><prop><x:y/></prop></propfind>',
  '<propfind xmlns="DAV:"><prop><xml:y/></prop></propfind>',
  '<propfind xmlns="DAV:"><prop><x:y xmlns:x=""/></prop></propfind>',
  '<propfind xmlns="DAV:"><prop><y xmlns="http://www.w3.org/2000/xmlns/"/></prop></propfind>',
  '<propfind xmlns="DAV:"><prop><y xmlns="a" xmlns="b"/></prop></propfind>',
  '<propfind xmlns="DAV:" a=b><allprop/></propfind>',
  '<propfind xmlns="DAV:" a="<"><allprop/></propfind>',
  '<propfind xmlns="DAV:"><1/></propfind>',
  '<propfind xmlns="DAV:"><prop><a b:c:d="1"/></prop></propfind>',
  '<propfind xmlns="DAV:"><prop><!-- </prop></propfind>',
  '<propfind xmlns="DAV:"><prop><![CDATA[ </prop></propfind>',
  '<propfind xmlns="DAV:"><prop><?x </prop></propfind>',
  '<![CDATA[x]]><propfind xmlns="DAV:"><allprop/></propfind>',
  ' <?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>',
  '<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><allprop/></propfind>',
  '<?xml encoding="utf-8"?><propfind xmlns="DAV:"><allprop/></propfind>',
  '<propfind xmlns="DAV:"><allprop/>\0</propfind>',
  '<propfind xmlns="DAV:"><allprop/>\uffff</propfind>',
]

test('R010-116 a document that is not understood is refused', async (t) => {
  const { send, find } = await davServing(t)
  for (const body of NOT_UNDERSTOOD) {
    t.is((await find('/dav/a-x', body, '0')).status, 400, body.slice(0, 200))
  }
  const utf16 = Buffer.from('\ufeff<propfind xmlns="DAV:"><allprop/></propfind>', 'utf16le')
  const latin = Buffer.from('<propfind xmlns="DAV:"><prop><\xe9/></prop></propfind>', 'latin1')
  for (const body of [utf16, latin]) {
    t.is((await send('PROPFIND', '/dav/', { headers: { depth: '0' }, body })).status, 400)
  }
  const nested = (levels: number): string =>
    `<propfind xmlns="DAV:"><prop>${'<b>'.repeat(levels - 2)}${'</b>'.repeat(levels - 2)}</prop></propfind>`
  t.is((await find('/dav/', nested(DAV_XML_DEPTH))).status, 207)
  t.is((await find('/dav/', nested(DAV_XML_DEPTH + 1))).status, 400)
})

test('R010-116 a long body, and many properties, are refused', async (t) => {
  const { send, find, socket } = await davServing(t)
  const many = (count: number): string =>
    inProp(Array.from({ length: count }, (_, i) => `<p${i}/>`).join(''))
  t.is((await find('/dav/', many(DAV_PROPERTIES))).status, 207)
  t.is((await find('/dav/', many(DAV_PROPERTIES + 1))).status, 413)
  const long = `${inProp('<a/>')}${' '.repeat(DAV_BODY_BYTES)}`
  t.is((await find('/dav/', long)).status, 413)
  t.is((await find('/dav/', long.slice(0, DAV_BODY_BYTES))).status, 207)
  const chunked = { depth: '1', 'transfer-encoding': 'chunked' }
  t.is((await send('PROPFIND', '/dav/', { headers: chunked, body: long })).status, 413)
  // A body without an end: refused while it comes.
  const endless = connect(socket)
  t.teardown(() => endless.destroy())
  endless.on('error', () => undefined)
  endless.write(
    'PROPFIND /dav/ HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  const piece = ' '.repeat(4096)
  const timer = setInterval(() => endless.write(`1000\r\n${piece}\r\n`), 1)
  const [answer] = (await event(endless, 'data')) as [Buffer]
  clearInterval(timer)
  t.regex(answer.toString(), /^HTTP\/1\.1 413 /)
})

test('R010-5 R010-111 no path leads out', async (t) => {
  const { send, find } = await davServing(t)
  for (const path of [
    '/dav/..',
    '/dav/../v1/keys',
    '/dav/%2e%2e/v1/keys',
    '/dav/models/m%20v1/..%2f..',
    '/dav/models/m%20v1/sub/../../../etc',
    '/dav/models%2fm%20v1',
    '/dav/.',
    '/dav/a%00',
    '/dav/a%0d%0aX:%20y/',
    '/dav/a%7f',
    '/dav/%ff',
    '/dav/%',
    '/dav/\u00e9'.replace('\u00e9', '%c3'),
  ]) {
    for (const method of ['GET', 'HEAD']) t.is((await send(method, path)).status, 400, path)
    t.is((await find(path)).status, 400, path)
  }
  for (const path of ['/davx', '/dav%2f', '/dav%2fa', '/DAV/']) {
    t.is((await send('GET', path)).status, 404, path)
  }
})

test('R010-121 a name puts nothing into headers', async (t) => {
  const { send, node } = await davServing(t)
  const name = 'x"; filename="evil.exe\u2028\u0085;é.txt'.replace('\u0085', '')
  await node.put({ bytes: once(bytes('x')) }, { name: `names/${name}` })
  const { headers } = await send('GET', `/dav/names/${encodeURIComponent(name)}`)
  t.is(
    headers['content-disposition'],
    `inline; filename="x_; filename=_evil.exe_;_.txt"; filename*=UTF-8''x_%3B%20filename%3D_evil.exe_%3B%C3%A9.txt`,
  )
  await node.put({ bytes: once(bytes('x')) }, { name: '\\evil.example/@x:y/z' })
  const { headers: to } = await send('GET', '/dav/%5Cevil.example/@x:y')
  t.is(to.location, '/dav/%5Cevil.example/%40x%3Ay/')
  t.is((await send('GET', '/dav//evil.example')).status, 404)
})

test('R010-114 links that make much work are left out', async (t) => {
  const { send, node } = await davServing(t)
  const chain: Record<string, string> = {}
  for (let i = 0; i < 200; i++)
    chain[`l${String(i).padStart(3, '0')}`] = `l${String(i + 1).padStart(3, '0')}`
  const far: Record<string, string> = {}
  // Each leads through 64 names: the listing ends its patience after 1,024 of them.
  for (let i = 0; i < 2000; i++) far[`f${String(i).padStart(4, '0')}`] = `${'a/../'.repeat(31)}a/f`
  const tree: Tree = { ...chain, l200: bytes('end'), far: { ...far, a: { f: bytes('file') } } }
  await putTree(node, tree, 'links')
  const links = linksOf(await send('GET', '/dav/links/'))
  t.is(links.length, 1 + 1 + 64 + 1)
  t.true(links.includes('l136'))
  t.is((await send('GET', '/dav/links/l136')).body.toString(), 'end')
  t.is((await send('GET', '/dav/links/l135')).status, 404)
  const { result, share } = await keptBy(() => send('GET', '/dav/links/far/'))
  t.true(share < 0.5, `${share}`)
  const some = linksOf(result)
  t.is(some.length, 1024 + 2)
  t.is((await send('GET', '/dav/links/far/f1999')).body.toString(), 'file')
})

test('R010-118 the client of a door is cut off where a response fails, and gets no trailer', async (t) => {
  const { node, socket } = await davServing(t)
  const { index } = node
  const pages = index.namePages.bind(index)
  t.teardown(() => void (index.namePages = pages))
  index.namePages = async function* (...given) {
    yield* pages(...given)
    throw new Error('the next page is not to be had')
  }
  for (const method of ['GET', 'PROPFIND']) {
    const headers = { depth: '1', te: 'trailers' }
    const answer = await ask(socket, method, '/dav/', { headers })
    t.deepEqual([answer.whole, answer.headers.trailer, answer.trailers], [false, undefined, {}])
  }
})
