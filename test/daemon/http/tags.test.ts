import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '../../../src/daemon/client/client.ts'
import { remoteNode } from '../../../src/daemon/client/remote-node.ts'
import { asDstoreError } from '../../../src/errors.ts'
import { parseKey, type Key } from '../../../src/hash/key.ts'
import { INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import type { Node } from '../../../src/node/node.ts'
import { putTree } from '../../../src/tree/put/put-tree.ts'
import { eventually } from '../../eventually.ts'
import { fileRequest } from '../file-request.ts'
import { ask } from '../serving.ts'
import { treeServing } from '../tree-serving.ts'
import { tokenServing } from './tokens.ts'

interface Scene {
  readonly socket: string
  readonly client: Client
  /** The daemon's node, through the client. */
  readonly remote: Node
  readonly keys: readonly [Key, Key, Key]
}

/** A daemon with a node that has three values without names. */
async function scene(t: ExecutionContext): Promise<Scene> {
  const { daemon, node } = await treeServing(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const values = ['one', 'two', 'three'].map((text) => Buffer.from(text))
  const keys = (await node.putMany(values)).map(({ key }) => key)
  const remote = remoteNode(client, 'standalone')
  return { socket: daemon.socket, client, remote, keys: keys as [Key, Key, Key] }
}

interface Sent {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
}

/** The status of a response, and the document or the lines in it. */
async function asked(
  { socket }: Scene,
  { method = 'GET', path, body }: Sent,
): Promise<{ status: number; documents: Record<string, unknown>[] }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const sent = body === undefined ? {} : { body: text }
  const { status, body: answer } = await ask(socket, method, path, sent)
  const lines = answer.toString().split('\n')
  const documents = lines.filter((one) => one !== '').map((one) => JSON.parse(one) as never)
  return { status, documents }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return asDstoreError(error).code
  }
}

test('R007-290 PUT of a name with the kind tag binds a tag, and moves it', async (t) => {
  const at = await scene(t)
  const [one, two] = at.keys
  const path = '/v1/names/app%2Flatest'
  const bound = await asked(at, { method: 'PUT', path, body: { key: one, kind: 'tag' } })
  t.is(bound.status, 200)
  const first = { name: 'app/latest', kind: 'tag', key: one.toString(), silent: [] }
  t.deepEqual(bound.documents, [first])
  const moved = await asked(at, { method: 'PUT', path, body: { key: two, kind: 'tag' } })
  const [document] = moved.documents
  t.is(document!['previous'], one.toString())
  t.is(document!['key'], two.toString())
  const found = (await asked(at, { path })).documents[0]!
  t.is(found['key'], two.toString())
  t.is(found['kind'], 'tag')
  t.true(Date.parse(String(found['boundAt'])) > 0)
  // A put without a name keeps what the tag left.
  t.is(document!['previousKeptUntil'], undefined)
  t.is((await asked(at, { path: `/v1/values/${one.toString()}/facts` })).status, 200)
})

test('R007-290 the first binding of a name decides its kind', async (t) => {
  const at = await scene(t)
  const [one, two] = at.keys
  await at.client.bind('fixed', one.toString())
  t.is(await codeOf(at.client.tags.move('fixed', two.toString())), 'conflict')
  await at.client.tags.move('moving', one.toString())
  t.is(await codeOf(at.client.bind('moving', two.toString())), 'conflict')
  t.is((await at.client.lookup('fixed')).key, one.toString())
  t.is((await at.client.lookup('moving')).key, one.toString())
})

test('R007-290 a name may expire, and shows when', async (t) => {
  const at = await scene(t)
  const before = Date.now()
  const bound = await at.client.bind('week', at.keys[0].toString(), { expiresMs: 604_800_000 })
  const ms = Date.parse(bound.expiresAt!) - 604_800_000
  t.true(ms >= before && ms <= Date.now(), bound.expiresAt)
  t.is((await at.client.lookup('week')).expiresAt, bound.expiresAt)
  await at.client.tags.move('day', at.keys[0].toString(), { expiresMs: 86_400_000 })
  t.true(Date.parse((await at.client.lookup('day')).expiresAt!) >= before + 86_400_000)
})

test('R007-290 a document that cannot be meant binds nothing', async (t) => {
  const at = await scene(t)
  const key = at.keys[0]
  const documents = [
    { key, kind: 'soft' },
    { key, kind: 'tag', expire: 1000 },
    { key, expires: 0 },
    { key, expires: '1000' },
    { key, expires: 1.5 },
    { key, expires: 2 ** 53 },
    { key, keep: 1000 },
    { key, kind: 'fixed', keep: 1000 },
    { key, kind: 'tag', keep: -1 },
    { kind: 'tag' },
    { key: 'no-key', kind: 'tag' },
  ]
  for (const body of documents) {
    const { status, documents: problems } = await asked(at, {
      method: 'PUT',
      path: '/v1/names/n',
      body,
    })
    t.is(status, 400, JSON.stringify(body))
    t.regex(String(problems[0]!['code']), /^(usage|malformed-key)$/)
  }
  t.is(await codeOf(at.client.lookup('n')), 'not-found')
})

