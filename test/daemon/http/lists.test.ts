/** Lists of keys and names: their forms, slow readers, and readers that leave. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Client } from '../../../src/daemon/client/client.ts'
import { nameDocuments, nameText } from '../../../src/daemon/http/lists/list-lines.ts'
import { packNames } from '../../../src/index/lists/name-page.ts'
import type { NamedKey } from '../../../src/index/message.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { packKeys } from '../../../src/index/records/list-pages.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import type { KeyPage } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import type { FakeNode } from '../fake-node.ts'
import { ask, serving, temporaryDirectory } from '../serving.ts'

const VALUE = new TextEncoder().encode('hello, world\n')
const KEY = new Key(hash(VALUE).digest)
const TEXT = KEY.toString()

/** Names that JSON or a line could take for something else. */
const ODD = ['a"b', '\\', '"\\"', 'a\\n', 'é–漢😀', '\u2028', '{}', '%0A', ' ', 'x'.repeat(512)]

test('R007-195: lists are text for a client that asks for text, else the documents', async (t) => {
  const { daemon, node } = await serving(t)
  node.values.set(TEXT, VALUE)
  for (const name of ODD) node.bound.set(name, KEY)
  const documents = {
    keys: `${JSON.stringify({ key: TEXT, size: VALUE.byteLength })}\n`,
    names: ODD.map((name) => `${JSON.stringify({ name, key: TEXT, kind: 'fixed' })}\n`).join(''),
  }
  const text = { keys: `${TEXT}\n`, names: ODD.map((name) => `${name}\n`).join('') }
  for (const [accept, isText] of [
    [undefined, false],
    ['*/*', false],
    ['text/*', false],
    ['text/html, */*;q=0.8', false],
    ['application/x-ndjson', false],
    ['text/plain, application/x-ndjson', false],
    ['text/plain;q=0', false],
    ['text/plainer', false],
    ['text/plain', true],
    ['Text/Plain; charset=utf-8', true],
    ['application/x-ndjson;q=0.0, text/plain;q=0.5', true],
  ] as const) {
    for (const list of ['keys', 'names'] as const) {
      const headers: Record<string, string> = accept === undefined ? {} : { accept }
      const answer = await ask(daemon.socket, 'GET', `/v1/${list}`, { headers })
      t.is(answer.body.toString(), (isText ? text : documents)[list], accept)
      const type = isText ? 'text/plain; charset=utf-8' : 'application/x-ndjson'
      t.is(answer.headers['content-type'], type, accept)
      t.is(answer.headers.vary, 'Accept')
    }
  }
})

test('R008-15, R007-195: lists say which keys are those of directories', async (t) => {
  const { daemon, node } = await serving(t)
  const [bytes, directory] = [KEY, new Key(KEY.digest, 'directory')]
  const items = [false, true].map((is) => ({ digest: KEY.digest, size: 7, directory: is }))
  node.keyPages = async function* () {
    yield await Promise.resolve(packKeys({ type: 'listed', items, more: false }))
  }
  node.bound.set('a', bytes)
  node.bound.set('b', directory)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const both = [bytes.toString(), directory.toString()]
  const keys: string[] = []
  for await (const { key } of client.keys()) keys.push(key)
  t.deepEqual(keys, both)
  const names: string[] = []
  for await (const { key } of client.names()) names.push(key)
  t.deepEqual(names, both)
  const text = await ask(daemon.socket, 'GET', '/v1/keys', { headers: { accept: 'text/plain' } })
  t.is(text.body.toString(), `${both.join('\n')}\n`)
})

const FULL: KeyPage = packKeys({
  type: 'listed',
  items: Array.from({ length: BATCH_ITEMS }, () => ({ digest: KEY.digest, size: 13 })),
  more: true,
})

/** Makes the node's list of keys endless; counts its pages, and how often a list has ended. */
function endless(node: FakeNode): { pages: number; ended: number } {
  const seen = { pages: 0, ended: 0 }
  node.keyPages = async function* () {
    try {
      for (;;) {
        seen.pages++
        yield await Promise.resolve(FULL)
      }
    } finally {
      seen.ended++
    }
  }
  return seen
}

async function listing(t: ExecutionContext, socketPath: string): Promise<IncomingMessage> {
  const sent = request({ socketPath, path: '/v1/keys', headers: { host: 'localhost' } })
  t.teardown(() => sent.destroy())
  sent.on('error', () => undefined)
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.on('error', () => undefined)
  return response
}

test('R007-195 R007-14: a list waits for a slow reader, other calls do not, and its end ends it', async (t) => {
  const { daemon, node } = await serving(t)
  const seen = endless(node)
  const response = await listing(t, daemon.socket)
  // What this process and the kernel buffer is a few pages.
  let before = -1
  await eventually(() => {
    const still = seen.pages === before
    before = seen.pages
    return still
  })
  t.true(seen.pages < 40, String(seen.pages))
  t.is((await ask(daemon.socket, 'GET', '/v1/status')).status, 200)
  t.is(seen.ended, 0)
  response.destroy()
  await eventually(() => seen.ended === 1)
})

test('R007-195: other calls have their turn while a fast reader takes a list', async (t) => {
  const { daemon, node } = await serving(t)
  const seen = endless(node)
  const response = await listing(t, daemon.socket)
  response.resume()
  for (let i = 0; i < 5; i++) {
    t.is((await ask(daemon.socket, 'GET', '/v1/status')).status, 200)
  }
  response.destroy()
  await eventually(() => seen.ended === 1)
})

