import { test } from '../serial.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { GROUP_BYTES, INLINE_VALUE_BYTES, PIECE_BYTES, SEGMENT_BYTES } from '../../src/limits.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { Nodes, once, read } from './nodes.ts'

/**
 * Where the way that a value takes changes: inline or not, one group or a tree, one segment or
 * more.
 */
const SIZES = [
  0,
  1,
  INLINE_VALUE_BYTES - 1,
  INLINE_VALUE_BYTES,
  INLINE_VALUE_BYTES + 1,
  3 * GROUP_BYTES + 17,
  SEGMENT_BYTES - 1,
  SEGMENT_BYTES,
  SEGMENT_BYTES + 1,
  2 * PIECE_BYTES + 4321,
]

test('values of every size pass from one Local through Global to another, and are held there', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [here, there] = [await nodes.local(global), await nodes.local(global)]
  for (const size of SIZES) {
    const bytes = pattern(size)
    const { key, existed } = await here.put({ bytes: once(bytes), size })
    t.false(existed)
    t.true(key.equals(new Key(hash(bytes).digest)))
    t.true((await here.put({ bytes: once(bytes) })).existed)
    t.is(Buffer.compare(await read(there, key), bytes), 0, `${size} bytes`)
    const { hits } = (await there.status()).cache!
    t.is(Buffer.compare(await read(there, key), bytes), 0)
    t.is((await there.status()).cache!.hits, hits + 1, 'the second time from memory')
    t.is(Buffer.compare(await read(global, key), bytes), 0)
  }
})

test('fifty callers at once: the value is fetched once', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const bytes = pattern(3 * SEGMENT_BYTES + 5)
  const { key } = await global.put({ bytes: once(bytes) })
  const all = await Promise.all(Array.from({ length: 50 }, () => read(local, key)))
  for (const one of all) t.is(Buffer.compare(one, bytes), 0)
  const [traffic] = (await local.status()).traffic
  t.true(traffic!.valueBytesIn < bytes.byteLength * 1.01, `${traffic!.valueBytesIn} bytes came`)
})

test('ranges are what they say, held or not, and beyond the end they are refused', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const bytes = pattern(200_000)
  const { key } = await global.put({ bytes: once(bytes) })
  for (const node of [local, global]) {
    for (const [start, end] of [
      [0, 1],
      [99_999, 100_001],
      [199_999, 200_000],
      [5, 200_000],
    ]) {
      const part = await read(node, key, { range: { start: start!, end: end! } })
      t.is(Buffer.compare(part, bytes.subarray(start, end)), 0)
    }
    await t.throwsAsync(read(node, key, { range: { start: 200_000 } }), { code: 'range' })
  }
})

test('what does not exist is not found', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const absent = new Key(hash(pattern(7)).digest)
  for (const node of [global, local]) {
    await t.throwsAsync(node.get(absent), { code: 'not-found' })
    await t.throwsAsync(node.index.remove(absent), { code: 'not-found' })
    t.is(await node.index.stat(absent), undefined)
  }
})

test('while Global is away a Local serves what it holds, says so, and connects by itself', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const first = await nodes.global({ dir, store: 'disk' })
  const [address] = (await first.status()).listen
  const listen = [address!.replace(/\/p2p\/.*/, '')]
  const local = await nodes.local(first)
  const bytes = pattern(SEGMENT_BYTES + 3)
  const { key } = await local.put({ bytes: once(bytes) })
  await read(local, key)
  await first.close()
  await eventually(async () => (await local.status()).global!.state === 'away')
  t.is(Buffer.compare(await read(local, key), bytes), 0)
  const absent = new Key(hash(pattern(7)).digest)
  await t.throwsAsync(local.get(absent), { code: 'unreachable' })
  await nodes.global({ dir, listen, store: 'disk' })
  await eventually(async () => (await local.status()).global!.state === 'connected')
  await t.throwsAsync(local.get(absent), { code: 'not-found' })
})

test('a value larger than the cache streams through', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheBytes: SEGMENT_BYTES })
  const bytes = pattern(3 * SEGMENT_BYTES)
  const { key } = await local.put({ bytes: once(bytes) })
  t.is(Buffer.compare(await read(local, key), bytes), 0)
  const { usedBytes } = (await local.status()).cache!
  t.true(usedBytes <= SEGMENT_BYTES)
  await t.throwsAsync(local.prefetch(key), { code: 'too-large' })
})

test('a look-up says what was held before it brought the value along', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { key } = await global.put({ bytes: once(pattern(100)) }, { name: 'small' })
  t.is((await global.index.lookup('small'))?.heldBytes, 100)
  t.is((await local.index.lookup('small'))?.heldBytes, 0)
  t.is((await local.index.lookup('small'))?.heldBytes, 100)
  await local.evict(key)
  t.is((await local.index.bind('also', key)).heldBytes, 0)
  t.is(await local.index.lookup('absent'), undefined)
})
