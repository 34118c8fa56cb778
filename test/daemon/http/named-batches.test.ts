import { test } from '../../serial.ts'
import { createHash } from 'node:crypto'
import { Client } from '../../../src/daemon/client/client.ts'
import { remoteNode } from '../../../src/daemon/client/remote-node.ts'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { BATCH_ITEMS, HTTP_BATCH_BYTES, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import { ask } from '../serving.ts'
import { treeServing } from '../tree-serving.ts'
import { jsonOf, linesOf, tokenServing } from './tokens.ts'

interface Entry {
  readonly size: number
  readonly [field: string]: unknown
}

/** A batch as a client sends it. */
function batchOf(entries: readonly Entry[], values: string): { headers: {}; body: string } {
  const list = JSON.stringify(entries)
  return { headers: { 'Dstore-Entries': `${Buffer.byteLength(list)}` }, body: list + values }
}

const digestOf = (text: string): string =>
  digestName('sha2-256', createHash('sha256').update(text).digest())

test('R007-345 a batch with names binds each with its value, and answers each', async (t) => {
  const { daemon, node } = await treeServing(t)
  const entries = [
    { size: 1, name: 'a/b' },
    { size: 2, name: 'tag', tag: true, expires: 60_000, keep: 0 },
    { size: 3 },
    { size: 1, name: 'tag' },
    { size: 1, name: digestOf('bad') },
    { size: 0, name: digestOf('') },
    { size: 1, name: 'no\nname' },
  ]
  const sent = batchOf(entries, 'abbccctxz')
  const answer = await ask(daemon.socket, 'POST', '/v1/batch', sent)
  t.is(answer.status, 200)
  t.is(answer.headers['content-type'], 'application/x-ndjson')
  const lines = linesOf<{ key?: string; existed?: boolean; problem?: { code: string } }>(answer)
  t.deepEqual(
    lines.map(({ existed, problem }) => problem?.code ?? existed),
    [false, false, false, 'conflict', 'usage', false, 'usage'],
  )
  t.is(lines[0]!.key, (await node.index.lookup('a/b'))!.key.toString())
  t.like(await node.index.lookup('tag'), { kind: 'tag', size: 2 })
  t.not((await node.index.lookup('tag'))!.expiresAt, undefined)
  t.is((await node.index.lookup(digestOf('')))!.size, 0)
  t.is(await node.index.lookup(digestOf('bad')), undefined)
})

test('R004-165: over HTTP, bytes that are not what their name says are a mistake of the caller', async (t) => {
  const { daemon } = await treeServing(t)
  const path = `/v1/values?name=${encodeURIComponent(digestOf('good'))}`
  const wrong = await ask(daemon.socket, 'POST', path, { headers: {}, body: 'bad' })
  t.is(wrong.status, 400, wrong.body.toString())
  const right = await ask(daemon.socket, 'POST', path, { headers: {}, body: 'good' })
  t.true(right.status < 300, right.body.toString())
})

test('R007-346 a batch whose entries or length are wrong is refused whole', async (t) => {
  const { daemon, node } = await treeServing(t)
  const entry = { size: 1, name: 'n' }
  const many = Array.from({ length: BATCH_ITEMS + 1 }, () => ({ size: 0 }))
  const good = batchOf([entry], 'x')
  const cases: [status: number, sent: { headers: Record<string, string>; body: string }][] = [
    [400, batchOf([entry], '')],
    [400, batchOf([entry], 'xy')],
    [400, batchOf([{ ...entry, size: -1 }], 'x')],
    [400, batchOf([{ ...entry, size: 1.5 }], 'x')],
    [400, batchOf([{ ...entry, name: 3 }], 'x')],
    [400, batchOf([{ ...entry, key: 'k' }], 'x')],
    [400, batchOf([{ ...entry, keep: 5 }], 'x')],
    [400, batchOf([{ ...entry, expires: -5 }], 'x')],
    [400, batchOf([{ ...entry, tag: 1 }], 'x')],
    [400, batchOf([{ size: 1, expires: 5 }], 'x')],
    [400, batchOf([null as never], '')],
    [400, batchOf({} as never, '')],
    [400, { headers: { 'Dstore-Entries': '3' }, body: '[{}]' }],
    [400, { headers: { 'Dstore-Entries': '99' }, body: '[]' }],
    [400, { headers: { 'Dstore-Entries': 'x' }, body: '[]' }],
    [400, { headers: { ...good.headers, 'Dstore-Sizes': '1' }, body: good.body }],
    [413, batchOf([{ size: INLINE_VALUE_BYTES + 1 }], 'x'.repeat(INLINE_VALUE_BYTES + 1))],
    [413, batchOf(many, '')],
    [413, batchOf([entry], 'x'.repeat(HTTP_BATCH_BYTES))],
  ]
  for (const [status, sent] of cases) {
    const answer = await ask(daemon.socket, 'POST', '/v1/batch', sent)
    t.is(answer.status, status, `${sent.body.slice(0, 60)}: ${answer.body.toString()}`)
  }
  const held = await ask(daemon.socket, 'POST', `/v1/batch?hold=${'0'.repeat(32)}`, good)
  t.is(held.status, 400)
  const chunked = { ...good.headers, 'Transfer-Encoding': 'chunked' }
  const unsized = await ask(daemon.socket, 'POST', '/v1/batch', {
    headers: chunked,
    body: good.body,
  })
  t.is(unsized.status, 400)
  t.is((await node.status()).store?.values, 0)
})

test('R007-345 a client splits what is more than a batch, and keeps the order', async (t) => {
  const { daemon, node } = await treeServing(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const remote = remoteNode(client, 'standalone')
  const items = Array.from({ length: 130 }, (_, i) => ({
    value: new Uint8Array(INLINE_VALUE_BYTES).fill(i),
    name: `n/${i}`,
  }))
  const { value } = items[0]!
  const outcomes = await remote.putNamed([...items, { value, name: 'n/1' }])
  t.is(outcomes.length, 131)
  for (const [i, { name }] of items.entries()) {
    const outcome = outcomes[i]!
    const bound = (await node.index.lookup(name))!.key.toString()
    t.true('key' in outcome && outcome.key.toString() === bound)
  }
  const last = outcomes.at(-1)!
  t.true('error' in last && last.error.code === 'conflict')
})

test('R007-348 a token with a prefix puts batches below it, and learns nothing of other values', async (t) => {
  const serving = await tokenServing(t)
  const secret = 'outside'
  await serving.node.putNamed([{ value: Buffer.from(secret), name: 'other/secret' }])
  const { token } = await serving.make({ role: 'writer', label: 'ci', prefix: 'ci/' })
  const call = serving.as(token)
  const sent = batchOf(
    [
      { size: secret.length, name: 'ci/a' },
      { size: secret.length, name: 'ci/b' },
      { size: 1, name: 'other/new' },
      { size: 1, name: 'other/secret' },
      { size: 1 },
      { size: 1, name: digestOf('x') },
    ],
    `${secret}another1x1x`.replace('another', 'unknown'),
  )
  const answer = await call('POST', '/v1/batch', sent)
  t.is(answer.status, 200)
  const lines = linesOf<{ key: string; problem?: { code: string } }>(answer)
  const [old, fresh, ...refused] = lines
  t.deepEqual({ ...old, key: '' }, { ...fresh!, key: '' })
  t.deepEqual(
    refused.map(({ problem }) => problem?.code),
    Array.from({ length: 4 }, () => 'not-permitted'),
  )
  t.is(await serving.node.index.lookup('other/new'), undefined)
  t.is((await serving.node.index.lookup('other/secret'))!.size, secret.length)
  const reader = serving.as((await serving.make({ role: 'reader', label: 'r' })).token)
  const denied = await reader('POST', '/v1/batch', sent)
  t.is(denied.status, 403)
  t.is(jsonOf(denied)['code'], 'not-permitted')
})
