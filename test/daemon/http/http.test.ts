import { test } from '../../serial.ts'
import { connect } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorCode } from '../../../src/errors.ts'
import { DstoreError, ERRORS } from '../../../src/errors.ts'
import { HTTP_JSON_BYTES, LONGEST_TIMEOUT_MS } from '../../../src/limits.ts'
import type { Problem } from '../../../src/daemon/api/api.ts'
import type { FakeNode } from '../fake-node.ts'
import { fileRequest } from '../file-request.ts'
import { ask, serving } from '../serving.ts'
import type { Answer } from '../serving.ts'
import { sameBytes } from '../../same-bytes.ts'

const SIZES = [0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 65_536, 1_048_577]

/** More than a value has, and than a number counts exactly. */
const TOO_LONG = { 'content-length': '9007199254740993' }

const ABSENT = '0'.repeat(64)

function sample(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index % 251)
}

function problem(answer: Answer): Problem {
  return JSON.parse(answer.body.toString()) as Problem
}

/** The last line of an answer. */
async function parse(answer: Promise<Answer>): Promise<unknown> {
  const { body } = await answer
  return JSON.parse(body.toString().trim().split('\n').at(-1)!) as unknown
}

/** Make the node's reads and writes wait until the returned function is called. */
function closeGate(node: FakeNode): () => void {
  const opened = new AbortController()
  node.gate = once(opened.signal, 'abort').then(() => undefined)
  return () => opened.abort()
}

async function put(socket: string, body: Uint8Array): Promise<string> {
  const answer = await ask(socket, 'POST', '/v1/values', { body })
  return (JSON.parse(answer.body.toString()) as { key: string }).key
}

test('a value of any size goes in and comes out byte for byte', async (t) => {
  const { daemon } = await serving(t)
  for (const size of SIZES) {
    const body = sample(size)
    const first = await ask(daemon.socket, 'POST', '/v1/values', { body })
    t.is(first.status, 201)
    const { key, existed } = JSON.parse(first.body.toString()) as { key: string; existed: boolean }
    t.false(existed)
    t.is(first.headers.location, `/v1/values/${key}`)
    t.is((await ask(daemon.socket, 'POST', '/v1/values', { body })).status, 200)

    const back = await ask(daemon.socket, 'GET', `/v1/values/${key}`)
    t.is(back.status, 200)
    t.is(back.headers['content-length'], String(size))
    t.is(back.headers.etag, `"${key}"`)
    t.is(back.headers['accept-ranges'], 'bytes')
    sameBytes(t, back.body, body)

    const head = await ask(daemon.socket, 'HEAD', `/v1/values/${key}`)
    t.is(head.status, 200)
    t.is(head.headers['content-length'], String(size))
    t.is(head.body.byteLength, 0)
  }
})

test('a value is also put with PUT, as curl -T sends it', async (t) => {
  const { daemon, node } = await serving(t)
  const body = sample(20_000)
  const first = await ask(daemon.socket, 'PUT', '/v1/values?name=mine', { body })
  t.is(first.status, 201)
  const { key } = JSON.parse(first.body.toString()) as { key: string }
  t.is(first.headers.location, `/v1/values/${key}`)
  sameBytes(t, node.values.get(key)!, body)
  t.is(node.bound.get('mine')?.toString(), key)
  const again = await ask(daemon.socket, 'POST', '/v1/values', { body })
  t.is(again.status, 200)
  t.deepEqual(JSON.parse(again.body.toString()), { key, size: 20_000, existed: true })
})

