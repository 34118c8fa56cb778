/** Small values over connections that stay open: what is out of the ordinary is left to others. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { SmallValues } from '../../../src/daemon/client/small-values.ts'
import { DstoreError } from '../../../src/errors.ts'
import { test } from '../../serial.ts'
import { serving, temporaryDirectory } from '../serving.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'

const KEY = new Key(hash(new Uint8Array(5)).digest).toString()

const found = (key: string, length = 5): string =>
  `HTTP/1.1 200 OK\r\nDstore-Key: ${key}\r\nDstore-Size: 5\r\nContent-Length: ${length}\r\n\r\n`

/** A server that answers each request with the next of these texts; the last closes. */
async function answering(
  t: ExecutionContext,
  texts: readonly (string | undefined)[],
): Promise<{ readonly small: SmallValues; readonly sockets: Set<Socket> }> {
  const path = join(temporaryDirectory(t), 'socket')
  const sockets = new Set<Socket>()
  const left = [...texts]
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const text = left.shift()
      if (text === undefined) socket.destroy()
      else socket.write(text)
    })
  }).listen(path)
  await once(server, 'listening')
  const small = new SmallValues(path, {})
  t.teardown(() => {
    small.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { small, sockets }
}

test('R007-201 small values come one after the other over one connection, and each call is told', async (t) => {
  const { node, directory } = await serving(t)
  const told: string[] = []
  const small = new SmallValues(directory.socket, { onAnswer: (call) => told.push(call) })
  t.teardown(() => small.close())
  for (const size of [0, 1, 20_000, 65_536]) {
    const value = new Uint8Array(size).fill(7)
    const key = new Key(hash(value).digest).toString()
    node.values.set(key, value)
    t.deepEqual(Buffer.from((await small.get(key, size))!), Buffer.from(value))
    t.is(told.at(-1), `GET /v1/values/${key} 200`)
  }
  await t.throwsAsync(small.get(KEY, 5), { instanceOf: DstoreError, code: 'not-found' })
})

test('R007-116 what is no whole response of this value is left to the full client', async (t) => {
  const other = new Key(hash(new Uint8Array(6)).digest).toString()
  for (const [what, text] of [
    ['no response', undefined],
    ['another key', `${found(other)}12345`],
    ['another size', `${found(KEY, 4)}1234`],
    ['no HTTP', 'hello\r\n\r\n'],
    ['more than was asked for', `${found(KEY)}123456`],
    ['too much', found(KEY, 1e9) + 'x'.repeat(200_000)],
    ['not JSON', 'HTTP/1.1 500 Bad\r\nContent-Length: 2\r\n\r\nno'],
  ] as const) {
    const { small } = await answering(t, [text])
    t.is(await small.get(KEY, 5), undefined, what)
  }
})

test('R007-116 a connection that the daemon has closed is not used again', async (t) => {
  const answer = `HTTP/1.1 102 Processing\r\n\r\n${found(KEY)}12345`
  const { small, sockets } = await answering(t, [answer, answer, answer])
  t.is(Buffer.from((await small.get(KEY, 5))!).toString(), '12345')
  t.is(Buffer.from((await small.get(KEY, 5))!).toString(), '12345')
  t.is(sockets.size, 1)
  const [socket] = sockets
  socket!.destroy()
  await once(socket!, 'close')
  await new Promise((resolve) => setImmediate(resolve))
  // At the latest the call after the one that finds out has a connection of its own.
  const again = (await small.get(KEY, 5)) ?? (await small.get(KEY, 5))
  t.is(Buffer.from(again!).toString(), '12345')
  t.is(sockets.size, 2)
})

test('R007-28 cancellation ends the calls in progress and closes their connections', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const closed: Promise<unknown>[] = []
  const server = createServer((socket) => closed.push(once(socket, 'close'))).listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const aborter = new AbortController()
  const small = new SmallValues(path, { signal: aborter.signal })
  const call = small.get(KEY, 5)
  const [connected] = (await once(server, 'connection')) as [Socket]
  await once(connected, 'data')
  aborter.abort()
  t.is(await call, undefined)
  await Promise.all(closed)
})

test('R007-202 a connection that opens after the end is closed, and its call ends', async (t) => {
  // The server would answer only a part, and then nothing.
  const { small } = await answering(t, ['HTTP/1.1 200 OK\r\n'])
  const pending = small.get(KEY, 5)
  small.close()
  t.is(await pending, undefined)
})
