import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import type { Node } from '../../../src/node/node.ts'
import { Nodes, once, read } from '../nodes.ts'

const nameOf = (bytes: Uint8Array): string =>
  digestName('sha2-256', createHash('sha256').update(bytes).digest())

/** Bytes that are no others: `size` of them. */
const bytesOf = (seed: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * seed + seed) & 255)

const sizes = [5, 100_000]

async function refusesOthers(t: ExecutionContext, node: Node, folder: string) {
  const path = join(folder, 'value')
  for (const [i, size] of sizes.entries()) {
    const bytes = bytesOf(i + 1, size)
    const wrong = nameOf(bytesOf(i + 100, size))
    const refused = { code: 'usage', message: /the sha2-256 of the bytes is not that/ }
    await writeFile(path, bytes)
    await t.throwsAsync(node.put({ bytes: once(bytes) }, { name: wrong }), refused)
    await t.throwsAsync(node.put({ bytes: once(bytes), size }, { name: wrong }), refused)
    await t.throwsAsync(node.put({ path }, { name: wrong }), refused)
    t.is(await node.index.lookup(wrong), undefined)
    const { key } = await node.put({ bytes: once(bytes) })
    await t.throwsAsync(node.index.bind(wrong, key), refused)
    await t.throwsAsync(node.put({ path }, { name: wrong }), refused)
    t.is(await node.index.lookup(wrong), undefined)
    // As it was: no name, and the value.
    t.deepEqual((await node.index.stat(key))?.names, [])
    t.like(await node.index.bind(nameOf(bytes), key), { key, kind: 'fixed' })
    t.like(await node.put({ path }, { name: nameOf(bytes) }), { key, existed: true })
  }
  for (const [i, size] of sizes.entries()) {
    const bytes = bytesOf(i + 10, size)
    const name = nameOf(bytes)
    const { key } = await node.put({ bytes: once(bytes) }, { name })
    t.deepEqual((await node.index.lookup(name))?.key, key)
    t.deepEqual(await read(node, key), bytes)
  }
  const file = bytesOf(20, 100_001)
  await writeFile(path, file)
  const { key } = await node.put({ path }, { name: nameOf(file) })
  t.deepEqual((await node.index.lookup(nameOf(file)))?.key, key)
}

test('R004-165: a name that spells a digest is bound to bytes that have it, at Global and at a Local', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global({ store: 'disk' })
  const folder = await nodes.folder()
  await refusesOthers(t, global, folder)
  const other = await nodes.global({ store: 'memory' })
  await refusesOthers(t, await nodes.local(other), folder)
})

test('R004-166: such a name is fixed, of bytes, and spelled in one way', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  for (const node of [global, local]) {
    const bytes = bytesOf(1, 9)
    const name = nameOf(bytes)
    const usage = { code: 'usage' }
    const tag = { kind: 'tag' } as const
    await t.throwsAsync(node.put({ bytes: once(bytes) }, { name, naming: tag }), usage)
    const { key } = await node.put({ bytes: once(bytes) })
    await t.throwsAsync(node.index.tag(name, key), usage)
    await t.throwsAsync(node.index.bind(name, key, tag), usage)
    await t.throwsAsync(node.index.bind(name.toUpperCase().replace('MH', 'mh'), key), {
      code: 'usage',
      message: /it is written mh\/b/,
    })
    await t.throwsAsync(node.index.bind('mh/other', key), usage)
    t.is(await node.index.lookup(name), undefined)
    const hold = await node.trees.openHold()
    const folder = Uint8Array.of(0xa1, 0x64, 0x74, 0x72, 0x65, 0x65, 0xa0)
    const directory = (await node.put({ bytes: once(folder) }, { hold })).key.as('directory')
    t.deepEqual((await node.trees.makeDirectories(hold, [directory]))[0]?.missing, [])
    const commit = node.trees.commitTree(hold, directory, { name: nameOf(folder) })
    await t.throwsAsync(commit, usage)
    await node.trees.commitTree(hold, directory)
    await t.throwsAsync(node.index.bind(nameOf(folder), directory), usage)
    await node.index.bind(nameOf(folder), directory.as('bytes'))
    await node.index.unbind(nameOf(folder), { keepValue: true })
  }
})

test('R004-165: a Local verifies bytes and files before it sends them', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const path = join(await nodes.folder(), 'value')
  const wrong = nameOf(bytesOf(1, 7))
  const refused = { code: 'usage', message: /the sha2-256 of the bytes is not that/ }
  await global.close()
  await t.throwsAsync(local.put({ bytes: once(bytesOf(2, 7)) }, { name: wrong }), refused)
  await writeFile(path, bytesOf(3, 100_000))
  await t.throwsAsync(local.put({ path }, { name: wrong }), refused)
  const [outcome] = await local.putNamed([{ value: bytesOf(2, 7), name: wrong }])
  t.like(outcome, { error: { code: 'usage' } })
})
