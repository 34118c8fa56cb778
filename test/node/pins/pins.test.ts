/** Pins of a Local, over real connections on loopback. */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import { KIB } from '../../../src/limits.ts'
import type { Node, Pin, ServedNode } from '../../../src/node/node.ts'
import type { NodeOptions } from '../../../src/node/open.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { fails } from '../../transfer/ends.ts'
import { Nodes, once, read } from '../nodes.ts'
import { putTree } from '../put-tree.ts'

const CACHE_BYTES = 1024 * KIB
const SIZE = 300 * KIB

interface Fixture {
  readonly nodes: Nodes
  readonly global: ServedNode
  readonly local: ServedNode
  readonly dir: string
}

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const dir = await nodes.folder()
  return { nodes, global, dir, local: await nodes.local(global, { cacheBytes: CACHE_BYTES, dir }) }
}

/** A value of its own for each number. */
const bytesOf = (number: number, size = SIZE): Uint8Array => pattern(size + number)

const put = async (node: Node, number: number, name?: string, size = SIZE): Promise<Key> =>
  (await node.put({ bytes: once(bytesOf(number, size)) }, name === undefined ? {} : { name })).key

const heldOf = async (local: Node, key: Key): Promise<number | undefined> =>
  (await local.index.stat(key))?.heldBytes

async function pinsOf({ pins }: ServedNode): Promise<Pin[]> {
  const all: Pin[] = []
  for await (const pin of pins!.pins()) all.push(pin)
  return all
}

const stateOf = async (node: ServedNode, word: string): Promise<Pin | undefined> =>
  (await pinsOf(node)).find((pin) => pin.word === word)

/** Reads more than the cache can hold. */
async function churn(global: Node, local: Node): Promise<void> {
  for (let i = 100; i < 106; i++) await read(local, await put(global, i))
}

test('R007-370: what is pinned stays, whatever else is read, until it is unpinned', async (t) => {
  const { global, local } = await fixture(t)
  const key = await put(global, 1, 'models/a')
  const pin = await local.pins!.pin('models/a')
  t.like(pin, { word: 'models/a', state: 'held', size: SIZE + 1, heldBytes: SIZE + 1 })
  t.true(pin.key!.equals(key))
  await churn(global, local)
  t.is(await heldOf(local, key), SIZE + 1)
  await fails(t, local.evict(key), 'conflict')
  t.like((await local.status()).pins, { pins: 1, incomplete: 0 })
  await local.pins!.unpin('models/a')
  await churn(global, local)
  t.is(await heldOf(local, key), 0)
  t.like((await local.status()).pins, { pins: 0, usedBytes: 0 })
  await fails(t, local.pins!.unpin('models/a'), 'not-found')
})

test('R007-371: a pin of a directory is all that is below it, and a path one part', async (t) => {
  const { global, local } = await fixture(t)
  const tree = { a: bytesOf(1, KIB), b: { c: bytesOf(2, 20 * KIB), d: bytesOf(1, KIB) }, l: 'a' }
  const { key: root } = await putTree(global, tree, 'tree')
  const part = await local.pins!.pin('tree/b/c')
  t.is(part.size, 20 * KIB + 2)
  const whole = await local.pins!.pin(`${root.toString()}/`)
  t.is(whole.word, root.toString())
  t.is(whole.size, whole.heldBytes)
  // Equal files count once.
  const directories = whole.size! - (KIB + 1) - (20 * KIB + 2)
  t.true(directories > 0 && directories < KIB)
  await fails(t, local.pins!.pin('tree/l'), 'usage')
  await fails(t, local.pins!.pin('tree/none'), 'not-found')
  t.deepEqual((await pinsOf(local)).map(({ word }) => word).toSorted(), [
    root.toString(),
    'tree/b/c',
  ])
  await churn(global, local)
  for (const entry of [root, part.key!]) t.true((await heldOf(local, entry))! > 0)
})

