import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import type { ExecutionContext } from 'ava'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { pieces as bodyOf } from '../../../src/daemon/client/response.ts'
import type { Deadline } from '../../../src/deadline.ts'
import { HTTP_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import type { Progress } from '../../../src/node/node.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { putFile } from '../../../src/daemon/client/put-file.ts'
import { parseRangeHeader } from '../../../src/daemon/http/range-header.ts'
import { errorOf, parseProblem, problemLine, problemOf } from '../../../src/daemon/api/problem.ts'
import { DstoreError, ERRORS } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { serving, temporaryDirectory } from '../serving.ts'
import { sameBytes } from '../../same-bytes.ts'

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts)
}

test('the client is the other end of every call', async (t) => {
  const { daemon } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const value = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
  const { key, existed } = await client.putBytes(pieces(value, 999))
  t.false(existed)
  t.true((await client.putBytes(pieces(value, 50_000), value.byteLength)).existed)

  const whole = await client.get(key)
  t.deepEqual(whole.range, { start: 0, end: value.byteLength })
  sameBytes(t, await collect(whole.bytes), value)
  const part = await client.get(key, { start: 10, end: 20 })
  t.is(part.size, value.byteLength)
  t.deepEqual(part.range, { start: 10, end: 20 })
  t.deepEqual(new Uint8Array(await collect(part.bytes)), value.slice(10, 20))
  t.deepEqual((await client.get(key, { last: 7 })).range, { start: 99_993, end: 100_000 })

  t.is((await client.facts(key)).size, value.byteLength)
  const listed: string[] = []
  for await (const line of client.keys()) listed.push(line.key)
  t.deepEqual(listed, [key])
  await client.prefetch(key)
  t.is((await client.evict(key)).freedBytes, value.byteLength)
  t.is((await client.status()).role, 'standalone')
  t.is((await client.remove(key)).freedBytes, value.byteLength)
  await t.throwsAsync(client.get(key), { code: 'not-found' })
})

test('progress comes on the way of a file', async (t) => {
  const { daemon, node } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const seen: number[] = []
  const path = join(temporaryDirectory(t), 'file')
  writeFileSync(path, new Uint8Array(INLINE_VALUE_BYTES + 1))
  const onProgress = ({ doneBytes }: Progress): unknown => seen.push(doneBytes)
  await putFile(client, path, { onProgress })
  t.is(node.putsByPath, 1)
  t.true(seen.length > 0)
})

test('R007-12 a fault in the middle of a value keeps its code', async (t) => {
  const { daemon, node } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const { key } = await client.putBytes(pieces(new Uint8Array(100_000), 10_000))
  node.fault = new DstoreError('removed', 'removed – just now', { hint: 'too late' })
  node.failAfterBytes = 50_000
  const value = await client.get(key)
  const error = await t.throwsAsync(collect(value.bytes), { instanceOf: DstoreError })
  t.is(error.code, 'removed')
  t.is(error.message, 'removed – just now')
  t.is(error.hint, 'too late')
})

test('a source that fails, fails the put with its own fault', async (t) => {
  const { daemon, node } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000)
    await Promise.resolve()
    throw new DstoreError('unreadable', 'the disk is gone')
  }
  await t.throwsAsync(client.putBytes(failing()), { code: 'unreadable' })
  t.is(node.values.size, 0)
})