test('R007-16 one range of bytes, also a suffix, as in HTTP', async (t) => {
  const { daemon } = await serving(t)
  const body = sample(20_000)
  const path = `/v1/values/${await put(daemon.socket, body)}`
  const cases: [range: string, start: number, end: number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=5-9', 5, 10],
    ['bytes=19999-', 19_999, 20_000],
    ['bytes=10-99999999', 10, 20_000],
    ['bytes=10-18446744073709551615', 10, 20_000],
    [`bytes=10-${'9'.repeat(400)}`, 10, 20_000],
    ['bytes=00000000000000000010-00000000000000000011', 10, 12],
    ['bytes=-18446744073709551615', 0, 20_000],
    ['bytes=-1', 19_999, 20_000],
    ['bytes=,5-9 ,', 5, 10],
    ['bytes=-99999', 0, 20_000],
  ]
  for (const [range, start, end] of cases) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(answer.status, 206, range)
    t.is(answer.headers['content-range'], `bytes ${start}-${end - 1}/20000`)
    sameBytes(t, answer.body, body.slice(start, end))
  }
  for (const range of [
    'bytes=20000-',
    'bytes=-0',
    'bytes=18446744073709551615-',
    'bytes=99999999999999999-18446744073709551615',
    `bytes=${'9'.repeat(400)}-${'9'.repeat(400)}`,
  ]) {
    const beyond = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(beyond.status, 416, range)
    t.is(beyond.headers['content-range'], 'bytes */20000')
    t.is(problem(beyond).code, 'range')
    const absent = await ask(daemon.socket, 'GET', `/v1/values/${ABSENT}`, { headers: { range } })
    t.is(absent.status, 404, range)
  }
  for (const range of [
    'bytes=5-2',
    'bytes=5-4',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=,',
    'bytes=0-1,4-3',
    'bytes=0-1,a',
    'bytes=0-1 3-4',
    'bytes',
  ]) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(answer.status, 400, range)
    t.is(problem(answer).code, 'malformed-range')
  }
  for (const range of ['pages=1-2', 'bytes=0-1,3-4', 'bytes=-1, 0-0', 'bytes=0-,30000-']) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(answer.status, 200, range)
    t.is(answer.headers['content-range'], undefined)
    sameBytes(t, answer.body, body)
  }
})

test('R007-16 a range from the start of an empty value is all of it, and no other is', async (t) => {
  const { daemon } = await serving(t)
  const path = `/v1/values/${await put(daemon.socket, sample(0))}`
  for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=0-1048575', 'bytes=-5']) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(answer.status, 200, range)
    t.is(answer.headers['content-range'], undefined)
    t.is(answer.headers['content-length'], '0')
    t.is(answer.body.byteLength, 0)
  }
  for (const range of ['bytes=1-', 'bytes=1-1', 'bytes=-0']) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { range } })
    t.is(answer.status, 416, range)
    t.is(answer.headers['content-range'], 'bytes */0')
    t.is(problem(answer).code, 'range')
  }
})

test('R007-17 a tag that matches saves the bytes; a range of another value is not this one', async (t) => {
  const { daemon } = await serving(t)
  const key = await put(daemon.socket, sample(5000))
  const path = `/v1/values/${key}`
  for (const tag of [`"${key}"`, '*', `"other", W/"${key}"`]) {
    const answer = await ask(daemon.socket, 'GET', path, { headers: { 'if-none-match': tag } })
    t.is(answer.status, 304, tag)
    t.is(answer.headers.etag, `"${key}"`)
    t.is(answer.body.byteLength, 0)
  }
  const other = await ask(daemon.socket, 'GET', path, { headers: { 'if-none-match': '"other"' } })
  t.is(other.status, 200)
  const stale = { range: 'bytes=0-1', 'if-range': '"other"' }
  t.is((await ask(daemon.socket, 'GET', path, { headers: stale })).status, 200)
  const same = { range: 'bytes=0-1', 'if-range': `"${key}"` }
  t.is((await ask(daemon.socket, 'GET', path, { headers: same })).status, 206)
})

test('R007-17 a tag that matches is answered before ranges, on HEAD too, and opens no value', async (t) => {
  const { daemon, node } = await serving(t)
  const key = await put(daemon.socket, sample(5000))
  node.get = () => Promise.reject(new Error('the value was opened'))
  const matching = { 'if-none-match': `"${key}"` }
  for (const method of ['GET', 'HEAD']) {
    for (const range of ['bytes=9000-', 'bytes=-0', 'bytes=0-1,3-4', 'bytes=5-2', 'bytes=0-1']) {
      const headers = { ...matching, range }
      const answer = await ask(daemon.socket, method, `/v1/values/${key}`, { headers })
      t.is(answer.status, 304, `${method} ${range}`)
      t.is(answer.headers.etag, `"${key}"`)
    }
    const absent = await ask(daemon.socket, method, `/v1/values/${ABSENT}`, {
      headers: { 'if-none-match': '*' },
    })
    t.is(absent.status, 404)
  }
})

