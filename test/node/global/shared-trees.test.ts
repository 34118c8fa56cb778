/** Trees that share their parts: put at once, removed beside each other, on a disk that is full. */
import { bytesIn, toHex } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { putVersion, versionOf, type Version } from '../../faults/trees/versions.ts'
import { walkIndex } from '../../index/whole-index.ts'
import { test } from '../../serial.ts'
import { inTemporary } from '../../store/temporary.ts'
import { settled } from './settled.ts'
import { withGlobal } from './with-global.ts'

const FULL = { code: 'no-space' }

/** Hex digits of every key of a version. */
const keysOf = ({ files, directories }: Version): string[] => [
  ...files.map((bytes) => toHex(hash(bytes).digest)),
  ...directories.map(({ key }) => toHex(key.digest)),
]

const unlessGone = (error: unknown): void => {
  if (!(error instanceof DstoreError && error.code === 'not-found')) throw error
}

test('R004-98: the removal of a version removes its own file and directories, and nothing else', async (t) => {
  const store = createMemoryStore()
  await withGlobal(store, async (global) => {
    const [first, second] = [versionOf(0, 500), versionOf(1, 500)]
    await putVersion(global, first, 'first')
    await putVersion(global, second, 'second')
    const { names, tree } = await global.index.unbind('first')
    t.deepEqual(names, ['first'])
    // One file, the folder that it is in, and the root.
    t.like(tree, { removed: 3, complete: true })
    await settled(store)
    const { faults, keys } = await walkIndex(store)
    t.deepEqual(faults, [])
    t.deepEqual([...keys.keys()].toSorted(), keysOf(second).toSorted())
    await global.index.remove(second.root, { force: true })
    await settled(store)
    t.is((await walkIndex(store)).keys.size, 0)
  })
})

test('R004-90, R004-99: trees that are put while others with the same parts are removed are whole', async (t) => {
  const store = createMemoryStore()
  await withGlobal(store, async (global) => {
    const versions = Array.from({ length: 6 }, (_, n) => versionOf(n, 60))
    const churn = async (worker: number): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        const version = versions[(worker + round) % 3]!
        const name = `churn/${worker}/${round}`
        // Another may remove it by force, before it is committed or with this name.
        await putVersion(global, version, name).catch(unlessGone)
        const removal =
          round % 3 === 0
            ? global.index.unbind(name)
            : global.index.remove(version.root, { force: true })
        await removal.catch(unlessGone)
      }
    }
    const kept = async (n: number): Promise<void> => {
      for (let round = 0; round < 10; round++) {
        await putVersion(global, versions[n]!, `kept/${n}`)
        const keys = keysOf(versions[n]!).map((hex) => new Key(Buffer.from(hex, 'hex')))
        const facts = await global.index.statMany(keys)
        t.false(facts.includes(undefined), 'all of it is there as soon as it is committed')
        if (round < 9) await global.index.unbind(`kept/${n}`)
      }
    }
    await Promise.all([churn(0), churn(1), churn(2), kept(3), kept(4), kept(5)])
    await settled(store)
    const { faults, keys, names } = await walkIndex(store)
    t.deepEqual(faults, [])
    t.deepEqual([...names.keys()].filter((name) => name.startsWith('kept')).toSorted(), [
      'kept/3',
      'kept/4',
      'kept/5',
    ])
    for (const n of [3, 4, 5]) for (const key of keysOf(versions[n]!)) t.true(keys.has(key))
  })
})

test('R005-24, R004-91: a tree that does not fit leaves nothing once its hold ends, and fits later', async (t) => {
  await inTemporary(async (directory) => {
    const [small, large] = [versionOf(0, 100), versionOf(1, 400)]
    const values = [...small.files, ...small.directories.map(({ bytes }) => bytes)]
    const store = await openDiskStore({ directory, maxBytes: 2 * bytesIn(values) })
    await withGlobal(store, async (global) => {
      await putVersion(global, small, 'small')
      const before = await store.usage()
      await t.throwsAsync(putVersion(global, large, 'large'), FULL)
      const half = await walkIndex(store)
      t.deepEqual(half.faults, [])
      t.deepEqual([...half.names.keys()], ['small'])
      const [hold] = half.unfinished.filter((one) => one.startsWith('hold '))
      await global.trees.releaseHold(hold!.split(' ')[1]!)
      await settled(store)
      t.deepEqual(await store.usage(), before)
      t.deepEqual((await walkIndex(store)).faults, [])
      await global.index.unbind('small')
      await putVersion(global, versionOf(1, 100), 'other')
      await settled(store)
      t.deepEqual((await walkIndex(store)).faults, [])
    })
  })
})

test('R005-84, R004-98: on a full disk no tree is begun, and every tree can be removed', async (t) => {
  await inTemporary(async (directory) => {
    let freeBytes = Number.MAX_SAFE_INTEGER
    const files = { ...nodeFiles, freeBytes: () => Promise.resolve(freeBytes) }
    // Time enough passes between any two calls for the disk to be asked again.
    let elapsedMs = 0
    const clocks = { wall: Date.now, elapsed: () => (elapsedMs += 1000) }
    const store = await openDiskStore({ directory }, { files, clocks })
    await withGlobal(store, async (global) => {
      const [first, second] = [versionOf(0, 100), versionOf(1, 100)]
      await putVersion(global, first, 'first')
      await putVersion(global, second, 'second')
      const hold = await global.trees.openHold()
      await global.trees.present(
        hold,
        first.files.slice(0, 50).map((one) => new Key(hash(one).digest)),
      )
      freeBytes = 0
      await t.throwsAsync(putVersion(global, versionOf(2, 100), 'third'), FULL)
      await t.throwsAsync(
        global.trees
          .makeDirectories(hold, [first.root])
          .then(() => global.trees.present(hold, [first.root])),
        FULL,
      )
      t.like((await global.index.unbind('first')).tree, { removed: 3, complete: true })
      await global.index.remove(second.root, { force: true })
      await global.trees.releaseHold(hold)
      await settled(store)
      const { faults, keys } = await walkIndex(store)
      t.deepEqual(faults, [])
      t.is(keys.size, 0)
      freeBytes = Number.MAX_SAFE_INTEGER
      await putVersion(global, first, 'first')
      t.deepEqual((await walkIndex(store)).faults, [])
    })
  })
})
