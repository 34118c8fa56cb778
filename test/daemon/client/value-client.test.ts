import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { ValueClient } from '../../../src/daemon/client/value-client.ts'
import { problemLine } from '../../../src/daemon/api/problem.ts'
import { DstoreError } from '../../../src/errors.ts'
import { temporaryDirectory } from '../serving.ts'

const KEY = 'bafkr4ibn64i2xg7bylx4whkbtaiq5hr3ccmwqekqzm26zrwcfebg4saks4'
const HEAD = `HTTP/1.1 200 OK\r\nDstore-Key: ${KEY}\r\nDstore-Size: 6\r\n`
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`

/** A daemon that gives each connection the next of these answers, and then ends it. */
async function answering(
  t: ExecutionContext,
  answers: readonly ((socket: Socket, request: string) => void)[],
): Promise<{ socket: string; requests: string[] }> {
  const socket = join(temporaryDirectory(t), 'socket')
  const requests: string[] = []
  const server = createServer((connection) => {
    connection.on('error', () => undefined)
    connection.once('data', (data) => {
      requests.push(data.toString())
      answers[Math.min(requests.length, answers.length) - 1]!(connection, data.toString())
    })
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { socket, requests }
}

const says =
  (text: string) =>
  (socket: Socket): void =>
    void socket.end(text)

/** The bytes that a get gives, and how it ends. */
async function got(socket: string, range?: { start: number; end?: number }) {
  const client = (await ValueClient.connect(socket, { timeoutMs: 2000 }))!
  let bytes = ''
  try {
    for await (const part of (await client.get(KEY, range)).bytes) {
      bytes += Buffer.from(part).toString()
    }
    return { bytes, code: undefined, message: '' }
  } catch (error) {
    const { code, message } = error as DstoreError
    return { bytes, code, message }
  }
}

test('R007-180 a body by length and one in chunks, behind 102', async (t) => {
  for (const text of [
    `HTTP/1.1 102 Processing\r\n\r\n${HEAD}Content-Length: 6\r\n\r\nabcdef`,
    `${CHUNKED}2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n`,
  ]) {
    const { socket, requests } = await answering(t, [says(text)])
    t.deepEqual(await got(socket), { bytes: 'abcdef', code: undefined, message: '' })
    t.regex(
      requests[0]!,
      /^GET \/v1\/values\/baf\w+\?timeout=2000 HTTP\/1\.1\r\nHost: localhost\r\n/,
    )
    t.regex(requests[0]!, /\r\nTE: trailers\r\n/)
  }
})

for (const [what, text, bytes, code] of [
  ['breaks off in its chunks', `${CHUNKED}2\r\nab\r\n`, 'ab', 'unreachable'],
  ['breaks off in its length', `${HEAD}Content-Length: 6\r\n\r\nabc`, 'abc', 'unreachable'],
  ['is shorter than the value', `${CHUNKED}2\r\nab\r\n0\r\n\r\n`, 'ab', 'protocol'],
  ['is longer than the value', `${CHUNKED}7\r\nabcdefg\r\n0\r\n\r\n`, '', 'protocol'],
  ['is not HTTP', 'hello\r\n', '', 'protocol'],
] as const) {
  test(`R007-180 a response that ${what} is an error, after what came`, async (t) => {
    const { socket } = await answering(t, [says(text)])
    const end = await got(socket)
    t.deepEqual([end.bytes, end.code], [bytes, code])
  })
}

test('R007-107 the problem in the trailer comes after the bytes before it', async (t) => {
  const problem = problemLine(new DstoreError('integrity', 'it is damaged — really'))
  const text = `${CHUNKED}3\r\nabc\r\n0\r\nDstore-Problem: ${problem}\r\n\r\n`
  const { socket } = await answering(t, [says(text)])
  const end = { bytes: 'abc', code: 'integrity', message: 'it is damaged — really' }
  t.deepEqual(await got(socket), end as never)
})

test('R007-116 a get that is lost before its answer is repeated once, and only once', async (t) => {
  const cut = (socket: Socket): unknown => socket.destroy()
  const good = says(`${HEAD}Content-Length: 6\r\n\r\nabcdef`)
  const repeated = await answering(t, [cut, good])
  t.is((await got(repeated.socket)).bytes, 'abcdef')
  const twice = await answering(t, [cut, cut, good])
  t.is((await got(twice.socket)).code, 'unreachable')
  t.is(twice.requests.length, 2)
  // What came already is not asked for twice.
  const late = await answering(t, [says(`${HEAD}Content-Length: 6\r\n\r\nabc`), good])
  t.is((await got(late.socket)).code, 'unreachable')
})

test('R007-16 a range is asked for and checked; of an empty value there is none', async (t) => {
  const part = HEAD.replace('200 OK', '206 Partial Content')
  const text = `${part}Content-Range: bytes 1-3/6\r\nContent-Length: 3\r\n\r\nbcd`
  const { socket, requests } = await answering(t, [says(text)])
  t.is((await got(socket, { start: 1, end: 4 })).bytes, 'bcd')
  t.regex(requests[0]!, /\r\nRange: bytes=1-3\r\n/)
  const empty = await answering(t, [
    says(HEAD.replace('Size: 6', 'Size: 0') + 'Content-Length: 0\r\n\r\n'),
  ])
  t.is((await got(empty.socket, { start: 0 })).code, 'range')
})

test('R007-180 a get that waits for a daemon ends by its signal, and without a daemon there is no client', async (t) => {
  const { socket } = await answering(t, [() => undefined])
  const aborter = new AbortController()
  const client = (await ValueClient.connect(socket, { signal: aborter.signal }))!
  const waiting = client.get(KEY)
  setTimeout(() => aborter.abort(), 20)
  await t.throwsAsync(waiting, { code: 'cancelled' } as never)
  t.is(await ValueClient.connect(`${socket}-none`), undefined)
})

const FILE = { path: '/tmp/x', name: 'x', device: 1n, inode: 2n }

for (const code of ['unwritable', 'not-permitted', 'usage'] as const) {
  test(`R007-183 a daemon that refuses to write a file with ${code} is asked for the bytes`, async (t) => {
    const body = problemLine(new DstoreError(code, 'no'))
    const refused = `HTTP/1.1 422 No\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const { socket, requests } = await answering(t, [says(refused)])
    const client = (await ValueClient.connect(socket))!
    t.is(await client.copy(KEY, FILE, { last: 5 }, () => undefined), undefined)
    t.regex(requests[0]!, /^POST \/v1\/values\/baf\w+\/copy HTTP/)
    const sent = { path: '/tmp/x', name: 'x', device: '1', inode: '2', range: 'bytes=-5' }
    t.deepEqual(JSON.parse(requests[0]!.split('\r\n\r\n')[1]!), sent)
  })
}

test('R007-183 a copy that failed, or broke off, is not asked for again', async (t) => {
  const lines = (text: string): string =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n`
  const progress = '{"event":"progress","phase":"fetch","doneBytes":3,"totalBytes":6}\n'
  const problem = problemLine(new DstoreError('no-space', 'the disk is full'))
  const failed = `{"event":"failed","problem":${problem}}\n`
  for (const [text, code] of [
    [`${lines(progress + failed)}0\r\n\r\n`, 'no-space'],
    [lines(progress), 'unreachable'],
    [`${lines(progress)}0\r\n\r\n`, 'unreachable'],
    ['', 'unreachable'],
  ] as const) {
    const { socket, requests } = await answering(t, [says(text)])
    const client = (await ValueClient.connect(socket))!
    const done: number[] = []
    const copying = client.copy(KEY, FILE, undefined, ({ doneBytes }) => done.push(doneBytes))
    await t.throwsAsync(copying, { code } as never)
    t.deepEqual(done, text === '' ? [] : [3])
    t.is(requests.length, 1)
  }
})
