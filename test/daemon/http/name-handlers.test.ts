import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '../../../src/daemon/client/client.ts'
import { putFile } from '../../../src/daemon/client/put-file.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import { createApiServer } from '../../../src/daemon/http/server.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import {
  BATCH_ITEMS,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
  NAME_BYTES,
} from '../../../src/limits.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { SILENT } from '../../../src/log.ts'
import type { ChangeEvent } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { FakeNode } from '../fake-node.ts'
import { fileRequest } from '../file-request.ts'
import { ask, contextOf, serving, temporaryDirectory } from '../serving.ts'

const VALUE = new TextEncoder().encode('hello, world\n')
const KEY = new Key(hash(VALUE).digest)
const TEXT = KEY.toString()
const OTHER = new Key(hash(new Uint8Array(1)).digest).toString()

interface Scene {
  readonly client: Client
  readonly node: FakeNode
  readonly socket: string
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const { daemon, node } = await serving(t)
  node.values.set(TEXT, VALUE)
  node.values.set(OTHER, new Uint8Array(1))
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  return { client, node, socket: daemon.socket }
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield bytes
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Names that a path, a query or a header could take for something else. */
const ODD = ['models/v1', '..', 'a b', '%2F', 'a?b&c=d#e', 'é–漢😀', '+', '{name}', 'x'.repeat(512)]

test('R007-32 a name of any characters is bound, found, listed and unbound', async (t) => {
  const { client, node } = await scene(t)
  for (const name of ODD) {
    const size = VALUE.byteLength
    const bound = { name, key: TEXT, size, incarnation: 2, heldBytes: size, confirmed: true }
    t.deepEqual(await client.bind(name, TEXT), bound)
    t.deepEqual(await client.bind(name, TEXT), bound, 'again is success')
    t.deepEqual(await client.lookup(name), bound)
  }
  t.deepEqual(
    await all(client.names()),
    ODD.map((name) => ({ name, key: TEXT, kind: 'fixed' })),
  )
  for (const name of ODD) {
    t.deepEqual(await all(client.names(name)), [{ name, key: TEXT, kind: 'fixed' }])
    t.like(await client.unbind(name, true), { name, seq: 8, names: [name], acknowledged: ['a'] })
    t.false(node.bound.has(name))
  }
  t.true(node.values.has(TEXT))
  await client.bind('last', TEXT)
  t.like(await client.unbind('last'), { key: TEXT, freedBytes: VALUE.byteLength })
  t.false(node.values.has(TEXT))
})

test('R007-32 an impossible binding is refused with its code', async (t) => {
  const { client } = await scene(t)
  await client.bind('taken', TEXT)
  await t.throwsAsync(client.bind('taken', OTHER), { code: 'conflict' })
  await t.throwsAsync(client.bind('new', '0'.repeat(64)), { code: 'not-found' })
  await t.throwsAsync(client.bind('new', 'nonsense'), { code: 'malformed-key' })
  await t.throwsAsync(client.lookup('unknown'), { code: 'not-found', message: /unknown/ })
  await t.throwsAsync(client.unbind('unknown'), { code: 'not-found' })
  for (const name of ['', TEXT, 'a\nb', 'é'.repeat(NAME_BYTES / 2 + 1), '\ud800']) {
    await t.throwsAsync(client.bind(name, TEXT), { code: 'usage' }, JSON.stringify(name))
  }
})

test('R007-32 a put takes its name with it, from bytes and from a file', async (t) => {
  const { client, node, socket } = await scene(t)
  await client.putBytes(oneOf(VALUE), undefined, { name: 'by bytes' })
  const { key } = await putFile(client, fileURLToPath(import.meta.url), { name: 'by/file' })
  t.is(node.bound.get('by bytes')?.toString(), TEXT)
  t.is(node.bound.get('by/file')?.toString(), key)
  await t.throwsAsync(client.putBytes(oneOf(new Uint8Array(2)), 2, { name: 'by bytes' }), {
    code: 'conflict',
  })
  const body = fileRequest('/', { name: 7 })
  t.is((await ask(socket, 'POST', '/v1/files', { body })).status, 400)
})

test('R007-33 many small values and many questions go in few requests', async (t) => {
  const { client, node } = await scene(t)
  const small = Array.from({ length: 1500 }, (_, i) => Uint8Array.from([i % 256, i >> 8]))
  const large = Array.from({ length: 70 }, (_, i) => new Uint8Array(INLINE_VALUE_BYTES).fill(i))
  const values = [new Uint8Array(0), ...small, ...large]
  let calls = 0
  const putMany = node.putMany.bind(node)
  node.putMany = (...args) => (calls++, putMany(...args))
  const stored = await client.putMany(values)
  t.true(calls <= 4, `${calls} requests`)
  t.deepEqual(
    stored.map(({ key, size }) => ({ key, size })),
    values.map((value) => ({
      key: new Key(hash(value).digest).toString(),
      size: value.byteLength,
    })),
  )
  const unknown = '0'.repeat(64)
  const keys = [unknown, ...stored.map(({ key }) => key), unknown]
  const facts = await client.factsMany(keys)
  t.deepEqual(
    facts.map((one) => one?.key),
    [undefined, ...keys.slice(1, -1), undefined],
  )
  t.deepEqual(await client.putMany([]), [])
  t.deepEqual(await client.factsMany([]), [])
})

test('R007-36 a name stands for its key wherever a value is read', async (t) => {
  const { client, socket } = await scene(t)
  const { key } = await client.putBytes(oneOf(Buffer.from('of a name')), 9, { name: 'models/v1 é' })
  const { key: found, size, bytes } = await client.get('models/v1 é')
  t.deepEqual([found, size], [key, 9])
  t.is(Buffer.concat(await all(bytes)).toString(), 'of a name')
  t.is((await client.facts('models/v1 é')).key, key)
  const facts = await client.factsMany(['models/v1 é', 'nobody', key])
  t.deepEqual(
    facts.map((one) => one?.key),
    [key, undefined, key],
  )
  await client.prefetch('models/v1 é')
  t.is((await client.evict('models/v1 é')).key, key)
  const head = await ask(socket, 'HEAD', `/v1/values/${encodeURIComponent('models/v1 é')}`)
  t.is(head.headers['dstore-key'], key)
  t.is(head.headers.etag, `"${key}"`)
  await t.throwsAsync(client.get('nobody'), { code: 'not-found' })
  await t.throwsAsync(client.remove('models/v1 é'), { code: 'malformed-key' })
})

test('R007-14 a reader that leaves ends the read, also before the first byte', async (t) => {
  const { client, node } = await scene(t)
  const { key } = await client.putBytes(oneOf(new Uint8Array(3_000_000)))
  const { bytes } = await client.get(key)
  await bytes[Symbol.asyncIterator]().return!()
  await eventually(() => node.readsLeft > 0)
  t.is(node.readsLeft, 1)
})

test('R007-33 a batch that does not match its sizes is refused whole', async (t) => {
  const { node, socket } = await scene(t)
  const before = node.values.size
  const many = Array.from({ length: BATCH_ITEMS + 1 }, () => '1').join(',')
  const wide = Array.from({ length: HTTP_BATCH_BYTES / 16_384 + 1 }, () => '16384').join(',')
  const cases: [status: number, sizes: string | undefined, body: string][] = [
    [400, undefined, 'ab'],
    [400, '', 'ab'],
    [400, '1;1', 'ab'],
    [400, '-1,3', 'ab'],
    [400, '1,2', 'ab'],
    [400, '1', 'ab'],
    [413, String(INLINE_VALUE_BYTES + 1), 'ab'],
    [413, many, 'ab'],
    [413, wide, 'ab'],
    [413, '999999999', 'ab'],
  ]
  for (const [status, sizes, body] of cases) {
    const headers: Record<string, string> = sizes === undefined ? {} : { 'Dstore-Sizes': sizes }
    const answer = await ask(socket, 'POST', '/v1/batch', { headers, body })
    t.is(answer.status, status, `${sizes?.slice(0, 20)}: ${answer.body.toString()}`)
  }
  t.is(node.values.size, before)
  for (const body of ['{}', '{"keys":"x"}', '{"keys":[1]}', '{"keys":["no\\nname"]}']) {
    t.is((await ask(socket, 'POST', '/v1/facts', { body })).status, 400)
  }
})

const change = (seq: number, type: ChangeEvent['type'], key?: Key): ChangeEvent => {
  return { position: `p-${seq}`, seq, type, key, names: [], size: key && 13 }
}

test('R007-34 changes come as they happen, and again from a position on', async (t) => {
  const { client, node } = await scene(t)
  const seen: unknown[] = []
  const watching = (async () => {
    for await (const line of client.watch()) {
      seen.push(line)
      if (line.seq === 3) return
    }
  })()
  node.changes.push(change(1, 'run-started'), change(2, 'put', KEY))
  await eventually(() => seen.length >= 2)
  node.changes.push(change(3, 'remove', KEY))
  await watching
  t.deepEqual(seen, [
    { position: 'p-1', seq: 1, type: 'run-started', names: [] },
    { position: 'p-2', seq: 2, type: 'put', key: TEXT, names: [], size: 13 },
    { position: 'p-3', seq: 3, type: 'remove', key: TEXT, names: [], size: 13 },
  ])
  for await (const { seq } of client.watch('p-1')) {
    t.is(seq, 2)
    break
  }
  await eventually(() => node.signals.every((signal) => signal.aborted))
})

test('R007-34 the events are those of the standard: ids, data, and Last-Event-ID', async (t) => {
  const { node, socket } = await scene(t)
  node.changes.push(change(1, 'put', KEY), change(2, 'remove', KEY))
  const connection = connect(socket)
  connection.write('GET /v1/changes HTTP/1.1\r\nHost: dstore\r\nLast-Event-ID: p-1\r\n\r\n')
  let text = ''
  while (!text.includes('"seq":2')) text += String((await once(connection, 'data'))[0])
  t.regex(text, /^HTTP\/1.1 200 OK\r\n(.+\r\n)*Content-Type: text\/event-stream\r\n/)
  t.regex(text, /id: p-1\n\n[^]*id: p-2\ndata: \{"position":"p-2",[^\n]*\}\n\n/)
  t.false(text.includes('"seq":1'))
  // R007-35: silence is filled, so that a client can tell it from the end.
  while (!text.includes('\n:\n\n')) text += String((await once(connection, 'data'))[0])
  connection.destroy()
})

test('R007-34 a watch reports the error that ends it, before the first change and after', async (t) => {
  const { client, node, socket } = await scene(t)
  node.fault = new DstoreError('usage', 'not a position')
  t.is((await ask(socket, 'GET', '/v1/changes?after=x')).status, 400)
  await t.throwsAsync(all(client.watch('x')), { code: 'usage' })
  node.fault = undefined
  const calls = node.signals.length
  const watching = all(client.watch())
  await eventually(() => node.signals.length > calls)
  node.fault = new DstoreError('unreachable', 'Global is away')
  await t.throwsAsync(watching, { code: 'unreachable', message: 'Global is away' })
})

test('R007-34 a watch does not keep a daemon from stopping', async (t) => {
  const node = new FakeNode()
  const socket = join(temporaryDirectory(t), 'socket')
  const api = createApiServer(contextOf(node, socket), SOCKET_ACCESS, SILENT)
  t.teardown(() => api.close(0))
  await once(api.server.listen(socket), 'listening')
  const client = (await Client.connect(socket))!
  t.teardown(() => client.close())
  const watching = all(client.watch())
  await eventually(() => node.signals.length > 0)
  const [, error] = await Promise.all([
    // A grace period longer than any test may take.
    api.close(3_600_000),
    t.throwsAsync(watching, { instanceOf: DstoreError }),
  ])
  t.is(error.code, 'unreachable' satisfies ErrorCode)
})
