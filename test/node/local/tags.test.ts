import { Key } from '../../../src/hash/key.ts'
import { hash } from '../../../src/hash/hasher.ts'
import type { PutOptions, PutOutcome } from '../../../src/node/node.ts'
import { putTree } from '../../../src/tree/put/put-tree.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { Nodes, once, read } from '../nodes.ts'

const bytesOf = (n: number, size = 10): Uint8Array => new Uint8Array(size).fill(n)

const keyOf = (bytes: Uint8Array): Key => new Key(hash(bytes).digest)

const TAG = { name: 'latest', naming: { kind: 'tag' } } as const

test('R004-119: a tag moves through a Local and at Global, and every node reads it where it is', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [one, other] = [await nodes.local(global), await nodes.local(global)]
  const [small, large] = [bytesOf(1), bytesOf(2, 100_000)]
  await one.put({ bytes: once(small) }, TAG)
  for (const node of [global, one, other]) {
    t.like(await node.index.lookup('latest'), { key: keyOf(small), kind: 'tag' })
  }
  await one.put({ bytes: once(large) }, TAG)
  t.deepEqual((await one.index.lookup('latest'))?.key, keyOf(large), 'its own write')
  t.deepEqual((await global.index.lookup('latest'))?.key, keyOf(large))
  const back = await other.index.tag('latest', keyOf(small))
  t.like(back, { key: keyOf(small), previous: keyOf(large), silent: [] })
  t.regex(back.previousKeptUntil!, /^\d{4}-/)
  t.deepEqual(await read(other, (await other.index.lookup('latest'))!.key), small)
  const history = await one.index.tagHistory('latest')
  t.deepEqual(
    history.map(({ key }) => key),
    [keyOf(small), keyOf(large), keyOf(small)],
  )
  await t.throwsAsync(one.index.tagHistory('none'), { code: 'not-found' })
  await t.throwsAsync(one.put({ bytes: once(small) }, { name: 'latest' }), {
    code: 'conflict',
  })
})

test('R007-302: a put through a Local or at Global says what it moved a tag from, by every way', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const folder = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let n = 0
  for (const node of [global, local]) {
    const ways: ((options: PutOptions) => Promise<PutOutcome>)[] = [
      (options) => node.put({ bytes: once(bytesOf(++n)) }, options),
      (options) => node.put({ bytes: once(bytesOf(++n, 100_000)) }, options),
      (options) => {
        const path = join(folder, `file-${++n}`)
        writeFileSync(path, bytesOf(n, 100_000))
        return node.put({ path }, options)
      },
      async (options) => {
        // It exists: an offer is the put.
        const path = join(folder, `file-${++n}`)
        writeFileSync(path, bytesOf(n, 100_000))
        await node.put({ path })
        return node.put({ path }, options)
      },
      async (options) => (await node.putNamed([{ value: bytesOf(++n), ...options }]))[0]!,
      async (options) => putTree(node, folder, options),
    ]
    for (const [at, put] of ways.entries()) {
      const before = (await node.index.lookup('latest'))?.key
      const stored = await put(TAG)
      if ('error' in stored) throw stored.error
      t.deepEqual(stored.previous, before, `way ${at}`)
      t.deepEqual(stored.silent, before && [], `way ${at}`)
      t.is(stored.previousKeptUntil !== undefined, before !== undefined && at !== 4, `way ${at}`)
      const other = await node.put({ bytes: once(bytesOf(n + 100)) }, { name: `other-${n}` })
      t.false('previous' in other || 'silent' in other)
    }
  }
})

test('R006-51: a Local asks for the names of a key below a prefix', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const key = keyOf(bytesOf(4))
  for (const name of ['a', 'ci/a', 'ci/b']) await local.put({ bytes: once(bytesOf(4)) }, { name })
  for (const node of [global, local]) {
    t.deepEqual((await node.index.stat(key, { namesBelow: 'ci/' }))?.names, ['ci/a', 'ci/b'])
    t.deepEqual((await node.index.stat(key))?.names, ['a', 'ci/a', 'ci/b'])
  }
})

test('R004-118: a stream under a name of the other kind is refused before it is read', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const one = await nodes.local(global)
  await one.put({ bytes: once(bytesOf(1)) }, { name: 'fixed' })
  await one.put({ bytes: once(bytesOf(2)) }, TAG)
  const ends = new AbortController()
  t.teardown(() => ends.abort())
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield bytesOf(3, 20_000)
    await new Promise((resolve) => ends.signal.addEventListener('abort', resolve))
  }
  const conflict = { code: 'conflict' }
  const put = (options: PutOptions): Promise<unknown> => one.put({ bytes: endless() }, options)
  await t.throwsAsync(put({ ...TAG, name: 'fixed' }), conflict)
  await t.throwsAsync(put({ name: 'fixed', naming: { expiresMs: 1000 } }), conflict)
})

test('R004-127: a name that expires is answered by a Local with its time, and not after it', async (t) => {
  const nodes = new Nodes(t)
  const local = await nodes.local(await nodes.global())
  const key = keyOf(bytesOf(3))
  await local.put({ bytes: once(bytesOf(3)) }, { name: 'soon', naming: { expiresMs: 400 } })
  const bound = await local.index.lookup('soon')
  t.like(bound, { key, kind: 'fixed' })
  const at = Date.parse(bound!.expiresAt!)
  t.deepEqual((await local.index.lookup('soon'))?.expiresAt, bound!.expiresAt, 'by its own binding')
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now()) + 5))
  t.is(await local.index.lookup('soon'), undefined)
  t.is(local.getImmediate!('soon'), undefined)
})
