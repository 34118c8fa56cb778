import {
  readFileSync,
  readdirSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../../serial.ts'
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import { INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import { hashTree } from '../../../src/tree/put/hash-tree.ts'
import { putTree } from '../../../src/tree/put/put-tree.ts'
import { Settled } from '../../../src/tree/put/cache/settled.ts'
import { stampOf } from '../../../src/tree/put/walk/stamp.ts'
import { StatCache, compareFolders } from '../../../src/tree/put/cache/stat-cache.ts'
import { fill, folderOf } from '../folder.ts'
import { MemoryTrees } from '../memory-trees.ts'

/** Longer than a write may leave the stats of a file alone, on this machine's own file systems. */
const SETTLING_MS = 200

const LARGE = 'x'.repeat(INLINE_VALUE_BYTES + 1)

const read = async (path: string, cacheFolder: string): Promise<[number, string]> => {
  const tree = await hashTree(path, { cacheFolder })
  tree.close()
  return [tree.readFiles, tree.root.key.toString()]
}

test('R008-50 only files whose stats changed are read again', async (t) => {
  const path = folderOf(t, {
    'a/one': '1',
    'a-b/two': '2',
    'b/c/three': LARGE,
    'b/four': '4',
    z: 'z',
  })
  const cache = join(folderOf(t, {}), 'cache')
  await sleep(SETTLING_MS)
  const [first, key] = await read(path, cache)
  t.is(first, 5)
  t.deepEqual(await read(path, cache), [0, key])

  // A file in place of another, of the same size and time of last write.
  const file = join(path, 'b/four')
  const at = new Date(1_600_000_000_000)
  utimesSync(file, at, at)
  await sleep(SETTLING_MS)
  t.deepEqual(await read(path, cache), [1, key])
  t.deepEqual(await read(path, cache), [0, key])
  writeFileSync(`${file}.new`, '5')
  utimesSync(`${file}.new`, at, at)
  renameSync(`${file}.new`, file)
  const [again, other] = await read(path, cache)
  t.is(again, 1)
  t.not(other, key)
  await sleep(SETTLING_MS)
  t.deepEqual(await read(path, cache), [1, other])
  t.deepEqual(await read(path, cache), [0, other])
  // The same file, written to within its time of last write.
  writeFileSync(file, '4')
  utimesSync(file, at, at)
  t.deepEqual(await read(path, cache), [1, key])
})

test('R008-50 each folder has its own cache, and folders that come or go disturb no others', async (t) => {
  const path = folderOf(t, { 'a/x': 'x', 'b/x': 'x', 'c/d/x': 'x' })
  const cache = join(folderOf(t, {}), 'cache')
  await sleep(SETTLING_MS)
  t.is((await read(path, cache))[0], 3)
  t.is((await read(join(path, 'c'), cache))[0], 1)
  t.is(readdirSync(cache).length, 2)
  renameSync(join(path, 'b'), join(path, 'bb'))
  fill(path, { 'aa/new': 'n' })
  await sleep(SETTLING_MS)
  t.is((await read(path, cache))[0], 2)
  t.is((await read(path, cache))[0], 0)
})

test('R008-50 a damaged cache is not believed, and none is needed', async (t) => {
  const path = folderOf(t, { 'a/x': 'x', 'b/x': 'y', 'c/x': 'z' })
  const cache = join(folderOf(t, {}), 'cache')
  await sleep(SETTLING_MS)
  const [, key] = await read(path, cache)
  const [name] = readdirSync(cache)
  const bytes = readFileSync(join(cache, name!))
  for (const damage of [0, 19, 20, 24, 40, bytes.byteLength >> 1, bytes.byteLength - 1]) {
    const damaged = Buffer.from(bytes)
    damaged[damage]! ^= 1
    writeFileSync(join(cache, name!), damaged)
    const [count, found] = await read(path, cache)
    t.is(found, key, `byte ${damage}`)
    t.true(count >= 1, `byte ${damage}`)
  }
  for (const length of [0, 5, 30, bytes.byteLength - 1]) {
    writeFileSync(join(cache, name!), bytes.subarray(0, length))
    t.is((await read(path, cache))[1], key)
  }
  writeFileSync(join(path, 'no-folder'), '')
  const [count] = await read(join(path, 'a'), join(path, 'no-folder'))
  t.is(count, 1)
})

test('R008-51 stats that a later write may leave alone are not remembered', (t) => {
  const ns = 1_700_000_000_000_000_000n
  const stats = (mtimeNs: bigint, ctimeNs: bigint): BigIntStats =>
    ({ dev: 1n, mtimeNs, ctimeNs }) as BigIntStats
  const settled = new Settled()
  const after = (ms: number): number => Number(ns / 1_000_000n) + ms
  const fine = ns + 123_456n
  // Of which kind the file system of this folder is decides: never less than a tick.
  const grace = settled.has(stats(fine, fine), after(200), '.') ? 200 : 10_001
  t.true(settled.has(stats(fine, fine), after(grace), '.'))
  t.false(settled.has(stats(fine, fine), after(50), '.'))
  t.false(settled.has(stats(fine, fine), after(-1000), '.'))
  // A time of last write that was set to the future says nothing of the last change.
  t.false(settled.has(stats(fine + 10n ** 12n, fine), after(grace), '.'))
  // Whole milliseconds: it may be a file system that keeps seconds.
  t.false(settled.has(stats(ns, ns), after(9_999), '.'))
  t.true(settled.has(stats(ns, ns), after(10_001), '.'))
  t.false(settled.has(stats(fine, fine), after(50), '/nowhere'))
  t.false(new Settled().has(stats(fine, fine), after(9_999), '/nowhere'))
})

test('R008-50 each of the five stats tells one file from another', (t) => {
  const stats = { size: 1n, mtimeNs: 2n, ctimeNs: 3n, dev: 4n, ino: 5n }
  const stamps = [stats, ...Object.keys(stats).map((field) => ({ ...stats, [field]: 9n }))].map(
    (one) => Buffer.from(stampOf(one)).toString('hex'),
  )
  t.is(new Set(stamps).size, 6)
})

test('R008-51 a file that was just written is read again', async (t) => {
  const path = folderOf(t, { a: 'a' })
  const cache = join(folderOf(t, {}), 'cache')
  const future = new Date(Date.now() + 60_000)
  utimesSync(join(path, 'a'), future, future)
  t.is((await read(path, cache))[0], 1)
  t.is((await read(path, cache))[0], 1)
})

test('R008-50 what was hashed before an interruption is remembered, and what was known', async (t) => {
  const path = folderOf(t, { 'a/x': 'x', 'b/1': LARGE, 'b/2': `${LARGE}2`, 'c/x': 'z' })
  const cache = join(folderOf(t, {}), 'cache')
  await sleep(SETTLING_MS)
  t.is((await read(path, cache))[0], 4)
  fill(path, { 'b/0': 'new', 'b/3': `${LARGE}${LARGE}` })
  await sleep(SETTLING_MS)
  const aborter = new AbortController()
  const onTreeProgress = ({ phase, doneBytes }: { phase: string; doneBytes: number }): void => {
    if (phase === 'hash' && doneBytes > 3 * LARGE.length) {
      aborter.abort(new DstoreError('cancelled', 'cancelled'))
    }
  }
  const { signal } = aborter
  const options = { cacheFolder: cache, signal, onTreeProgress }
  t.is(asDstoreError(await t.throwsAsync(hashTree(path, options))).code, 'cancelled')
  t.is((await read(path, cache))[0], 1)
  t.is((await read(path, cache))[0], 0)
  t.is(readdirSync(cache).length, 1)
})

test('R008-55 after a key that was wrong, nothing of the tree is remembered', async (t) => {
  const path = folderOf(t, { one: 'one', two: 'two' })
  const cacheFolder = join(folderOf(t, {}), 'cache')
  await sleep(SETTLING_MS)
  const node = new MemoryTrees()
  node.beforeHold = () => writeFileSync(join(path, 'two'), 'TWO')
  await t.throwsAsync(putTree(node, path, { cacheFolder }), { message: /two was written to/ })
  t.deepEqual(readdirSync(cacheFolder), [])
  node.beforeHold = () => undefined
  const { sent } = await putTree(node, path, { cacheFolder })
  t.is(sent.files, 2)
})

test('R008-50 caches of the trees that were put last are kept', async (t) => {
  const cacheFolder = join(folderOf(t, {}), 'cache')
  const path = folderOf(t, {})
  for (let one = 0; one < 40; one++) {
    const cache = new StatCache(cacheFolder, `${path}/${one}`)
    cache.keep(false)
  }
  t.is(readdirSync(cacheFolder).length, 32)
  unlinkSync(join(cacheFolder, readdirSync(cacheFolder)[0]!))
  await read(path, cacheFolder)
  t.is(readdirSync(cacheFolder).length, 32)
})

test('R008-50 folders are compared in the order of the walk', (t) => {
  const order = ['', 'a', 'a/b', 'a/b/c', 'a/c', 'a-b', 'a-b/c', 'ab', 'b', '\uffff', '😀']
  for (const [i, one] of order.entries()) {
    for (const [j, other] of order.entries()) {
      t.is(Math.sign(compareFolders(one, other)), Math.sign(i - j), `${one} and ${other}`)
    }
  }
})