test('R007-17 a value without the wanted tag is refused, before anything else is asked', async (t) => {
  const { daemon } = await serving(t)
  const key = await put(daemon.socket, sample(5000))
  const tag = `"${key}"`
  const get = (method: string, of: string, headers: Record<string, string>): Promise<Answer> =>
    ask(daemon.socket, method, `/v1/values/${of}`, { headers })
  for (const method of ['GET', 'HEAD']) {
    for (const other of ['"other"', `W/${tag}`, '"a", "b"', '']) {
      const headers = { 'if-match': other, 'if-none-match': tag, range: 'bytes=9000-' }
      const refused = await get(method, key, headers)
      t.is(refused.status, 412, `${method} ${other}`)
      t.is(refused.headers.etag, tag)
      if (method === 'GET') t.like(problem(refused), { code: 'usage', status: 412 })
      t.is((await get(method, ABSENT, { 'if-match': other })).status, 404)
    }
    for (const same of [tag, '*', `"other", ${tag}`]) {
      t.is((await get(method, key, { 'if-match': same })).status, 200, same)
      t.is((await get(method, key, { 'if-match': same, 'if-none-match': tag })).status, 304)
    }
  }
  t.is((await get('DELETE', key, { 'if-match': '"other"' })).status, 412)
  t.is((await get('GET', key, {})).status, 200)
  t.is((await get('DELETE', key, { 'if-match': tag })).status, 200)
})

test('R007-18 every fault is a problem document with its code and status', async (t) => {
  const { daemon, node } = await serving(t)
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    node.fault = new DstoreError(code, `it was ${code}`, { hint: 'try – again' })
    const answer = await ask(daemon.socket, 'GET', `/v1/values/${'0'.repeat(64)}/facts`)
    t.is(answer.status, ERRORS[code].status)
    t.is(answer.headers['content-type'], 'application/problem+json')
    t.deepEqual(problem(answer), {
      type: `/problems/${code}`,
      title: ERRORS[code].meaning,
      status: ERRORS[code].status,
      detail: `it was ${code}`,
      code,
      hint: 'try – again',
    })
  }
})

test('R007-12 bytes that end too early never look whole', async (t) => {
  const { daemon, node } = await serving(t)
  const path = `/v1/values/${await put(daemon.socket, sample(50_000))}`
  node.fault = new DstoreError('integrity', 'a peer lied – twice')
  node.failAfterBytes = 20_000

  const cut = await ask(daemon.socket, 'GET', path)
  t.is(cut.status, 200)
  t.false(cut.whole)
  t.is(cut.body.byteLength, 20_000)

  const told = await ask(daemon.socket, 'GET', path, { headers: { te: 'trailers' } })
  t.true(told.whole)
  t.is(told.body.byteLength, 20_000)
  t.is((JSON.parse(told.trailers['dstore-problem']!) as Problem).detail, 'a peer lied – twice')

  node.failAfterBytes = 0
  const early = await ask(daemon.socket, 'GET', path)
  t.is(early.status, ERRORS.integrity.status)
  t.is(problem(early).code, 'integrity')
})