test('R007-372: a pin that has no room beside the others is refused, and leaves nothing', async (t) => {
  const { global, local } = await fixture(t)
  const [a, b, c, d] = [
    await put(global, 1),
    await put(global, 2),
    await put(global, 3),
    await put(global, 4),
  ]
  for (const key of [a, b, c]) await local.pins!.pin(key.toString())
  await fails(t, local.pins!.pin(d.toString()), 'no-space')
  t.is((await pinsOf(local)).length, 3)
  // A value that is read is passed through.
  t.deepEqual(await read(local, d), bytesOf(4))
  await local.pins!.unpin(b.toString())
  t.is((await local.pins!.pin(d.toString())).state, 'held')
})

test('R007-373: pins are there again after a restart, and fetch what they need', async (t) => {
  const { nodes, global, local, dir } = await fixture(t)
  const key = await put(global, 1, 'models/a')
  await local.pins!.pin('models/a')
  await local.pins!.pin(key.toString(), { maxRate: 1 << 30 })
  await local.close()
  const again = await nodes.local(global, { cacheBytes: CACHE_BYTES, dir })
  await eventually(async () => (await pinsOf(again)).every(({ state }) => state === 'held'))
  t.is((await pinsOf(again)).length, 2)
  await churn(global, again)
  t.is(await heldOf(again, key), SIZE + 1)
  await again.pins!.unpin('models/a')
  await again.close()
  const third = await nodes.local(global, { cacheBytes: CACHE_BYTES, dir })
  t.deepEqual(
    (await pinsOf(third)).map(({ word }) => word),
    [key.toString()],
  )
})

test('R007-374: a pin of a tag follows it, and keeps the former value until it has the new', async (t) => {
  const { global, local } = await fixture(t)
  const [a, b] = [await put(global, 1), await put(global, 2)]
  await global.index.tag('latest', a)
  await local.pins!.pin('latest')
  await global.index.tag('latest', b)
  await eventually(async (saw) => {
    const pin = saw(await stateOf(local, 'latest'))!
    return pin.state === 'held' && pin.key?.equals(b) === true
  })
  await churn(global, local)
  t.is(await heldOf(local, a), 0)
  t.is(await heldOf(local, b), SIZE + 2)
})

test('R007-375: a removal ends a pin of a key; a pin of a name waits for the name', async (t) => {
  const { global, local } = await fixture(t)
  const [a, b] = [await put(global, 1, 'name/a'), await put(global, 2)]
  await local.pins!.pin('name/a')
  await local.pins!.pin(b.toString())
  await global.index.unbind('name/a')
  await global.index.remove(b)
  await eventually(async (saw) =>
    saw(await pinsOf(local)).every(({ state }) => state === 'removed'),
  )
  t.like((await local.status()).pins, { pins: 2, incomplete: 2, usedBytes: 0 })
  await put(global, 2)
  const c = await put(global, 3, 'name/a')
  await eventually(async (saw) => saw(await stateOf(local, 'name/a'))?.key?.equals(c) === true)
  t.is((await stateOf(local, b.toString()))?.state, 'removed')
  t.is((await local.pins!.pin(b.toString())).state, 'held')
  t.is(await heldOf(local, a), undefined)
})

test('R007-376: a call that ends early leaves no pin', async (t) => {
  const { global, local } = await fixture(t)
  const key = await put(global, 1)
  const signal = AbortSignal.abort(new DstoreError('cancelled', 'the client left'))
  await fails(t, local.pins!.pin(key.toString(), { signal }), 'cancelled')
  await fails(t, local.pins!.pin('not/bound'), 'not-found')
  await fails(t, local.pins!.pin(new Key(new Uint8Array(32)).toString()), 'not-found')
  await fails(t, local.pins!.pin('bad name\n'), 'usage')
  t.deepEqual(await pinsOf(local), [])
})

test('R007-377: what the node was started with cannot be unpinned, and waits for its name', async (t) => {
  const { nodes, global } = await fixture(t)
  const local = await nodes.local(global, { cacheBytes: CACHE_BYTES, pins: ['later'] })
  await eventually(async (saw) => saw(await stateOf(local, 'later'))?.state === 'waiting')
  const key = await put(global, 1, 'later')
  await eventually(async (saw) => saw(await stateOf(local, 'later'))?.state === 'held')
  t.like(await stateOf(local, 'later'), { permanent: true, heldBytes: SIZE + 1 })
  await fails(t, local.pins!.unpin('later'), 'conflict')
  await churn(global, local)
  t.is(await heldOf(local, key), SIZE + 1)
})

