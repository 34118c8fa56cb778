import { test } from '../serial.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { INLINE_VALUE_BYTES, SEGMENT_BYTES } from '../../src/limits.ts'
import type { ChangeEvent, Node } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { Nodes, once, read } from './nodes.ts'

async function peerOf(node: Node): Promise<string> {
  return (await node.status()).peerId!
}

const SIZES = [0, 1, INLINE_VALUE_BYTES, INLINE_VALUE_BYTES + 1, SEGMENT_BYTES + 1]

test('R004-20: when a removal returns, no Local holds the value, whatever its size', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const locals = await Promise.all([1, 2, 3].map(() => nodes.local(global)))
  const peers = (await Promise.all(locals.map(peerOf))).toSorted()
  for (const [i, size] of SIZES.entries()) {
    const { key } = await locals[0]!.put({ bytes: once(pattern(size)) })
    for (const local of locals) await read(local, key)
    const remover = [global, ...locals][i % 4]!
    const removed = await remover.index.remove(key, { timeoutMs: 60_000 })
    t.deepEqual(removed.acknowledged.toSorted(), peers)
    t.deepEqual([removed.owed, removed.expired], [[], []])
    t.is(removed.freedBytes, size)
    for (const local of locals) {
      t.is((await local.status()).cache!.values, 0, 'memory is freed')
      await t.throwsAsync(local.get(key), { code: 'not-found' })
    }
  }
})

test('R004-22: a removal asked for again gives the same answer; of what never was, it is not found', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { key } = await local.put({ bytes: once(pattern(5)) })
  const first = await local.index.remove(key, { timeoutMs: 60_000 })
  t.deepEqual(await local.index.remove(key, { timeoutMs: 60_000 }), first)
  t.deepEqual(await global.index.remove(key, { timeoutMs: 60_000 }), first)
  await local.put({ bytes: once(pattern(5)) })
  t.true((await local.index.remove(key, { timeoutMs: 60_000 })).seq > first.seq)
  const never = new Key(hash(pattern(6)).digest)
  await t.throwsAsync(local.index.remove(never), { code: 'not-found' })
})

test('R004-24: a reader in the middle of a removed value is told so', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const small = await nodes.local(global, { cacheBytes: SEGMENT_BYTES })
  const { key } = await global.put({ bytes: once(pattern(4 * SEGMENT_BYTES)) })
  for (const node of [local, small]) {
    const reader = (await node.get(key)).bytes[Symbol.asyncIterator]()
    await reader.next()
    await global.index.remove(key, { timeoutMs: 60_000 })
    const rest = async (): Promise<void> => {
      for (;;) if ((await reader.next()).done === true) return
    }
    await t.throwsAsync(rest(), { code: 'removed' })
    await global.put({ bytes: once(pattern(4 * SEGMENT_BYTES)) })
  }
})

test('R004-21: a Local that is away is named as owing, and lets go before it serves when it is back', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const dir = await nodes.folder()
  const local = await nodes.local(global)
  const other = await nodes.local(global, { dir })
  const { key } = await global.put({ bytes: once(pattern(9)) })
  await read(local, key)
  await other.close()
  t.deepEqual(
    (await global.index.remove(key, { timeoutMs: 60_000 })).owed,
    [],
    'who said goodbye owes nothing',
  )
  await global.put({ bytes: once(pattern(9)) })
  await read(local, key)
  const peer = await peerOf(local)
  t.deepEqual((await global.index.remove(key, { timeoutMs: 60_000 })).acknowledged, [peer])
})