test('R007-14 a client that leaves ends the work behind its call', async (t) => {
  const { daemon, node } = await serving(t)
  const key = await put(daemon.socket, sample(50_000))
  const open = closeGate(node)
  const client = connect(daemon.socket)
  client.write(`GET /v1/values/${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  while (node.signals.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  const signal = node.signals[1]!
  t.false(signal.aborted)
  client.destroy()
  if (!signal.aborted) await once(signal, 'abort')
  open()
  while (node.readsLeft === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  t.pass()
})

test('R007-15 a value comes in no faster than it is stored', async (t) => {
  const { daemon, node } = await serving(t)
  const open = closeGate(node)
  const client = connect(daemon.socket)
  client.write('POST /v1/values HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n')
  const piece = Buffer.alloc(1_000_000)
  let sent = 0
  let held = false
  while (!held && sent < 50) {
    if (!client.write(piece)) held = !(await drainedWithin(client, 500))
    sent++
  }
  t.true(held, 'the daemon took 50 MB that nobody stored')
  t.true(sent < 10)
  open()
  client.destroy()
})

async function drainedWithin(client: ReturnType<typeof connect>, ms: number): Promise<boolean> {
  try {
    await once(client, 'drain', { signal: AbortSignal.timeout(ms) })
    return true
  } catch {
    return false
  }
}

test('R007-15 a refusal in the middle of a value reaches a client that is still sending', async (t) => {
  const { daemon, node } = await serving(t)
  node.fault = new DstoreError('no-space', 'full')
  node.failAfterBytes = 100_000
  const answer = await ask(daemon.socket, 'POST', '/v1/values', { body: sample(3_000_000) })
  t.is(answer.status, 507)
  t.is(answer.headers.connection, 'close')
  t.is(problem(answer).code, 'no-space')
})

test('R007-15 a client that is refused and stops in the middle of its body is cut off', async (t) => {
  const { daemon } = await serving(t)
  const client = connect(daemon.socket)
  client.on('error', () => undefined)
  client.write('POST /v1/nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf')
  client.resume()
  await once(client, 'close', { signal: AbortSignal.timeout(20_000) })
  t.pass()
})

for (const [what, pieceBytes] of [
  ['small pieces', 10_000],
  ['large pieces', 1_000_000],
] as const) {
  test(`R007-15 a value goes out no faster than the client reads it, in ${what}`, async (t) => {
    const { daemon, node } = await serving(t)
    const size = 100_000_000
    const sent = { bytes: 0 }
    node.get = async (key) => ({ key, size, range: { start: 0, end: size }, bytes: endless() })
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (sent.bytes < size) {
        sent.bytes += pieceBytes
        yield new Uint8Array(pieceBytes)
      }
    }
    const client = connect(daemon.socket)
    client.pause()
    client.write(`GET /v1/values/${'0'.repeat(64)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    // It stalls: nothing more is taken from the node.
    for (let before = -1; sent.bytes === 0 || sent.bytes !== before; before = sent.bytes)
      await sleep(200)
    t.true(sent.bytes < 10_000_000, `${sent.bytes} bytes`)
    client.destroy()
  })
}

test('R007-11 a malformed request is refused with the reason', async (t) => {
  const { daemon } = await serving(t)
  const socket = daemon.socket
  const key = '0'.repeat(64)
  const cases: [status: number, code: string, request: Parameters<typeof ask>][] = [
    [404, 'usage', [socket, 'GET', '/']],
    [404, 'usage', [socket, 'GET', '/v1/values/a/b/c']],
    [405, 'usage', [socket, 'PATCH', '/v1/values']],
    [405, 'usage', [socket, 'PATCH', '/v1/keys']],
    [404, 'not-found', [socket, 'GET', '/v1/values/nonsense']],
    [400, 'malformed-key', [socket, 'GET', `/v1/values/bafkr4i${'a'.repeat(50)}`]],
    [400, 'malformed-key', [socket, 'DELETE', '/v1/values/nonsense']],
    [400, 'usage', [socket, 'GET', '/v1/values/no%00name']],
    [400, 'usage', [socket, 'GET', '/v1/values/%ff']],
    [400, 'usage', [socket, 'GET', `/v1/values/${key}?timeout=0`]],
    [400, 'usage', [socket, 'GET', `/v1/values/${key}?timeout=1e3`]],
    [400, 'usage', [socket, 'GET', `/v1/values/${key}?timeout=${LONGEST_TIMEOUT_MS + 1}`]],
    [413, 'too-large', [socket, 'POST', '/v1/values', { headers: TOO_LONG }]],
    [404, 'not-found', [socket, 'GET', `/v1/values/${key}`]],
    [404, 'not-found', [socket, 'DELETE', `/v1/values/${key}`]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '{' }]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '[]' }]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '{"path":"relative"}' }]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '{"path":"/a\\u0000b"}' }]],
    [413, 'too-large', [socket, 'POST', '/v1/files', { body: ' '.repeat(HTTP_JSON_BYTES + 1) }]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '{}'.padEnd(HTTP_JSON_BYTES) }]],
    [400, 'usage', [socket, 'POST', '/v1/files', { body: '{"path":"/does/not/exist"}' }]],
    [
      422,
      'unreadable',
      [socket, 'POST', '/v1/files', { body: fileRequest('/', { path: '/none' }) }],
    ],
    [421, 'usage', [socket, 'GET', '/v1/status', { headers: { host: 'evil.example' } }]],
  ]
  for (const [status, code, request] of cases) {
    const answer = await ask(...request)
    t.is(answer.status, status, answer.body.toString())
    t.is(problem(answer).code, code as ErrorCode)
    t.is(problem(answer).status, status)
  }
  const allowed = await ask(socket, 'PATCH', '/v1/values')
  t.is(allowed.headers.allow, 'POST, PUT')
})

