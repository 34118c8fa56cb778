/** Trees at Global, at a Local, and through a daemon: the same calls, the same answers. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { INLINE_VALUE_BYTES } from '../../src/limits.ts'
import { createLog } from '../../src/daemon/process/log.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { connectNode } from '../../src/daemon/client/remote-node.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import type { Node, ServedNode } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { Nodes, once, read } from './nodes.ts'
import { putTree, putValues, valuesOf, type Tree } from './put-tree.ts'

const text = (value: string): Uint8Array => Buffer.from(value)

const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * seed) & 255)

/** A small tree with a file beyond an inline value, whose content no other has. */
const treeOf = (seed: string): Tree => ({
  'a.txt': text(`a of ${seed}`),
  'run.sh': text(`#!/bin/sh ${seed}`),
  link: 'a.txt',
  empty: {},
  sub: { 'large.bin': pattern(INLINE_VALUE_BYTES + 5000, seed.length), deep: { x: text(seed) } },
})

interface Case {
  readonly name: string
  readonly node: Node
}

/** A Global, a Local of it, and the clients of a daemon over each. */
async function cases(t: ExecutionContext): Promise<Case[]> {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  return [
    { name: 'global', node: global },
    { name: 'local', node: local },
    { name: 'client of global', node: await clientOf(t, nodes, global) },
    { name: 'client of local', node: await clientOf(t, nodes, local) },
  ]
}

async function clientOf(t: ExecutionContext, nodes: Nodes, node: ServedNode): Promise<Node> {
  const daemon = await startDaemon({
    directory: stateDirectory(await nodes.folder()),
    settings: {},
    log: createLog('error', () => undefined),
    openNode: () => Promise.resolve(borrowed(node)),
  })
  t.teardown(() => daemon.close())
  const client = (await connectNode(daemon.socket))!
  t.teardown(() => client.close())
  return client
}

/** The node, for a daemon that must not close it. */
function borrowed(node: ServedNode): ServedNode {
  return new Proxy(node, {
    get(target, name): unknown {
      if (name === 'close') return () => Promise.resolve()
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

test('R007-215 a tree is put under a hold, with a name or without one, at every node', async (t) => {
  for (const { name, node } of await cases(t)) {
    const tree = treeOf(name)
    const { root, files, directories } = valuesOf(tree)
    const stored = await putTree(node, tree, `trees/${name}`)
    t.deepEqual([stored.key.toString(), stored.existed], [root.toString(), false], name)
    for (const bytes of [...files, ...directories.map((one) => one.bytes)]) {
      t.true(equal(await read(node, new Key(hash(bytes).digest)), bytes), name)
    }
    t.is((await node.index.lookup(`trees/${name}`))!.key.toString(), root.toString(), name)
    const facts = await node.index.stat(root)
    const size = files.reduce((sum, { byteLength }) => sum + byteLength, 0)
    t.like(facts!.directory, { totalSize: size, files: files.length }, name)
    // Global counts what is missing when it has recovered.
    await eventually(async () => (await node.index.stat(root))!.directory!.mayLack === false)
    t.is((await node.index.stat(new Key(hash(files[0]!).digest)))!.heldBy, 1, name)
    // Again, without a name: the same tree.
    t.true((await putTree(node, tree)).existed, name)
  }
})

test('R007-216 a hold keeps what is present, and says what is not', async (t) => {
  for (const { name, node } of await cases(t)) {
    const trees = node.trees!
    const { root, files, directories } = valuesOf(treeOf(`present ${name}`))
    const hold = await trees.openHold()
    const fileKeys = files.map((bytes) => new Key(hash(bytes).digest))
    t.deepEqual(await trees.present(hold, [root, ...fileKeys]), [false, false, false, false, false])
    t.deepEqual(await trees.present(hold, []), [], name)
    await putValues(node, hold, files)
    await putValues(
      node,
      hold,
      directories.map(({ bytes }) => bytes),
    )
    // Its bytes are there, but it is no directory yet.
    t.deepEqual(await trees.present(hold, [root, ...fileKeys]), [false, true, true, true, true])
    for (const { key } of directories) await trees.makeDirectories(hold, [key])
    t.deepEqual(await trees.present(hold, [root]), [true], name)
    await trees.releaseHold(hold)
    await t.throwsAsync(trees.present(hold, [root]), { code: 'not-found' }, name)
    await t.throwsAsync(node.putMany([text('late')], { hold }), { code: 'not-found' }, name)
  }
})

test('R007-217 a directory without its children is not made, and they are named', async (t) => {
  for (const { name, node } of await cases(t)) {
    const trees = node.trees!
    const { root, files, directories } = valuesOf({ a: text(`1 ${name}`), b: { c: text(name) } })
    const hold = await trees.openHold()
    await t.throwsAsync(trees.makeDirectories(hold, [root]), { code: 'not-found' }, name)
    await putValues(
      node,
      hold,
      directories.map(({ bytes }) => bytes),
    )
    const [made] = await trees.makeDirectories(hold, [root])
    t.is(made!.key.toString(), root.toString())
    const missing = [new Key(hash(files[0]!).digest), directories[0]!.key].map(String)
    t.deepEqual(made!.missing.map(String).toSorted(), missing.toSorted(), name)
    await t.throwsAsync(trees.commitTree(hold, root), { code: 'not-found' }, name)
    await putValues(node, hold, [text(`{"not": "a directory of ${name}"}`)])
    const other = new Key(hash(text(`{"not": "a directory of ${name}"}`)).digest, 'directory')
    await t.throwsAsync(trees.makeDirectories(hold, [other]), { code: 'integrity' }, name)
    await trees.releaseHold(hold)
  }
})

test('R007-219 a put under a hold has no name, and a hold is an id', async (t) => {
  for (const { name, node } of await cases(t)) {
    const hold = await node.trees!.openHold()
    t.regex(hold, /^[0-9a-f]{32}$/)
    const put = (options: object): Promise<unknown> =>
      node.put({ bytes: once(text(name)) }, options)
    await t.throwsAsync(put({ hold, name: 'n' }), { code: 'usage' }, name)
    await t.throwsAsync(put({ hold: 'x' }), { code: 'usage' }, name)
    await t.throwsAsync(put({ hold: hold.toUpperCase().replaceAll(/\d/g, 'A') }), { code: 'usage' })
    await t.throwsAsync(put({ hold: '0'.repeat(32) }), { code: 'not-found' }, name)
    await node.trees!.releaseHold(hold)
  }
})

test('R003-139 an upload under a hold that has ended is refused, and leaves nothing', async (t) => {
  for (const { name, node } of await cases(t)) {
    const hold = await node.trees!.openHold()
    await node.trees!.releaseHold(hold)
    const bytes = pattern(INLINE_VALUE_BYTES + 300_000, name.length + 7)
    const error = await t.throwsAsync(
      node.put({ bytes: once(bytes) }, { hold }),
      { code: 'not-found' },
      name,
    )
    t.regex(error.message, /hold/, name)
    t.is(await node.index.stat(new Key(hash(bytes).digest)), undefined, name)
  }
})
