/** More calls at a time than a client has connections for. */
import { test } from '../../serial.ts'
import { once } from 'node:events'
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Client } from '../../../src/daemon/client/client.ts'
import { Slots } from '../../../src/daemon/client/slots.ts'
import { EAGER_BODY_BYTES } from '../../../src/daemon/client/value-body.ts'
import { connect } from '../../../src/dstore.ts'
import { once as bytesOnce } from '../../../src/bytes.ts'
import { CLIENT_CALLS, CLIENT_STREAMS } from '../../../src/limits.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { sameBytes } from '../../same-bytes.ts'
import { serving, temporaryDirectory, type Serving } from '../serving.ts'

const LARGE = EAGER_BODY_BYTES + 1

const never = new AbortController().signal

async function connected(t: ExecutionContext): Promise<Serving & { client: Client }> {
  const served = await serving(t)
  const client = (await Client.connect(served.daemon.socket))!
  t.teardown(() => client.close())
  return { ...served, client }
}

const store = async (client: Client, bytes: Uint8Array): Promise<string> =>
  (await client.putBytes(bytesOnce(bytes), bytes.byteLength)).key

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts)
}

test('R007-115 a thousand calls at once all succeed', async (t) => {
  const { daemon } = await serving(t)
  const node = await connect({ socket: daemon.socket })
  t.teardown(() => node.close())
  const numbers = Array.from({ length: 1000 }, (_, n) => n)
  await Promise.all(numbers.map((n) => node.put(`value ${n}`, { name: `name/${n}` })))
  const found = await Promise.all(numbers.map((n) => node.get(`name/${n}`)))
  const facts = await Promise.all(numbers.map((n) => node.stat(`name/${n}`)))
  t.true(facts.every((fact) => fact !== undefined))
  for (const [n, value] of found.entries()) t.is(await value.text(), `value ${n}`)
})

test('R007-115 no more calls reach the daemon at a time than the client may have', async (t) => {
  const { client, node } = await connected(t)
  const key = await store(client, pattern(10))
  let release!: () => void
  node.gate = new Promise((resolve) => (release = resolve))
  const before = node.signals.length
  const gets = Array.from({ length: 3 * CLIENT_CALLS }, () => client.get(key))
  await eventually(() => Promise.resolve(node.signals.length - before >= CLIENT_CALLS))
  await sleep(50)
  t.is(node.signals.length - before, CLIENT_CALLS)
  const puts = Array.from({ length: 2 * CLIENT_STREAMS }, (_, n) => store(client, pattern(n + 1)))
  await eventually(() =>
    Promise.resolve(node.signals.length - before >= CLIENT_CALLS + CLIENT_STREAMS),
  )
  await sleep(50)
  t.is(node.signals.length - before, CLIENT_CALLS + CLIENT_STREAMS)
  release()
  await Promise.all([...gets, ...puts])
})

for (const size of [LARGE, EAGER_BODY_BYTES]) {
  test(`R007-115 values of ${size} bytes that nothing reads hold up no other call`, async (t) => {
    const { client } = await connected(t)
    const key = await store(client, pattern(size))
    const unread = await Promise.all(
      Array.from({ length: 3 * CLIENT_STREAMS }, () => client.get(key)),
    )
    t.is((await client.facts(key)).size, size)
    t.is(await store(client, pattern(7)), await store(client, pattern(7)))
    const keys: string[] = []
    for await (const line of client.keys()) keys.push(line.key)
    t.is(keys.length, 2)
    // Read in the end, from the first to the last, at once, and one not at all.
    const wholes = await Promise.all(unread.slice(1).map(({ bytes }) => collect(bytes)))
    for (const whole of wholes) sameBytes(t, whole, pattern(size))
    for await (const _ of unread[0]!.bytes) break
  })
}

test('R007-115 a range that is read late is the range that was asked for, or removed', async (t) => {
  const { client } = await connected(t)
  const key = await store(client, pattern(10 * LARGE))
  const ranges = [{ start: 5, end: 5 + LARGE }, { last: LARGE }, { start: LARGE }]
  const late = await Promise.all(ranges.map((range) => client.get(key, range)))
  const others = await Promise.all(Array.from({ length: CLIENT_STREAMS }, () => client.get(key)))
  sameBytes(t, await collect(late[0]!.bytes), pattern(10 * LARGE).subarray(5, 5 + LARGE))
  sameBytes(t, await collect(late[1]!.bytes), pattern(10 * LARGE).subarray(9 * LARGE))
  await client.remove(key)
  await t.throwsAsync(collect(late[2]!.bytes), { code: 'removed' })
  t.is(others.length, CLIENT_STREAMS)
})