test('R007-373: a damaged file of pins is set aside, and the node starts', async (t) => {
  const { nodes, global } = await fixture(t)
  const dir = await nodes.folder()
  await writeFile(join(dir, 'pins.json'), '{"version":1,"pins":[{"word":7}]}')
  const local = await nodes.local(global, { cacheBytes: CACHE_BYTES, dir })
  t.deepEqual(await pinsOf(local), [])
  await local.pins!.pin((await put(global, 1)).toString())
  t.is((await pinsOf(local)).length, 1)
})

/** A Local with a file tier on a disk, larger than its memory. */
async function withFiles(t: ExecutionContext): Promise<Fixture & { readonly cacheDir: string }> {
  const nodes = new Nodes(t)
  const [global, dir, cacheDir] = [await nodes.global(), await nodes.folder(), await nodes.folder()]
  const local = await nodes.local(global, { dir, ...filesIn(cacheDir) })
  return { nodes, global, dir, local, cacheDir }
}

const filesIn = (cacheDir: string): Partial<NodeOptions> => ({
  cacheBytes: CACHE_BYTES,
  cacheDir,
  cacheDirBytes: 4 * CACHE_BYTES,
})

test('R007-383: with a file tier, what is pinned has the budget of files, and lives in them', async (t) => {
  const { nodes, global, local, dir, cacheDir } = await withFiles(t)
  const [small, a] = [await put(global, 1, 'small', KIB), await put(global, 1, 'a')]
  // Memory has it before it is pinned.
  await read(local, a)
  for (const word of ['small', 'a']) await local.pins!.pin(word)
  for (let i = 2; i < 9; i++) await local.pins!.pin((await put(global, i)).toString())
  // More than memory could hold.
  const { pins, cache } = await local.status()
  t.like(pins, { pins: 9, incomplete: 0, budgetBytes: 4 * CACHE_BYTES })
  t.true(pins!.usedBytes > 2 * CACHE_BYTES)
  t.true(cache!.files!.values >= 8)
  t.true(cache!.usedBytes < CACHE_BYTES / 2, String(cache!.usedBytes))
  await local.pins!.pin((await put(global, 9)).toString(), { maxRate: 1 << 30 })
  for (let i = 100; i < 120; i++) await read(local, await put(global, i))
  for (const key of [small, a]) t.true((await heldOf(local, key))! > KIB)
  t.deepEqual(await read(local, a), bytesOf(1))
  const more = await put(global, 10, undefined, 2 * CACHE_BYTES)
  await fails(t, local.pins!.pin(more.toString()), 'no-space')
  const before = (await local.status()).traffic.reduce((sum, peer) => sum + peer.valueBytesIn, 0)
  t.true(before > 0)
  await local.close()

  const again = await nodes.local(global, { dir, ...filesIn(cacheDir) })
  await eventually(async (saw) => saw(await pinsOf(again)).every(({ state }) => state === 'held'))
  // Files that an earlier run left are verified, and not fetched again.
  const { traffic } = await again.status()
  const moved = traffic.reduce((sum, peer) => sum + peer.valueBytesIn, 0)
  t.true(moved < SIZE, String(moved))
})

test('R007-378: a pinned value that is lost is fetched again', async (t) => {
  const { global, local } = await withFiles(t)
  const key = await put(global, 1, 'a')
  await local.pins!.pin('a')
  const { directory } = (await local.status()).cache!.files!
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((one) =>
    one.isFile(),
  )
  t.true(files.length > 0)
  for (const { parentPath, name } of files) await rm(join(parentPath, name))
  // Whoever reads finds out.
  t.deepEqual(await read(local, key), bytesOf(1))
  await eventually(async (saw) => saw(await stateOf(local, 'a'))?.state === 'held')
  t.is(await heldOf(local, key), SIZE + 1)
})
