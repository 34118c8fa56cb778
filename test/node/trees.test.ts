/** Trees at Global, at a Local, and through a daemon: the same calls, the same answers. */
import { test } from '../serial.ts'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { equal } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { INLINE_VALUE_BYTES } from '../../src/limits.ts'
import { createLog } from '../../src/daemon/process/log.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { connectNode } from '../../src/daemon/client/remote-node.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import type { HoldId, Node, ServedNode } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { Nodes, once, read } from './nodes.ts'
import { putTree, putValues, valuesOf, type Tree } from './put-tree.ts'

const text = (value: string): Uint8Array => Buffer.from(value)

const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * seed) & 255)

/** More than an inline value, which no other has. */
const large = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, pattern(INLINE_VALUE_BYTES)])

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

/** What ends with the file: its nodes are shared by the tests that do not need their own. */
const endings: (() => unknown)[] = []
const shared = {
  teardown: (end: () => unknown) => endings.push(end),
} as unknown as ExecutionContext

test.after.always(async () => {
  for (const end of endings.toReversed()) await end()
})

let opened: Promise<Case[]> | undefined

/** A Global, a Local of it, and the clients of a daemon over each. */
const cases = (): Promise<Case[]> => (opened ??= open())

async function open(): Promise<Case[]> {
  const nodes = new Nodes(shared)
  const global = await nodes.global()
  const local = await nodes.local(global)
  return [
    { name: 'global', node: global },
    { name: 'local', node: local },
    { name: 'client of global', node: await clientOf(nodes, global) },
    { name: 'client of local', node: await clientOf(nodes, local) },
  ]
}

async function clientOf(nodes: Nodes, node: ServedNode): Promise<Node> {
  const daemon = await startDaemon({
    directory: stateDirectory(await nodes.folder()),
    settings: {},
    log: createLog('error', () => undefined),
    openNode: () => Promise.resolve(borrowed(node)),
  })
  shared.teardown(() => daemon.close())
  const client = (await connectNode(daemon.socket))!
  shared.teardown(() => client.close())
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
  for (const { name, node } of await cases()) {
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
    await eventually(async () => !(await node.index.stat(root))!.directory!.mayLack)
    t.is((await node.index.stat(new Key(hash(files[0]!).digest)))!.heldBy, 1, name)
    t.is((await node.index.stat(root))!.heldBy, 0, name)
    // Again, without a name: the same tree.
    t.true((await putTree(node, tree)).existed, name)
  }
})

