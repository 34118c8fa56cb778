/** Where requests to the upstream go, with what, and what is taken of its answers. */
import type { ExecutionContext } from 'ava'
import { Outgoing } from '../../../../src/daemon/outgoing/outgoing.ts'
import { reachOf, type Reach } from '../../../../src/daemon/outgoing/address-reach.ts'
import { gather } from '../../../../src/bytes.ts'
import { resumedBytes } from '../../../../src/doors/hf/upstream/fetch-file.ts'
import { fetchListing } from '../../../../src/doors/hf/upstream/fetch-listing.ts'
import { Remote, type RemoteOptions } from '../../../../src/doors/hf/upstream/remote.ts'
import { HF_JSON_BYTES } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'
import { bytes } from '../hf-serving.ts'
import { Imitation, refuse, sendBytes, sendJson, sha1, sha256, type Instead } from './imitation.ts'

const signal = new AbortController().signal
const TINY = { kind: 'models', id: 'acme/tiny' } as const
const BLOB = Buffer.alloc(200_000, 'blob')
const FILES = { 'a.txt': { bytes: bytes('a') }, 'b.bin': { bytes: BLOB, lfs: true } }

async function remoteTo(
  t: ExecutionContext,
  options: Partial<RemoteOptions> = {},
  others?: (from: Reach) => Outgoing,
): Promise<{ remote: Remote; upstream: Imitation; sha: string }> {
  const upstream = await Imitation.start(t)
  const sha = upstream.commit('a', FILES)
  const made: Outgoing[] = []
  const outgoing = (reach?: Reach): Outgoing => {
    const one = new Outgoing(reach)
    made.push(one)
    return one
  }
  t.teardown(() => made.forEach((one) => one.close()))
  const all = { url: upstream.url, own: outgoing(), others: others ?? outgoing, ...options }
  return { remote: new Remote(all), upstream, sha }
}

const read = async (remote: Remote, path: string): Promise<Buffer> =>
  Buffer.from(await gather((await remote.bytes(path, 0, signal)).bytes))

/** Answers the hub's requests for this path. */
const at =
  (path: string, answer: (...given: Parameters<Instead>) => void): Instead =>
  (request, response, host) => {
    if (host !== 'hub' || request.url !== path) return false
    answer(request, response, host)
    return true
  }

test('R010-73 the token goes to the upstream, and to no host that it redirects to', async (t) => {
  const { remote, upstream, sha } = await remoteTo(t, { token: 'hf_secret' })
  t.true((await read(remote, `/acme/tiny/resolve/${sha}/b.bin`)).equals(BLOB))
  t.deepEqual(
    upstream.seen.map(({ host, headers }) => [host, headers.authorization]),
    [
      ['hub', 'Bearer hf_secret'],
      ['cdn', undefined],
    ],
  )
  t.is(upstream.seen[1]!.headers['accept-encoding'], 'identity')
  t.is(upstream.seen[1]!.headers.cookie, undefined)
})

test('R010-73 a redirect that comes back to the upstream brings no token', async (t) => {
  const { remote, upstream } = await remoteTo(t, { token: 'hf_secret' })
  upstream.instead = (request, response, host) => {
    const [from, to] =
      request.url === '/away' ? ['hub', `${upstream.cdn}/back`] : ['cdn', `${upstream.url}/stolen`]
    if (host !== from) sendBytes(request, response, bytes('x'))
    else refuse(response, 302, undefined, { Location: to })
    return true
  }
  t.is((await read(remote, '/away')).toString(), 'x')
  t.deepEqual(
    upstream.seen.map(({ path, headers }) => [path, headers.authorization]),
    [
      ['/away', 'Bearer hf_secret'],
      ['/back', undefined],
      ['/stolen', undefined],
    ],
  )
})