/** A client of a server that answers with these pieces; then the connection is cut, or not. */
async function clientOf(
  t: ExecutionContext,
  type: string,
  pieces: readonly string[],
  isCut: boolean,
): Promise<Client> {
  const answer = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'Content-Type': type })
    for (const piece of pieces) {
      await new Promise<void>((resolve) => response.write(piece, () => resolve()))
    }
    if (isCut) response.destroy()
    else response.end()
  }
  const server = createServer((_, response) => void answer(response))
  const socket = join(temporaryDirectory(t), 's')
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = (await Client.connect(socket))!
  t.teardown(() => client.close())
  return client
}

async function received(lines: AsyncIterable<Uint8Array>): Promise<[string, string | undefined]> {
  let text = ''
  try {
    for await (const piece of lines) text += Buffer.from(piece).toString()
  } catch (error) {
    return [text, (error as { code: string }).code]
  }
  return [text, undefined]
}

test('R007-196: a client passes on whole lines only, however they are split and whatever follows', async (t) => {
  const pieces = ['aa', 'a\nbbb\ncc', 'c', 'c\n', 'ddd']
  const plain = 'text/plain; charset=utf-8'
  for (const [isCut, code] of [
    [true, 'unreachable'],
    [false, 'protocol'],
  ] as const) {
    const client = await clientOf(t, plain, pieces, isCut)
    t.deepEqual(await received(client.lists.keyLines(false)), ['aaa\nbbb\ncccc\n', code])
  }
  const whole = await clientOf(t, plain, ['aa', 'a\n', 'b\n'], false)
  t.deepEqual(await received(whole.lists.nameLines('a', false)), ['aaa\nb\n', undefined])
})

test('R007-196: a daemon without plain text gives the documents, and the client their text', async (t) => {
  const lines = [`{"key":"${TEXT}","size":1,"new":true}\n`]
  const client = await clientOf(t, 'application/x-ndjson', lines, false)
  t.deepEqual(await received(client.lists.keyLines(false)), [`${TEXT}\n`, undefined])
  t.deepEqual(await received(client.lists.keyLines(true)), [lines.join(''), undefined])
  const names = await clientOf(t, 'application/x-ndjson', ['{"name":"a","key":"k"}\n'], false)
  t.deepEqual(await received(names.lists.nameLines(undefined, false)), ['a\n', undefined])
})

test('R007-310: the lines of names have every fact, written as JSON writes it', (t) => {
  const facts = [
    {},
    { tag: true, size: 0, boundMs: 0, expiresMs: 1 },
    { size: 2 ** 53 - 1, boundMs: 1_764_425_012_007, expiresMs: 1_764_425_012_999 },
    { size: 5, boundMs: 951_782_400_000, expiresMs: 2 ** 53 - 1, directory: true },
    { boundMs: 253_402_300_800_000 },
  ]
  const items = facts.map((one, i) => ({ name: `n"${i}\\`, digest: KEY.digest, ...one }))
  const commons = [{ name: '"é\\/', common: true }]
  const page = packNames({ type: 'named', items: [...items, ...commons], more: false })
  const iso = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(Math.min(ms, 8.64e15)).toISOString()
  const expected = facts.map((one: Partial<NamedKey>, i) => ({
    name: `n"${i}\\`,
    key: new Key(KEY.digest, one.directory === true ? 'directory' : 'bytes').toString(),
    kind: one.tag === true ? 'tag' : 'fixed',
    size: one.size,
    boundAt: iso(one.boundMs),
    expiresAt: iso(one.expiresMs),
  }))
  const lines = [...expected, { prefix: '"é\\/' }].map((one) => `${JSON.stringify(one)}\n`)
  t.is(Buffer.from(nameDocuments(page)).toString(), lines.join(''))
  t.is(
    Buffer.from(nameText(page)).toString(),
    [...items, ...commons].map(({ name }) => `${name}\n`).join(''),
  )
})

test('R007-433: keys that begin with a text, and at most so many', async (t) => {
  const { daemon, node } = await serving(t)
  node.values.set(TEXT, VALUE)
  const other = new Key(hash(new Uint8Array(9)).digest)
  node.values.set(other.toString(), new Uint8Array(9))
  const list = async (query: string): Promise<string> => {
    const headers = { accept: 'text/plain' }
    const { status, body } = await ask(daemon.socket, 'GET', `/v1/keys?${query}`, { headers })
    return status === 200 ? body.toString() : String(status)
  }
  t.is(await list(`prefix=${TEXT.slice(0, 12)}`), `${TEXT}\n`)
  t.is(await list(`prefix=${KEY.toHex().slice(0, 9)}&limit=3`), `${TEXT}\n`)
  t.is(await list(`prefix=${TEXT}`), `${TEXT}\n`)
  t.is(await list('prefix=bafyr4i'), '')
  t.is((await list('prefix=bafkr4i')).length, 120)
  t.is((await list('limit=1')).length, 60)
  for (const query of [
    'prefix=',
    'prefix=hello',
    'prefix=bafkr4',
    'prefix=%00',
    'limit=0',
    'limit=x',
  ]) {
    t.is(await list(query), '400', query)
  }
  t.is(await list(`prefix=${'a'.repeat(5000)}`), '400')
})