test('an abort is cancelled, wherever the call is', async (t) => {
  const { daemon, node } = await serving(t)
  const aborter = new AbortController()
  const client = (await Client.connect(daemon.socket, { signal: aborter.signal }))!
  t.teardown(() => client.close())
  node.gate = new Promise(() => undefined)
  const put = client.putBytes(pieces(new Uint8Array(1000), 100))
  while (node.signals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  aborter.abort()
  await t.throwsAsync(put, { code: 'cancelled' })
  await t.throwsAsync(client.status(), { code: 'cancelled' })
})

const STRANGERS: [name: string, answer: string, code: ErrorCode][] = [
  ['nothing', '', 'unreachable'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'unreachable'],
  ['no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'protocol'],
  ['no problem', 'HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nhi', 'protocol'],
  ['an unknown code', 'HTTP/1.1 500 No\r\nContent-Length: 14\r\n\r\n{"code":"odd"}', 'protocol'],
  ['null', 'HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nnull', 'protocol'],
  ['half', 'HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{"role":', 'unreachable'],
  [
    'too much',
    `HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n${' '.repeat(9_000_000)}`,
    'protocol',
  ],
]
for (const [name, answer, code] of STRANGERS) {
  test(`another server on the socket that sends ${name} is ${code}`, async (t) => {
    const path = join(temporaryDirectory(t), 'socket')
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    })
    server.listen(path)
    await once(server, 'listening')
    t.teardown(() => server.close())
    const client = (await Client.connect(path))!
    t.teardown(() => client.close())
    await t.throwsAsync(client.status(), { code })
  })
}

/** A client of a server that gives this answer to everything. */
async function clientOf(t: ExecutionContext, answer: string): Promise<Client> {
  const path = join(temporaryDirectory(t), 'socket')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(answer))
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  return client
}

test('R007-12 a value of another length than it says is no value', async (t) => {
  for (const size of [2, 4]) {
    const head = `HTTP/1.1 200 OK\r\nDstore-Key: k\r\nDstore-Size: ${size}\r\n`
    const client = await clientOf(
      t,
      `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    )
    await t.throwsAsync(collect((await client.get('k')).bytes), { code: 'protocol' })
  }
})

test('a listing that ends in the middle of a line is no shorter listing', async (t) => {
  const client = await clientOf(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
  await t.throwsAsync(client.keys().next(), { code: 'protocol', message: /middle of a line/ })
})

test('a line that never ends is refused at its bound', async (t) => {
  const text = ' '.repeat(HTTP_ANSWER_BYTES + 1)
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length + 1}\r\n\r\n`
  const client = await clientOf(t, head + text)
  await t.throwsAsync(client.keys().next(), { code: 'protocol', message: /too long/ })
})

test('only time spent waiting for the daemon counts, never that of a slow reader', async (t) => {
  let counts = false
  const limit: Deadline = {
    signal: new AbortController().signal,
    progress: () => (counts = true),
    moved: () => undefined,
    isRunning: true,
    pauseTimer: () => (counts = false),
    extend: () => undefined,
    cancel: () => undefined,
    clear: () => undefined,
  }
  const waiting: boolean[] = []
  const source = new Readable({
    highWaterMark: 1,
    read() {
      waiting.push(counts)
      this.push(waiting.length > 3 ? null : new Uint8Array(1))
    },
  })
  const message = Object.assign(source, { complete: true, trailers: {} })
  for await (const _ of bodyOf({ message: message as unknown as IncomingMessage, limit })) {
    t.false(counts)
  }
  t.deepEqual(waiting, [true, true, true, true])
  t.false(counts)
})

test('a source that takes longer than the time-out is waited for', async (t) => {
  const { daemon } = await serving(t)
  const client = (await Client.connect(daemon.socket, { timeoutMs: 1 }))!
  t.teardown(() => client.close())
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    await sleep(5600)
    yield new Uint8Array(1)
  }
  t.is((await client.putBytes(slow())).size, 2)
})

test('a client waits for a silent daemon for the time-out and a short grace', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const server = createServer(() => undefined)
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = (await Client.connect(path, { timeoutMs: 10 }))!
  t.teardown(() => client.close())
  await t.throwsAsync(client.status(), { code: 'timeout' })
})