test('R010-74 redirects are few, over HTTP, and never from TLS to none', async (t) => {
  const { remote, upstream } = await remoteTo(t)
  for (const [location, why] of [
    ['file:///etc/passwd', /a redirect to file:/],
    ['ftp://127.0.0.1/x', /a redirect to ftp:/],
    ['http://user:secret@127.0.0.1/x', /a redirect with a password/],
    ['http://[', /a redirect without an address/],
    ['/loop', /too many redirects/],
  ] as const) {
    upstream.instead = at('/loop', (_, response) =>
      refuse(response, 307, undefined, { Location: location }),
    )
    const error = await t.throwsAsync(remote.bytes('/loop', 0, signal), { message: why })
    t.false(error?.message.includes('secret'))
  }
  t.is(upstream.seen.filter(({ path }) => path === '/loop').length, 4 + 6)
  const http = upstream.cdn
  const tls = { url: 'https://upstream.example', own: answering(302, { location: http }) }
  const { remote: secure } = await remoteTo(t, tls)
  await t.throwsAsync(secure.bytes('/x', 0, signal), { message: /a redirect to http:/ })
})

/** Answers every request like this, without a network. */
const answering = (
  status: number,
  headers: Record<string, string>,
  reach: Reach = 'public',
): Outgoing =>
  ({
    send: async () => ({ status, headers, reach, bytes: gatherNothing(), end: () => undefined }),
  }) as unknown as Outgoing

async function* gatherNothing(): AsyncGenerator<Uint8Array> {}

test('R010-74 an upstream leads to no address that is more private than its own', async (t) => {
  const reaches: readonly (readonly [string, Reach])[] = [
    ['1.1.1.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12::1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['64:ff9b::a00:1', 'private'],
    ['127.0.0.1', 'machine'],
    ['127.9.9.9', 'machine'],
    ['::1', 'machine'],
    ['::ffff:127.0.0.1', 'machine'],
    ['0.0.0.0', 'machine'],
    ['169.254.169.254', 'link'],
    ['::ffff:169.254.169.254', 'link'],
    ['fe80::1%eth0', 'link'],
    ['fd00:ec2::254', 'link'],
    ['100.100.100.200', 'link'],
    ['255.255.255.255', 'link'],
  ]
  for (const [address, reach] of reaches) t.is(reachOf(address), reach, address)
  const refused = { message: /is not one that others may lead to/ }
  const upstream = await Imitation.start(t)
  const port = new URL(upstream.url).port
  for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', 'localhost', '2130706433', '0x7f.1']) {
    for (const from of ['public', 'private'] as const) {
      const outgoing = new Outgoing(from)
      const request = { method: 'GET', headers: {}, timeoutMs: 1000, signal } as const
      await t.throwsAsync(outgoing.send(new URL(`http://${host}:${port}/`), request), refused)
      outgoing.close()
    }
  }
  t.deepEqual(upstream.seen, [])
  const led = { url: 'http://upstream.example', own: answering(302, { location: upstream.cdn }) }
  const { remote } = await remoteTo(t, led)
  await t.throwsAsync(remote.bytes('/x', 0, signal), refused)
  const near = { ...led, own: answering(302, { location: `${upstream.cdn}/blobs` }, 'machine') }
  const { remote: local } = await remoteTo(t, near)
  // It was reached: the imitation has no such blob.
  await t.throwsAsync(local.bytes('/x', 0, signal), { message: /refuses this node \(403\)/ })
})