test('R007-216 a hold keeps what is present, and says what is not', async (t) => {
  for (const { name, node } of await cases()) {
    const trees = node.trees
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
  for (const { name, node } of await cases()) {
    const trees = node.trees
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
  for (const { name, node } of await cases()) {
    const hold = await node.trees.openHold()
    t.regex(hold, /^[0-9a-f]{32}$/)
    const put = (options: object): Promise<unknown> =>
      node.put({ bytes: once(text(name)) }, options)
    await t.throwsAsync(put({ hold, name: 'n' }), { code: 'usage' }, name)
    await t.throwsAsync(put({ hold: 'x' }), { code: 'usage' }, name)
    await t.throwsAsync(put({ hold: hold.toUpperCase().replaceAll(/\d/g, 'A') }), { code: 'usage' })
    await t.throwsAsync(put({ hold: '0'.repeat(32) }), { code: 'not-found' }, name)
    await node.trees.releaseHold(hold)
  }
})

test('R007-219 a value that only a hold keeps goes with the last hold', async (t) => {
  const nodes = new Nodes(t)
  const path = join(await nodes.folder(), 'file')
  for (const { name, node } of await cases()) {
    const trees = node.trees
    const ways: [way: string, put: (bytes: Uint8Array, hold: HoldId) => Promise<unknown>][] = [
      ['a batch', (bytes, hold) => node.putMany([bytes], { hold })],
      ['a small stream', (bytes, hold) => node.put({ bytes: once(bytes) }, { hold })],
      ['a stream', (bytes, hold) => node.put({ bytes: once(large(bytes)) }, { hold })],
      [
        'a file',
        async (bytes, hold) => {
          await writeFile(path, large(bytes))
          return node.put({ path }, { hold })
        },
      ],
    ]
    for (const [way, put] of ways) {
      const about = `${name}: ${way}`
      const bytes = text(about)
      const isLarge = way === 'a stream' || way === 'a file'
      const key = new Key(hash(isLarge ? large(bytes) : bytes).digest)
      const [first, second] = [await trees.openHold(), await trees.openHold()]
      await put(bytes, first)
      await put(bytes, second)
      await trees.releaseHold(first)
      // It would be gone by the time that this value is.
      const other = await trees.openHold()
      await node.putMany([text(`beside ${about}`)], { hold: other })
      await trees.releaseHold(other)
      const beside = new Key(hash(text(`beside ${about}`)).digest)
      await eventually(async () => (await node.index.stat(beside)) === undefined)
      t.truthy(await node.index.stat(key), about)
      await trees.releaseHold(second)
      await eventually(async () => (await node.index.stat(key)) === undefined)
    }
  }
  t.pass()
})

test('R003-139 an upload under a hold that has ended is refused, and leaves nothing', async (t) => {
  for (const { name, node } of await cases()) {
    const hold = await node.trees.openHold()
    await node.trees.releaseHold(hold)
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

test('R007-227 bytes that are no directory are not given for the key of one', async (t) => {
  for (const { name, node } of await cases()) {
    const tree = { 'only.txt': text(`only of ${name}`) }
    const { root, directories } = valuesOf(tree)
    const plain = new Key(root.digest)
    const { bytes } = directories[0]!
    const isRefused = async (why: string): Promise<void> => {
      const error = await t.throwsAsync(node.get(root), { code: 'not-found' }, `${name}: ${why}`)
      t.regex(error.message, /stored, but not as a directory/, name)
      t.is(await node.index.stat(root), undefined, name)
      t.is(node.getImmediate?.(root.toString()), undefined, name)
      t.true(equal(await read(node, plain), bytes), name)
      await t.throwsAsync(node.index.bind(`bound ${name}`, root), { code: 'not-found' }, name)
    }
    await node.put({ bytes: once(bytes) })
    await isRefused('put as bytes')

    await putTree(node, tree)
    t.true(equal(await read(node, root), bytes), name)
    t.true(equal(await read(node, root), bytes), 'again, out of a cache')
    t.is((await node.get(root)).key.toString(), root.toString(), name)
    t.is((await node.get(plain)).key.toString(), plain.toString(), name)
    t.is((await node.index.stat(root))!.directory!.files, 1, name)
    t.is((await node.index.stat(plain))!.directory, undefined, name)
    t.is((await node.index.bind(`bound ${name}`, root)).key.toString(), root.toString())

    await node.index.remove(root, { force: true })
    await node.put({ bytes: once(bytes) })
    await isRefused('removed, and put as bytes')
  }
})

test('R007-227 the removal of a directory says how far it has come', async (t) => {
  for (const { name, node } of await cases()) {
    // Nothing of it is in another tree.
    const tree = { a: text(`removal ${name}`), sub: { deep: { x: text(`x ${name}`) } } }
    const { root, files, directories } = valuesOf(tree)
    await putTree(node, tree, `removed/${name}`)
    const values = files.length + directories.length
    const removed = await node.index.unbind(`removed/${name}`)
    t.is(removed.key!.toString(), root.toString(), name)
    t.like(removed.tree, { removed: values, complete: true }, name)
    for (const { key } of directories) t.is(await node.index.stat(key), undefined, name)

    await putTree(node, tree)
    const again = await node.index.remove(root)
    t.like(again.tree, { removed: values, complete: true }, name)
    t.is(again.owed.length, 0, name)
    for (const one of files) t.is(await node.index.stat(new Key(hash(one).digest)), undefined, name)
  }
})

test('R007-227 a child that a directory holds is removed by force only, and is missed', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const tree = treeOf('forced')
  const { root, files } = valuesOf(tree)
  await putTree(local, tree)
  const child = new Key(hash(files[0]!).digest)
  const error = await t.throwsAsync(local.index.remove(child), { code: 'conflict' })
  t.regex(error.message, /1 directory/)
  await eventually(async () => !(await local.index.stat(root))!.directory!.mayLack)
  t.is((await global.status()).store!.missingHeld, undefined)
  await local.index.remove(child, { force: true })
  t.true((await local.index.stat(root))!.directory!.mayLack)
  t.true((await global.index.stat(root))!.directory!.mayLack)
  t.is((await global.status()).store!.missingHeld, 1)
  await t.throwsAsync(read(local, child), { code: 'not-found' })
  await local.put({ bytes: once(files[0]!) })
  t.is((await global.status()).store!.missingHeld, undefined)
})

test('R007-228 a reader reads trees, and stores none', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const { ticket } = await global.members.invite({ role: 'reader' })
  const reader = await nodes.open({ role: 'local', ticket: parseTicket(ticket) })
  await eventually(async () => (await reader.status()).global!.state === 'connected')
  const tree = treeOf('for readers')
  const { root, directories } = valuesOf(tree)
  await putTree(global, tree)
  t.true(equal(await read(reader, root), directories.at(-1)!.bytes))
  const hold = await global.trees.openHold()
  const refused: (() => Promise<unknown>)[] = [
    () => reader.trees.openHold(),
    () => reader.trees.releaseHold(hold),
    () => reader.trees.present(hold, [root]),
    () => reader.trees.makeDirectories(hold, [root]),
    () => reader.trees.commitTree(hold, root),
    () => reader.putMany([text('x')], { hold }),
    () => reader.put({ bytes: once(pattern(400_000)) }, { hold }),
  ]
  for (const call of refused) await t.throwsAsync(call(), { code: 'not-permitted' }, String(call))
  t.deepEqual(await global.trees.present(hold, [root]), [true])
})
