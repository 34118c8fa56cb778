/** Entries on the immediate path: it changes no response, and no guard (specs/007, R007-210). */
import { test } from '../../../serial.ts'
import { once } from '../../../../src/bytes.ts'
import { Key } from '../../../../src/hash/key.ts'
import { ask, serving, type Answer } from '../../../daemon/serving.ts'
import { servingTcp } from '../../../daemon/http/tcp.ts'
import { pattern } from '../../../hash/sizes.ts'

const DOORS = { doors: ['cache'] }

/** What a client can compare. */
const seen = ({ status, headers: { date, ...headers }, body }: Answer): unknown => ({
  status,
  headers: Object.entries(headers),
  hasDate: date !== undefined,
  body: body.toString('latin1'),
})

test('R007-210 an entry is answered at once, header for header as the ordinary way, and counted', async (t) => {
  const { daemon, node } = await serving(t, DOORS)
  for (const path of ['s/a.html', 's/%C3%BC', 's//b/c']) {
    const name = `cache/${decodeURIComponent(path).replace('//', '/')}`
    await node.put({ bytes: once(pattern(1000)) }, { name })
    const { given } = node.immediate
    const immediate = await ask(daemon.socket, 'GET', `/cache/${path}`)
    t.is(node.immediate.given, given + 1, path)
    const ordinary = await ask(daemon.socket, 'GET', `/cache/${path}?timeout=30000`)
    t.is(node.immediate.given, given + 1, path)
    t.deepEqual(seen(immediate), seen(ordinary))
    t.is(immediate.headers['content-type'], 'application/octet-stream')
  }
  const { body } = await ask(daemon.socket, 'GET', '/metrics')
  const counted = 'dstore_door_requests_total{door="/cache",method="GET",status="200"} 6'
  t.true(body.toString().includes(counted))
})

test('R007-211 paths that are no entry, and directories, are not answered at once', async (t) => {
  const { daemon, node } = await serving(t, DOORS)
  await node.put({ bytes: once(pattern(10)) }, { name: 'cache/s' })
  await node.put({ bytes: once(pattern(10)) }, { name: 'cache/s/x' })
  node.bound.set('cache/s/\ufffd', new Key(new Uint8Array(32)))
  const cases: readonly [path: string, status: number][] = [
    ['/cache', 404],
    ['/cache/s', 404],
    ['/cache/s/x/', 404],
    ['/cache/s/../s/x', 400],
    ['/cache/s%2Fx', 400],
    ['/cache/s/%ff', 400],
    ['/cache/s/%EF%BF%BD', 400],
    ['/cached/s/x', 404],
    ['/turbo/s/x', 404],
    ['/cache/s/x?', 200],
  ]
  for (const [path, status] of cases) {
    t.is((await ask(daemon.socket, 'GET', path)).status, status, path)
  }
  for (const method of ['HEAD', 'DELETE']) await ask(daemon.socket, method, '/cache/s/x')
  t.is(node.immediate.asked, 0)
  const { digest } = (await node.put({ bytes: once(pattern(10)) })).key
  node.values.set(new Key(digest, 'directory').toString(), pattern(10))
  node.bound.set('cache/s/tree', new Key(digest, 'directory'))
  t.is((await ask(daemon.socket, 'GET', '/cache/s/tree')).status, 404)
})

test('R010-1 a closed door answers nothing at once', async (t) => {
  const { daemon, node } = await serving(t)
  await node.put({ bytes: once(pattern(10)) }, { name: 'cache/s/x' })
  t.is((await ask(daemon.socket, 'GET', '/cache/s/x')).status, 404)
  t.is(node.immediate.asked, 0)
})

test('R010-2, R010-3 without a token, or with one for other names, an entry is not looked for', async (t) => {
  const { node, call, daemon } = await servingTcp(t, DOORS)
  await node.put({ bytes: once(pattern(10)) }, { name: 'cache/s/x' })
  t.is((await call('GET', '/cache/s/x')).status, 401)
  const tokens = ['cache/s/', 'cache/other/', 'cache/s/x/'].map(async (prefix) => {
    const body = JSON.stringify({ role: 'reader', label: prefix.replaceAll('/', '-'), prefix })
    const made = await ask(daemon.socket, 'POST', '/v1/tokens', { body })
    return (JSON.parse(made.body.toString()) as { readonly token: string }).token
  })
  const [own, other, below] = await Promise.all(tokens)
  for (const token of [other, below]) {
    t.true([403, 404].includes((await call('GET', '/cache/s/x', { token: token! })).status))
  }
  t.is(node.immediate.asked, 0)
  t.is((await call('GET', '/cache/s/x', { token: own! })).status, 200)
  t.is(node.immediate.given, 1)
})