test('R010-75 an answer is bounded in bytes, in time and in form', async (t) => {
  const { remote, upstream } = await remoteTo(t, { paceMs: 100 })
  const impatient = { url: upstream.url, silenceMs: 150 }
  const { remote: quick } = await remoteTo(t, impatient)
  const answers: readonly (readonly [RegExp, Parameters<typeof at>[1]])[] = [
    [/more than \d+ bytes of JSON/, (_, response) => endless(response, 1 << 20)],
    [/did not respond within/, () => undefined],
    [/sent nothing more within/, (_, response) => void response.writeHead(200).write('[')],
    [/is too slow/, (_, response) => endless(response.writeHead(200), 1, 20)],
    [/what is not JSON/, (_, response) => void response.end('<html>')],
    [/no UTF-8/, (_, response) => void response.end(Buffer.from([0x22, 0xff, 0x22]))],
    [
      /broke off|cannot be reached/,
      (_, response) =>
        void response.writeHead(200, { 'Content-Length': 9 }).write('[', () => response.destroy()),
    ],
    [
      /compressed/,
      (_, response) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x'),
    ],
    [
      /cannot be reached/,
      (_, response) => void response.writeHead(200, { 'X-Long': 'x'.repeat(40_000) }).end('{}'),
    ],
    [/cannot be reached/, (request) => void request.socket.end('nonsense\r\n\r\n')],
  ]
  for (const [message, answer] of answers) {
    upstream.instead = at('/x', answer)
    const asked = String(message).includes('within') ? quick : remote
    await t.throwsAsync(asked.json('/x', '', signal), { message }, String(message))
  }
  t.true(HF_JSON_BYTES <= 16 * 1024 * 1024)
})

/** Writes pieces without an end, as fast as they are taken. */
function endless(response: Parameters<Instead>[1], pieceBytes: number, pauseMs = 0): void {
  const piece = Buffer.alloc(pieceBytes, ' ')
  const next = (): void => {
    if (!response.destroyed) response.write(piece, () => void setTimeout(next, pauseMs))
  }
  next()
}

test('R010-75 a download that breaks off goes on where it stopped', async (t) => {
  const { remote, upstream, sha } = await remoteTo(t, { silenceMs: 1000 })
  let requests = 0
  upstream.instead = (request, response, host) => {
    if (host !== 'cdn') return false
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const end = Math.min(BLOB.byteLength, start + 70_000)
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Length': BLOB.byteLength - start,
      ...(start > 0 && { 'Content-Range': `bytes ${start}-199999/200000` }),
    })
    response.write(BLOB.subarray(start, end), () => {
      // One is cut, one falls silent.
      if (requests++ === 0) response.destroy()
      else if (end === BLOB.byteLength) response.end()
    })
    return true
  }
  const path = `/acme/tiny/resolve/${sha}/b.bin`
  const got = await gather(resumedBytes(remote, path, BLOB.byteLength, signal, 1))
  t.is(sha256(got), sha256(BLOB))
  t.is(requests, 3)
  t.is(upstream.paths('hub').length, 3, 'a signed address may have expired')
})

test('R010-75 a download that brings nothing, too much, or another part ends', async (t) => {
  const { remote, upstream, sha } = await remoteTo(t, { silenceMs: 100 })
  const path = `/acme/tiny/resolve/${sha}/b.bin`
  const all = (): Promise<Uint8Array> =>
    gather(resumedBytes(remote, path, BLOB.byteLength, signal, 1))
  upstream.instead = at(path, (_, response) => void response.writeHead(200).end('short'))
  const refusals = { message: /did not continue where it stopped/ }
  await t.throwsAsync(all(), refusals, 'a second answer from the beginning')
  upstream.instead = at(path, ({ headers }, response) => {
    const start = headers.range === undefined ? 0 : 4
    const range = { 'Content-Range': `bytes ${start}-199999/200000` }
    response.writeHead(start === 0 ? 200 : 206, start === 0 ? {} : range).end('short')
  })
  await t.throwsAsync(all(), refusals, 'another part')
  upstream.instead = at(path, (_, response) =>
    response.writeHead(200, { 'Content-Length': 9 }).flushHeaders(),
  )
  const before = upstream.seen.length
  await t.throwsAsync(all(), { message: /sent nothing more/ })
  t.is(upstream.seen.length - before, 6)
  upstream.instead = at(path, (_, response) => endless(response.writeHead(200), 1 << 16))
  const got = await all()
  t.true(got.byteLength > BLOB.byteLength && got.byteLength < BLOB.byteLength + 200_000)
})