test('R007-118: a value that pauses is waited for while the daemon answers other calls', async (t) => {
  const read = async (answers: boolean): Promise<string> => {
    const path = join(temporaryDirectory(t), 'socket')
    const server = createHttpServer((request, response) => {
      if (request.url!.startsWith('/v1/status')) return void (answers && response.end('{}'))
      response.writeHead(200, { 'Dstore-Key': 'k', 'Dstore-Size': 2, 'Content-Length': 2 })
      response.write('a')
      const timer = setTimeout(() => response.end('b'), 7000)
      response.once('close', () => clearTimeout(timer))
    })
    server.listen(path)
    await once(server, 'listening')
    t.teardown(() => server.close())
    const client = (await Client.connect(path, { timeoutMs: 10 }))!
    t.teardown(() => client.close())
    return (await collect((await client.get('k')).bytes)).toString()
  }
  const [one] = await Promise.all([
    read(true),
    t.throwsAsync(read(false), { code: 'timeout', message: /did not answer/ }),
  ])
  t.is(one, 'ab')
})

test('a fault survives the way through a problem document', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
      fc.string({ unit: 'binary' }),
      fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
      (code, message, hint) => {
        const fault = new DstoreError(code, message, hint === undefined ? {} : { hint })
        for (const back of [errorOf(problemOf(fault)), parseProblem(problemLine(fault))]) {
          t.is(back.code, code)
          t.is(back.message, message)
          t.is(back.hint, hint)
        }
        t.regex(problemLine(fault), /^[ -~]+$/)
      },
    ),
  )
})

test('a range of an empty value is refused through the daemon as by a node', async (t) => {
  const { daemon } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const { key } = await client.putBytes(pieces(new Uint8Array(0), 1))
  for (const range of [{ start: 0 }, { last: 5 }, { last: 0 }, { start: 1 }]) {
    await t.throwsAsync(client.get(key, range), { code: 'range' })
  }
  t.is((await client.get(key)).size, 0)
})

test('R007-16 every range that can be written is read, and no other', (t) => {
  const edge = fc.integer({ min: 0, max: 2 ** 52 })
  fc.assert(
    fc.property(edge, edge, (a, b) => {
      const [first, last] = [Math.min(a, b), Math.max(a, b)]
      t.deepEqual(parseRangeHeader(`bytes=${first}-${last}`), { start: first, end: last + 1 })
      t.deepEqual(parseRangeHeader(`Bytes = ${first}-`), { start: first })
      t.deepEqual(parseRangeHeader(`bytes=-${last + 1}`), { last: last + 1 })
    }),
  )
  fc.assert(
    fc.property(fc.string(), (text) => {
      let range: ReturnType<typeof parseRangeHeader>
      try {
        range = parseRangeHeader(`bytes=${text}`)
      } catch (error) {
        t.true(error instanceof DstoreError)
        return
      }
      const listed = text.split(',').filter((element) => element.trim() !== '')
      for (const element of listed) t.regex(element.trim(), /^\d*-\d*$/)
      t.is(range === undefined, listed.length > 1)
    }),
  )
  t.is(parseRangeHeader(undefined), undefined)
  t.deepEqual(parseRangeHeader('bytes=-0'), { last: 0 })
})

/** Lets what is on its way in this process arrive. */
async function turns(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('R007-107 a client passes on every line that arrived before the connection broke', async (t) => {
  const names = Array.from({ length: 500 }, (_, i) => `name/${i}`)
  const [first, ...rest] = names.map((name) => `${JSON.stringify({ name, key: 'k' })}\n`)
  const path = join(temporaryDirectory(t), 'socket')
  let sendRest: (() => Promise<void>) | undefined
  const server = createHttpServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).write(first)
    sendRest = async () => {
      const text = `${rest.join('')}{"name":"ha`
      await new Promise((resolve) => response.write(text, resolve))
      response.destroy()
    }
  })
  server.listen(path)
  t.teardown(() => server.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  const found: string[] = []
  const error = await t.throwsAsync(async () => {
    for await (const { name } of client.names()) {
      if (found.push(name) > 1) continue
      await sendRest!()
      // The rest waits in this process, and then the connection breaks.
      await turns()
    }
  })
  t.deepEqual(found, names)
  t.is((error as DstoreError).code, 'unreachable')
})