test('R007-115 values that are being read hold up no short call, and too many are busy', async (t) => {
  const { client, daemon } = await connected(t)
  const impatient = client.with({ timeoutMs: 1 })
  const key = await store(client, pattern(20 * LARGE))
  const readers = await Promise.all(
    Array.from({ length: CLIENT_STREAMS }, async () => {
      const reader = (await client.get(key)).bytes[Symbol.asyncIterator]()
      await reader.next()
      return reader
    }),
  )
  t.is((await client.facts(key)).size, 20 * LARGE)
  t.is((await client.status()).role, 'standalone')
  await t.throwsAsync(client.keys().next(), { code: 'busy', message: /^128 / })
  const [read, put] = [collect((await impatient.get(key)).bytes), store(impatient, pattern(3))]
  await t.throwsAsync(read, { code: 'busy' })
  await t.throwsAsync(put, { code: 'busy' })
  // Another waits, and gets the place of one that ends.
  const waiting = client.get(key).then(({ bytes }) => collect(bytes))
  await readers[0]!.return?.()
  sameBytes(t, await waiting, pattern(20 * LARGE))
  for (const reader of readers) await reader.return?.()
  t.truthy(daemon)
})

test('R007-115 a call that waits for its turn can be cancelled, and does not time out', async (t) => {
  const { client, node } = await connected(t)
  const key = await store(client, pattern(10))
  let release!: () => void
  node.gate = new Promise((resolve) => (release = resolve))
  const gets = Array.from({ length: CLIENT_CALLS }, () => client.get(key))
  const aborter = new AbortController()
  const cancelled = Array.from({ length: 5 }, () =>
    client.with({ signal: aborter.signal }).facts(key),
  )
  const patient = client.with({ timeoutMs: 20_000 }).facts(key)
  await sleep(50)
  aborter.abort()
  for (const call of cancelled) await t.throwsAsync(call, { code: 'cancelled' })
  release()
  t.is((await patient).size, 10)
  await Promise.all(gets)
  const dead = client.with({ signal: aborter.signal })
  await t.throwsAsync(dead.facts(key), { code: 'cancelled' })
})

test('R007-115 slots are passed on in order, and none is lost', async (t) => {
  const slots = new Slots(2, 'calls')
  const [first, second] = [slots.tryTake()!, await slots.take(1000, never)]
  t.is(slots.tryTake(), undefined)
  const order: string[] = []
  const aborter = new AbortController()
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    const slot = await slots.take(60_000, name === 'b' ? aborter.signal : never)
    order.push(name)
    return slot
  })
  aborter.abort()
  await t.throwsAsync(waiting[1]!, { code: 'cancelled' })
  first.free()
  first.free()
  t.is(slots.tryTake(), undefined)
  const a = await waiting[0]!
  second.free()
  const c = await waiting[2]!
  t.deepEqual(order, ['a', 'c'])
  // Beyond the bound: what is freed is not passed on before it is within the bound again.
  const beyond = slots.force()
  const late = slots.take(60_000, never)
  a.free()
  t.is(await Promise.race([late, sleep(20)]), undefined)
  c.free()
  const last = await late
  for (const slot of [beyond, last]) slot.free()
  t.truthy(slots.tryTake())
  t.truthy(slots.tryTake())
  t.is(slots.tryTake(), undefined)
})

test('R007-115 a slot that is offered is taken when it is needed, the longest offered first', async (t) => {
  const slots = new Slots(2, 'values')
  const taken: string[] = []
  const [first, second] = [slots.tryTake()!, slots.tryTake()!]
  first.offer(() => taken.push('first'))
  second.offer(() => taken.push('second'))
  t.true(second.reclaim())
  const third = slots.tryTake()
  t.truthy(third)
  t.deepEqual(taken, ['first'])
  t.false(first.reclaim())
  t.is(slots.tryTake(), undefined)
  const waiting = slots.take(60_000, never)
  second.offer(() => taken.push('second'))
  t.truthy(await waiting)
  t.deepEqual(taken, ['first', 'second'])
  await t.throwsAsync(slots.take(30, never), { code: 'busy' })
})