test('R004-30: names are bound once, with their value or not at all, and go as the rules say', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const big = pattern(INLINE_VALUE_BYTES + 100)
  for (const [node, name] of [
    [local, 'from a Local'],
    [global, 'from Global'],
  ] as const) {
    const { key } = await node.put({ bytes: once(big) }, { name })
    t.true((await local.index.lookup(name))!.key.equals(key))
    t.true((await node.index.bind(name, key)).key.equals(key), 'again is success')
    const other = { bytes: once(pattern(20)) }
    await t.throwsAsync(node.put(other, { name }), { code: 'conflict' })
    t.is(
      await node.index.stat(new Key(hash(pattern(20)).digest)),
      undefined,
      'nothing is left of it',
    )
    await t.throwsAsync(node.index.remove(key), { code: 'conflict' })
    const { key: gone } = await node.index.unbind(name, { timeoutMs: 60_000 })
    t.true(gone!.equals(key), 'the value goes with its last name')
    t.is(await local.index.lookup(name), undefined)
    t.is(await local.index.stat(key), undefined)
  }
  const { key } = await local.put({ bytes: once(pattern(3)) })
  await local.index.bind('kept', key)
  t.is((await local.index.unbind('kept', { timeoutMs: 60_000 })).key, undefined)
  t.truthy(await local.index.stat(key), 'it was put without a name, too')
  await t.throwsAsync(local.index.bind('a\u0007', key), { code: 'usage' })
  await t.throwsAsync(local.index.bind(key.toString(), key), { code: 'usage' })
  await t.throwsAsync(local.index.bind('x', new Key(hash(big).digest)), { code: 'not-found' })
})

test('R004-33: names come in bytewise order, by prefix, page by page', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { key } = await global.put({ bytes: once(pattern(1)) })
  const names = ['b/1', 'a', 'b/é', 'b/2', 'c', 'b']
  for (const name of names) await global.index.bind(name, key)
  for (const node of [local, global]) {
    const listed: string[] = []
    for await (const { name } of node.index.names('b/')) listed.push(name)
    t.deepEqual(listed, ['b/1', 'b/2', 'b/é'])
  }
  t.deepEqual((await local.index.stat(key))!.names.toSorted(), names.toSorted())
})

test('R004-40: a watcher sees every change from where he stood, once and in order', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const seen: ChangeEvent[] = []
  const abort = new AbortController()
  let isStarted = false
  const onStart = (): void => void (isStarted = true)
  const watching = (async () => {
    for await (const change of local.index.watch({ signal: abort.signal, onStart })) {
      seen.push(change)
      if (seen.length === 3) return
    }
  })()
  await eventually(() => isStarted)
  const { key } = await global.put({ bytes: once(pattern(1)) }, { name: 'n' })
  await global.index.bind('m', key)
  await global.index.remove(key, { force: true, timeoutMs: 60_000 })
  await watching
  t.deepEqual(
    seen.map(({ type, names }) => [type, names.toSorted()]),
    [
      ['put', ['n']],
      ['bind', ['m']],
      ['remove', ['m', 'n']],
    ],
  )
  const again: string[] = []
  for await (const { type } of local.index.watch({ after: seen[0]!.position })) {
    again.push(type)
    if (again.length === 2) break
  }
  t.deepEqual(again, ['bind', 'remove'])
  const strange = `${'0'.repeat(32)}-5`
  for await (const { type } of local.index.watch({ after: strange })) {
    t.is(type, 'lost')
    break
  }
})

test('R004-45: many small things go in few messages', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const values = Array.from({ length: 2500 }, (_, i) => new TextEncoder().encode(`value ${i}`))
  const results = await local.putMany(values)
  t.deepEqual(
    results.map(({ key }) => key.toString()),
    values.map((value) => new Key(hash(value).digest).toString()),
  )
  const facts = await local.index.statMany(results.map(({ key }) => key))
  t.true(facts.every((fact, i) => fact?.size === values[i]!.byteLength))
})

test('R004-50: with a lease, a Local that is cut off stops serving, and a removal waits no longer than that', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const global = await nodes.global({ dir, leaseMs: 2000 })
  const local = await nodes.local(global)
  const { key } = await global.put({ bytes: once(pattern(9)) })
  await read(local, key)
  await global.close()
  await eventually(async () => {
    try {
      await read(local, key)
      return false
    } catch (error) {
      return (error as { code?: string }).code === 'unreachable'
    }
  })
  await t.throwsAsync(read(local, key), { code: 'unreachable' })
})
