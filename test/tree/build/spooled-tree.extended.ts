/** Trees of entries in any order, compared with what `buildTree` makes of them in memory. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry } from '../../../src/directory/directory.ts'
import { BATCH_ITEMS, DIRECTORY_DEPTH } from '../../../src/limits.ts'
import { buildTree } from '../../../src/tree/build/build-tree.ts'
import { commitSpooled } from '../../../src/tree/build/spooled/commit-spooled.ts'
import { NodeTable, ROOT } from '../../../src/tree/build/spooled/node-table.ts'
import { SpooledTree, type SpooledDirectory } from '../../../src/tree/build/spooled/spooled-tree.ts'
import { DigestTable } from '../../../src/tree/digest-table.ts'
import { ArrivedDirectories } from '../../../cli/archive/arrived-directories.ts'
import { test } from '../../serial.ts'
import { MemoryTrees } from '../memory-trees.ts'
import { emptyFolder } from '../on-disk.ts'

type Own = Exclude<Entry, { readonly type: 'directory' }>

/** Repeatable numbers (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const digestOf = (number: number): Uint8Array => {
  const digest = new Uint8Array(32).fill(number)
  new DataView(digest.buffer).setUint32(28, number)
  return digest
}
const file = (number: number): Own => ({
  type: 'file',
  digest: digestOf(number),
  size: number * 1e7,
  executable: number % 3 === 0,
})

/** The keys of the directories of a tree, those below each before it. */
function keysOf(tree: SpooledTree): string[] {
  const heights = new Map<string, number>()
  const keys = Array.from(tree.directories(), ({ key, height }) => {
    heights.set(key.toHex(), height)
    return key.toHex()
  })
  // What a directory has is lower, so that it can be made before.
  return keys.map((key) => `${key} ${heights.get(key)}`)
}

test('R007-277: entries in any order make the tree that they make in memory', (t) => {
  for (const seed of [1, 2, 3, 4]) {
    const random = randomFrom(seed)
    const tree = new SpooledTree()
    const model = new Map<string, Own | undefined>()
    const name = (): string => ['a', 'é', 'a-b', '\ufeff', '😀', `n${random(40)}`][random(6)]!
    for (let i = 0; i < 3000; i++) {
      const path = Array.from({ length: 1 + random(4) }, name).join('/')
      const kind = random(10)
      const entry: Own | undefined =
        kind === 0
          ? undefined
          : kind === 1
            ? { type: 'link', target: `${name()}/${'x'.repeat(random(500))}` }
            : file(random(1000))
      // A path below a file is refused: see the next test.
      const parts = path.split('/')
      const above = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'))
      if (above.some((one) => model.get(one) !== undefined)) continue
      if (entry !== undefined && [...model.keys()].some((one) => one.startsWith(`${path}/`)))
        continue
      model.set(path, entry)
      tree.set(path, entry)
    }
    for (const [path, entry] of model) {
      t.deepEqual(tree.get(path.split('/')), entry ?? 'folder', path)
    }
    t.is(tree.get(['nothing', 'here']), undefined)
    const { root, levels } = buildTree(Array.from(model, ([path, entry]) => ({ path, entry })))
    const expected = levels.flatMap((level, height) =>
      level.map(({ key }) => `${key.toHex()} ${height}`),
    )
    const keys = keysOf(tree)
    t.deepEqual([...new Set(keys)].toSorted(), expected.toSorted())
    t.is(keys.at(-1)!.split(' ')[0], root.toHex())
    tree.close()
  }
})

test('R007-278: the later of two entries counts, whatever was below the earlier one', (t) => {
  const tree = new SpooledTree()
  tree.set('a', file(1))
  tree.set('a/b', file(2))
  t.throws(() => keysOf(tree), { code: 'usage', message: 'two entries are at one path: a' })
  tree.set('a', undefined)
  const entries = [{ path: 'a/b', entry: file(2) }]
  t.is(keysOf(tree).at(-1)!.split(' ')[0], buildTree(entries).root.toHex())
  t.is(tree.size, 2)
  tree.close()
})

test('R007-277: entries beyond a window of memory stand in a file without a name', (t) => {
  const folder = emptyFolder(t)
  const tree = new SpooledTree(folder)
  const paths = Array.from({ length: 5000 }, (_, at) => `${'long '.repeat(10)}${at % 50}/${at}`)
  for (const [at, path] of paths.entries()) tree.set(path, file(at))
  t.deepEqual(readdirSync(folder), [])
  t.is(tree.size, 5050)
  for (const at of [4999, 0, 2500, 1, 4998]) {
    t.deepEqual(tree.get(paths[at]!.split('/')), file(at))
  }
  const { root } = buildTree(paths.map((path, at) => ({ path, entry: file(at) })))
  t.is(keysOf(tree).at(-1)!.split(' ')[0], root.toHex())
  tree.close()
})