test('R007-115 a call that waits is busy only when no other ends', async (t) => {
  const slots = new Slots(1, 'calls')
  let slot = slots.tryTake()!
  const late = slots.take(200, never)
  for (let turn = 0; turn < 5; turn++) {
    await sleep(100)
    const next = slots.force()
    slot.free()
    slot = next
  }
  slot.free()
  t.truthy(await late)
})

/** How a daemon shows that it still works on a call. */
const SIGNS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '102 before the head': (response) => response.writeProcessing(),
  'a first progress event': (response) => {
    response.writeHead(200)
    response.write('{"event":"progress","phase":"hash","doneBytes":1,"totalBytes":2}\n')
  },
}

/** A daemon whose prefetches show one of these signs, and end with `finish`. */
async function working(
  t: ExecutionContext,
  show: (response: ServerResponse) => void,
): Promise<{ client: Client; finish: () => void }> {
  const path = join(temporaryDirectory(t), 'socket')
  const responses: ServerResponse[] = []
  let isOver = false
  const finish = (): void => {
    isOver = true
    for (const response of responses) response.end('{"event":"done","result":{"key":"k"}}\n')
  }
  const http = createHttpServer((request, response) => {
    if (request.method === 'GET') return void response.end('{"role":"standalone"}')
    show(response)
    responses.push(response)
    if (isOver) finish()
  })
  http.listen(path)
  await once(http, 'listening')
  t.teardown(() => http.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  return { client, finish }
}

for (const [sign, show] of Object.entries(SIGNS)) {
  test(`R007-115 calls that have shown ${sign} hold up no short call`, async (t) => {
    const { client, finish } = await working(t, show)
    const long = Array.from({ length: CLIENT_STREAMS }, () => client.prefetch('k'))
    // Those beyond the bound of calls in progress need the places of those that were shown first.
    t.is((await client.with({ timeoutMs: 1 }).status()).role, 'standalone')
    finish()
    for (const { key } of await Promise.all(long)) t.is(key, 'k')
  })
}

/** A server that cuts the first `cuts` connections when a request has arrived, then answers. */
async function cutting(
  t: ExecutionContext,
  cuts: number,
): Promise<{ client: Client; requests: string[] }> {
  const path = join(temporaryDirectory(t), 'socket')
  const requests: string[] = []
  const http = createHttpServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (requests.length <= cuts) request.socket.destroy()
    else response.end('{"role":"standalone"}')
  })
  http.listen(path)
  await once(http, 'listening')
  t.teardown(() => http.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  return { client, requests }
}

test('R007-116 a call that can be repeated is, once, if its connection is lost before an answer', async (t) => {
  const lucky = await cutting(t, 1)
  t.is((await lucky.client.status()).role, 'standalone')
  t.deepEqual(lucky.requests, ['GET /v1/status', 'GET /v1/status'])
  const unlucky = await cutting(t, 2)
  await t.throwsAsync(unlucky.client.status(), { code: 'unreachable' })
  t.is(unlucky.requests.length, 2)
  const bind = await cutting(t, 1)
  await bind.client.bind('a', 'k')
  t.deepEqual(bind.requests, ['PUT /v1/names/a', 'PUT /v1/names/a'])
})

test('R007-116 a call that changes something is sent once', async (t) => {
  for (const call of [
    (client: Client) => client.remove('k'),
    (client: Client) => client.unbind('n'),
    (client: Client) => client.invite(),
    (client: Client) => client.expel('p'),
    (client: Client) => client.evict('k'),
    (client: Client) => client.putBytes(bytesOnce(pattern(3))),
  ]) {
    const { client, requests } = await cutting(t, 1)
    await t.throwsAsync(call(client), { code: 'unreachable' }, call.toString())
    t.is(requests.length, 1, call.toString())
  }
})

test('R007-116 a call that changes something uses no connection that may be closed just then', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const sockets: Socket[] = []
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
  const server = createServer((socket) => {
    const at = sockets.push(socket) - 1
    socket.on('error', () => undefined)
    // A connection that was used once is closed as soon as it is used again.
    let uses = 0
    socket.on('data', () => (uses++ === 0 ? socket.write(answer) : socket.destroy()))
    t.teardown(() => sockets[at]!.destroy())
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  await client.status()
  await client.remove('k')
  await client.status()
  await client.remove('k')
  t.is(sockets.length, 4)
})