test('R007-11 header lines beyond the limit end the connection', async (t) => {
  const { daemon } = await serving(t)
  const answer = await ask(daemon.socket, 'GET', '/v1/status', {
    headers: { x: 'x'.repeat(20_000) },
  })
  t.is(answer.status, 431)
})

test('R007-13 a file is read by the daemon, with events on the way', async (t) => {
  const { daemon, node } = await serving(t)
  const path = new URL(import.meta.url).pathname
  const answer = await ask(daemon.socket, 'POST', '/v1/files', { body: fileRequest(path) })
  t.is(answer.status, 200)
  t.is(answer.headers['content-type'], 'application/x-ndjson')
  const events = answer.body
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string })
  t.is(events[0]!.event, 'progress')
  t.is(events.at(-1)!.event, 'done')

  node.fault = new DstoreError('changed', 'it changed')
  node.failAfterBytes = 1
  const failed = await ask(daemon.socket, 'POST', '/v1/files', { body: fileRequest(path) })
  const last = JSON.parse(failed.body.toString().trim().split('\n').at(-1)!) as {
    event: string
    problem: Problem
  }
  t.is(last.event, 'failed')
  t.is(last.problem.code, 'changed')
})

test('keys are listed a line each, and a listing that fails is not a shorter one', async (t) => {
  const { daemon, node } = await serving(t)
  const keys = [await put(daemon.socket, sample(1)), await put(daemon.socket, sample(2))]
  const answer = await ask(daemon.socket, 'GET', '/v1/keys')
  t.is(
    answer.body.toString(),
    keys.map((key, index) => `{"key":"${key}","size":${index + 1}}\n`).join(''),
  )
  node.fault = new DstoreError('unreachable', 'Global left')
  node.failAfterBytes = 1
  const cut = await ask(daemon.socket, 'GET', '/v1/keys')
  t.false(cut.whole)
  t.is(cut.body.toString(), `{"key":"${keys[0]}","size":1}\n`)
  node.failAfterBytes = 0
  t.is((await ask(daemon.socket, 'GET', '/v1/keys')).status, 503)
})

test('the time-out of a call reaches the node', async (t) => {
  const { daemon, node } = await serving(t)
  await ask(daemon.socket, 'GET', `/v1/values/${'0'.repeat(64)}/facts?timeout=1234`)
  t.deepEqual(node.timeouts, [1234])
})

test('facts, removal, prefetch, eviction and status return the answers of the node', async (t) => {
  const { daemon } = await serving(t)
  const key = await put(daemon.socket, sample(10))
  const path = `/v1/values/${key}`
  t.deepEqual(await parse(ask(daemon.socket, 'GET', `${path}/facts`)), {
    key,
    size: 10,
    incarnation: 1,
    heldBytes: 10,
    holders: [],
    names: [],
    confirmed: true,
  })
  t.deepEqual(await parse(ask(daemon.socket, 'POST', `${path}/evict`)), { key, freedBytes: 10 })
  t.deepEqual(await parse(ask(daemon.socket, 'POST', `${path}/prefetch`)), {
    event: 'done',
    result: { key },
  })
  t.like(await parse(ask(daemon.socket, 'DELETE', path)), {
    key,
    seq: 7,
    freedBytes: 10,
    owed: [],
  })
  const status = (await parse(ask(daemon.socket, 'GET', '/v1/status'))) as {
    role: string
    daemon: { pid: number }
  }
  t.is(status.role, 'standalone')
  t.is(status.daemon.pid, process.pid)
})