test('R007-290 a key that the tag left too long ago has a hint', async (t) => {
  const at = await scene(t)
  const put = (text: string): Promise<{ key: string }> =>
    at.client.putBytes([Buffer.from(text)] as never, undefined, {
      name: 'now',
      naming: { kind: 'tag', keepMs: 0 },
    })
  const { key } = await put('first')
  await put('second')
  await eventually(async () => (await codeOf(at.client.facts(key))) === 'not-found')
  const error = await t.throwsAsync(at.client.tags.move('now', key))
  t.is(asDstoreError(error).code, 'not-found')
  t.regex(asDstoreError(error).hint!, /^now was moved from it/)
  const other = await t.throwsAsync(at.client.tags.move('now', 'f'.repeat(64)))
  t.notRegex(asDstoreError(other).hint ?? '', /was moved from it/)
})

test('R007-291 R007-302 a put binds or moves a tag in the same change, by every way', async (t) => {
  const at = await scene(t)
  const folder = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'file')
  writeFileSync(file, Buffer.alloc(INLINE_VALUE_BYTES + 1, 7))
  /** Where the tag moved, the answer says from what. */
  const last = new Map<string, string>()
  const isTag = async (name: string, put: object): Promise<void> => {
    const { key, ...answer } = JSON.parse(JSON.stringify(put)) as Record<string, unknown>
    const { previous, previousKeptUntil, silent } = answer
    t.is(previous, last.get(name), name)
    t.deepEqual(silent, last.has(name) ? [] : undefined, name)
    t.is(typeof previousKeptUntil, last.has(name) ? 'string' : 'undefined', name)
    last.set(name, key as string)
    const found = await at.client.lookup(name)
    t.deepEqual([found.kind, found.key], ['tag', String(key)])
    t.is(Date.parse(found.expiresAt!) > Date.now(), true, name)
  }
  const query = 'tag=1&expires=60000&keep=1000'
  const first = { method: 'POST', path: `/v1/values?name=v&${query}`, body: 'first' }
  await isTag('v', (await asked(at, first)).documents[0]!)
  await isTag('v', (await asked(at, { ...first, body: 'second' })).documents[0]!)
  const fields = { name: 'f', tag: true, expires: 60_000, keep: 1000 }
  const request = { ...(JSON.parse(fileRequest(file)) as object), ...fields }
  const put = await asked(at, { method: 'POST', path: '/v1/files', body: request })
  await isTag('f', put.documents.at(-1)!['result'] as object)
  const entries = [{ path: 'a', key: at.keys[0].toString() }]
  const tree = await asked(at, {
    method: 'POST',
    path: `/v1/trees?name=t&${query}`,
    body: { entries },
  })
  await isTag('t', tree.documents[0]!)
  const read = await asked(at, {
    method: 'POST',
    path: `/v1/trees?name=t&${query}`,
    body: { path: folder },
  })
  await isTag('t', read.documents.at(-1)!['result'] as object)
  const naming = { kind: 'tag', expiresMs: 60_000 } as const
  writeFileSync(join(folder, 'more'), 'more')
  await isTag('t', await putTree(at.remote, folder, { name: 't', naming }))
  await isTag('p', await at.remote.put({ path: file }, { name: 'p', naming }))
  const value = Buffer.from('third')
  const [stored] = await at.remote.putNamed([{ value, name: 'v', naming }])
  await isTag('v', stored!)
})

test('R007-291 terms of a name without one, and terms that no name has, are refused', async (t) => {
  const at = await scene(t)
  const queries = [
    'tag=1',
    'expires=1000',
    'keep=1000',
    'name=x&keep=1000',
    'name=x&tag=0',
    'name=x&tag=',
    'name=x&expires=0',
    'name=x&expires=soon',
    'name=x&tag=1&keep=1e3',
  ]
  for (const query of queries) {
    const path = `/v1/values?${query}`
    const { status, documents } = await asked(at, { method: 'POST', path, body: 'unseen' })
    t.is(status, 400, query)
    t.is(documents[0]!['code'], 'usage')
  }
  t.is((await all(at.client.keys())).length, 3, 'nothing is stored')
  t.is((await all(at.client.names())).length, 0)
})