test('R010-71 a list with hostile paths, sizes or digests is refused whole', async (t) => {
  const { remote, upstream, sha } = await remoteTo(t)
  const good = { type: 'file', path: 'a.txt', size: 1, oid: sha1(bytes('a')) }
  const lfs = { oid: sha256(BLOB), size: 1, pointerSize: 134 }
  const key = 'bafkr4iavmwnfztj57ruvspv2ec7wnfw2vxd2bssl7cmtqqkrlekgu4agxu'
  const list = (entries: unknown): Promise<unknown> => {
    upstream.instead = (request, response) => {
      if (request.url?.includes('/tree/') !== true) return false
      sendJson(response, entries)
      return true
    }
    return fetchListing(remote, TINY, { commit: sha }, signal)
  }
  for (const path of [
    '../a',
    'a/../b',
    './a',
    '/a',
    'a//b',
    'a/',
    '',
    'a\u0000',
    'a\nb',
    'a\u0085',
    'x'.repeat(256),
    `${'x/'.repeat(1200)}x`,
    'a\ud800',
    7,
    null,
  ]) {
    await t.throwsAsync(list([{ ...good, path }]), { message: /no usable path/ }, String(path))
  }
  for (const size of [-1, 1.5, 2 ** 53, '1', null, undefined]) {
    await t.throwsAsync(list([{ ...good, size }]), { message: /no usable path/ }, String(size))
  }
  for (const wrong of [
    { oid: 'x'.repeat(40) },
    { oid: undefined },
    { oid: sha256(BLOB) },
    { lfs: { ...lfs, oid: sha1(BLOB) } },
    { lfs: { ...lfs, oid: undefined } },
    { lfs: { ...lfs, size: 2 } },
    { lfs: { ...lfs, pointerSize: -1 } },
    { lfs: 'none' },
    { key: 'bafkr4i' },
    { key: key.replace('bafkr', 'bafyr') },
    { type: 'link' },
  ]) {
    const line = { ...good, ...wrong }
    await t.throwsAsync(list([line]), { message: /no usable path/ }, JSON.stringify(wrong))
  }
  const twice = { message: /paths of acme\/tiny that exclude each other/ }
  await t.throwsAsync(list([good, good]), twice)
  await t.throwsAsync(list([good, { ...good, path: 'a.txt/b' }]), twice)
  await t.throwsAsync(list({ files: [] }), { message: /no list of the files/ })
  await t.throwsAsync(list([null]), { message: /no usable path/ })
  const found = (await list([
    { ...good, lfs },
    { ...good, path: 'k', key },
  ])) as {
    files: readonly object[]
  }
  t.like(found.files[0], { path: 'a.txt', lfs: { sha256: sha256(BLOB), pointerSize: 134 } })
  t.like(found.files[1], { path: 'k', key })
})

test('R010-71 a list without an end is refused', async (t) => {
  const { remote, upstream, sha } = await remoteTo(t)
  let page = 0
  const link = (more: string): string => `</x?cursor=${more}>; rel="next"`
  upstream.instead = (_, response) => {
    response.setHeader('Link', link('same'))
    sendJson(response, [])
    return true
  }
  const same = fetchListing(remote, TINY, { commit: sha }, signal)
  await t.throwsAsync(same, { message: /the same page of acme\/tiny again/ })
  upstream.instead = (_, response) => {
    response.setHeader('Link', link(String(page++)))
    const oid = sha1(bytes(''))
    const entry = { type: 'file', size: 0, oid }
    sendJson(
      response,
      [0, 1, 2].map((at) => ({ ...entry, path: `${page}/${at}` })),
    )
    return true
  }
  const few = fetchListing(remote, TINY, { commit: sha }, signal, 10)
  await t.throwsAsync(few, { code: 'too-large' } as object)
  t.is(page, 4)
})