test('R007-277: where the file cannot be written, the put fails and says so', (t) => {
  const tree = new SpooledTree(join(emptyFolder(t), 'gone'))
  const fill = (): void => {
    for (let at = 0; at < 5000; at++) tree.set(`file ${at}`, file(at))
  }
  t.throws(fill, { code: 'unwritable', message: /cannot write a temporary file in/ })
  tree.close()
})

test('R008-47: a folder of an archive that is too wide or too deep is refused by its path', (t) => {
  const deep = new SpooledTree()
  deep.set(Array(DIRECTORY_DEPTH).fill('d').join('/'), file(1))
  t.throws(() => deep.set(Array(DIRECTORY_DEPTH).fill('d').join('/'), undefined), {
    code: 'too-large',
  })
  t.is(keysOf(deep).length, DIRECTORY_DEPTH)
  deep.close()
  const wide = new SpooledTree()
  for (let at = 0; at < 70_000; at++) wide.set(`some/wide/${'w'.repeat(240)}${at}`, file(1))
  t.throws(() => keysOf(wide), { code: 'too-large', message: /^some\/wide has too many entries/ })
  wide.close()
})

test('R007-277: names whose hashes meet are told apart', (t) => {
  const table = new NodeTable(() => 'another')
  table.add(ROOT, 'a', 0)
  t.is(table.find(ROOT, 'a'), undefined)
})

test('R007-280: directories are stored while others are made', async (t) => {
  const node = new MemoryTrees()
  const tree = new SpooledTree()
  for (let at = 0; at < 2500; at++) tree.set(`d/${at}/link`, { type: 'link', target: `${at}` })
  let given = 0
  const directories = function* (): Generator<SpooledDirectory> {
    for (const one of tree.directories()) {
      given++
      yield one
    }
  }
  const before: number[] = []
  const { trees } = node
  const parts = {
    put: node.put.bind(node),
    putMany: (...args: Parameters<typeof node.putMany>) => {
      before.push(given)
      return node.putMany(...args)
    },
    trees,
  }
  const { size, files } = await commitSpooled(parts, await trees.openHold(), directories(), {})
  t.deepEqual([size, files], [0, 0])
  t.deepEqual(before.slice(0, 2), [BATCH_ITEMS, 2 * BATCH_ITEMS])
  t.is(node.roots.length, 1)
  tree.close()
})

test('R007-284: a directory waits for those below it that came, not for those that did not', (t) => {
  const arrived = new ArrivedDirectories()
  const [a, b, c, shared] = [1, 2, 3, 4].map(digestOf) as [Uint8Array, ...Uint8Array[]]
  arrived.add(a, [b!, shared!, shared!])
  arrived.add(b!, [shared!, c!])
  arrived.add(shared!, [])
  arrived.add(a, [c!])
  const linked = arrived.link()
  const name = (one: number): number => linked.keyOf(one).digest[0]!
  t.deepEqual(linked.ready().map(name), [4])
  t.deepEqual(linked.roots().map(name), [1])
  const [first] = linked.ready()
  const next = [...linked.made(first!)]
  t.deepEqual(next.map(name), [2])
  t.deepEqual([...linked.made(next[0]!)].map(name), [1])
  t.deepEqual(
    Array.from(linked.unmade(), ({ digest }) => digest[0]),
    [1],
  )
})

test('R007-282: a table of digests numbers each once, also those that are alike', (t) => {
  const table = new DigestTable()
  const numbers = new Map<string, number>()
  const random = randomFrom(7)
  for (let i = 0; i < 20_000; i++) {
    const digest = new Uint8Array(32)
    // The first bytes of many are the same: they meet in one slot.
    new DataView(digest.buffer).setUint32(random(2) === 0 ? 28 : 0, random(9000))
    const text = Buffer.from(digest).toString('hex')
    t.is(table.find(digest), numbers.get(text) ?? -1)
    if (!numbers.has(text)) numbers.set(text, numbers.size)
    if (table.add(digest) !== numbers.get(text)) t.fail(text)
  }
  t.is(table.size, numbers.size)
  for (const [text, number] of numbers) {
    if (Buffer.from(table.at(number)).toString('hex') !== text) t.fail(text)
  }
})