test('R007-291 a folder is refused for a name of the other kind before anything is sent', async (t) => {
  const at = await scene(t)
  const folder = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'a'), 'a')
  await at.client.bind('fixed', at.keys[0].toString())
  await at.client.tags.move('moving', at.keys[0].toString())
  const naming = { kind: 'tag' } as const
  t.is(await codeOf(putTree(at.remote, folder, { name: 'fixed', naming })), 'conflict')
  t.is(await codeOf(putTree(at.remote, folder, { name: 'moving' })), 'conflict')
  t.is((await all(at.client.keys())).length, 3)
  t.is(await codeOf(putTree(at.remote, folder, { name: 'moving', naming })), 'none')
})

test('R007-292 the history of a tag has its targets, the newest first', async (t) => {
  const at = await scene(t)
  const moves = [0, 1, 2, 0].map((i) => at.keys[i]!.toString())
  for (const key of moves) await at.client.tags.move('app/now', key)
  const lines = (await asked(at, { path: '/v1/names/app%2Fnow/history' })).documents
  t.deepEqual(
    lines.map(({ key }) => key),
    moves.toReversed(),
  )
  const times = lines.map((line) => Date.parse(String(line['at'])))
  t.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  )
  const history = await at.remote.index.tagHistory('app/now')
  t.deepEqual(
    history.map(({ key }) => key.toString()),
    moves.toReversed(),
  )
  t.is(await codeOf(at.remote.index.tagHistory('nobody')), 'not-found')
  const { documents } = await asked(at, { path: '/v1/names/app/now/history' })
  t.is(documents[0]!['hint'], 'write a slash in a name as %2F: /v1/names/app%2Fnow/history')
})

test('R007-298 a watch shows what a tag was moved from', async (t) => {
  const at = await scene(t)
  const [one, two] = at.keys
  const leaving = new AbortController()
  const moved = async (): Promise<unknown[]> => {
    const seen = []
    const move = async (): Promise<void> => {
      for (const key of [one, two]) await at.client.tags.move('now', key.toString())
      await at.client.unbind('now')
    }
    const onStart = (): void => void move()
    for await (const change of at.remote.index.watch({ signal: leaving.signal, onStart })) {
      seen.push([change.type, change.key?.toString(), change.previous?.toString(), change.names])
      if (change.type === 'unbind' || change.type === 'remove') return seen
    }
    return seen
  }
  const [bind, rebind] = await moved()
  t.deepEqual(bind, ['bind', one.toString(), undefined, ['now']])
  t.deepEqual(rebind, ['rebind', two.toString(), one.toString(), ['now']])
  leaving.abort()
})

test('R007-330 R007-292 a token with a prefix moves its own tags, and reads their history', async (t) => {
  const { node, make, as } = await tokenServing(t)
  const [one, two] = (await node.putMany(['one', 'two'].map((text) => Buffer.from(text)))).map(
    ({ key }) => key.toString(),
  )
  await node.index.tag('other/now', parseKey(one!))
  const call = as((await make({ role: 'writer', label: 'ci', prefix: 'ci/' })).token)
  const put = async (path: string, body: string): Promise<number> =>
    (await call('POST', path, { body })).status
  t.is(await put('/v1/values?name=ci%2Fnow&tag=1', 'one'), 201)
  const moved = await call('POST', '/v1/values?name=ci%2Fnow&tag=1', { body: 'mine' })
  const {
    key: _,
    size: __,
    ...from
  } = JSON.parse(moved.body.toString()) as { key: string; size: number }
  // R007-302: whether the old target is kept would say whether anything else holds it.
  t.deepEqual(from, { existed: false, previous: one, silent: [] })
  t.is(await put('/v1/values?name=other%2Fnow&tag=1', 'mine'), 403)
  const moving = (key: string): { body: string } => ({ body: JSON.stringify({ key, kind: 'tag' }) })
  // Of a key that no name of its own is bound to it says what it says of one that does not exist.
  const unseen = await call('PUT', '/v1/names/ci%2Fnow', moving(two!))
  const absent = await call('PUT', '/v1/names/ci%2Fnow', moving('f'.repeat(64)))
  t.deepEqual([unseen.status, absent.status], [404, 404])
  t.is((await call('PUT', '/v1/names/other%2Fnow', moving(two!))).status, 403)
  const history = await call('GET', '/v1/names/ci%2Fnow/history')
  t.is(history.status, 200)
  t.is(history.body.toString().trimEnd().split('\n').length, 2)
  for (const name of ['other%2Fnow', 'other%2Fabsent', 'ci']) {
    t.is((await call('GET', `/v1/names/${name}/history`)).status, 403, name)
  }
  t.is((await node.index.lookup('other/now'))?.key.toString(), one)
})
