/** `verify` with `counts` at a Global: after damage, and beside puts and removals. */
import { toHex } from '../../../../src/bytes.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import { keyRow, decodeKey } from '../../../../src/index/records/record.ts'
import {
  MISSING_ROW,
  UNCOUNTED_ROW,
  heldRow,
  missingRow,
} from '../../../../src/index/records/tree-record.ts'
import type { Global } from '../../../../src/node/global/global.ts'
import type { Verification } from '../../../../src/node/node.ts'
import { decodeCounter } from '../../../../src/store/counters.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { createMemoryStore } from '../../../../src/store/memory/memory.ts'
import type { Store } from '../../../../src/store/store.ts'
import { eventually } from '../../../eventually.ts'
import { walkIndex } from '../../../index/whole-index.ts'
import { test } from '../../../serial.ts'
import { inTemporary } from '../../../store/temporary.ts'
import { Nodes } from '../../nodes.ts'
import { putTree, valuesOf, type Tree } from '../../put-tree.ts'
import { settled } from '../settled.ts'
import { withGlobal } from '../with-global.ts'

const text = (value: string): Uint8Array => Buffer.from(value)

async function verified(global: Global): Promise<Verification[]> {
  const found: Verification[] = []
  for await (const one of global.verify({ counts: true })) found.push(one)
  return found.filter(({ type }) => type !== 'progress')
}

const count = async (store: Store, key: typeof MISSING_ROW): Promise<number> =>
  decodeCounter((await store.rows([key]))[0]?.value)

const TREE: Tree = {
  a: text('a'),
  b: text('b'),
  sub: { c: text('c'), deep: { d: text('d') } },
}

test('R004-113: what a damaged directory held stays counted, until it is counted again', async (t) => {
  await inTemporary(async (directory) => {
    await withGlobal(await openDiskStore({ directory }), async (global, store) => {
      await putTree(global, TREE, 'tree')
      await putTree(global, { c: text('c') }, 'other')
      const sub = valuesOf(TREE['sub'] as Tree).root
      const [row] = await store.rows([keyRow(sub.digest)])
      await store.quarantine(decodeKey(row!).location)
    })
    // Nothing of it is in memory any more.
    await withGlobal(await openDiskStore({ directory }), async (global, store) => {
      const damaged = await verified(global)
      t.like(damaged[0], { type: 'damaged', repaired: false })
      t.like(damaged.at(-1), { type: 'done', damaged: 1, miscounted: 2 })
      t.true(damaged.every((one) => one.type !== 'miscounted' || !one.corrected))

      await global.index.unbind('tree')
      await settled(store)
      t.is(await count(store, UNCOUNTED_ROW), 1)
      const found = await verified(global)
      t.deepEqual(
        found
          .map((one) => (one.type === 'miscounted' ? `${one.of} ${one.stated} ${one.counted}` : ''))
          .toSorted(),
        ['', 'directories 1 0', 'directories 2 1'],
      )
      await settled(store)
      t.is(await count(store, UNCOUNTED_ROW), 0)
      const index = await walkIndex(store)
      t.deepEqual(index.faults, [])
      // The other tree and its file are left.
      const { root, files } = valuesOf({ c: text('c') })
      const left = [root.digest, hash(files[0]!).digest].map(toHex)
      t.deepEqual([...index.keys.keys()].toSorted(), left.toSorted())
    })
  })
})

test('R004-111: a mark of a missing key is restored, and the next put takes it back', async (t) => {
  await withGlobal(createMemoryStore(), async (global, store) => {
    await putTree(global, TREE, 'tree')
    const [one] = await global.putMany([text('a')])
    await global.index.remove(one!.key, { force: true })
    t.is(await count(store, MISSING_ROW), 1)
    // As long as no key is missing, puts do not look for marks.
    await store.commit({
      conditions: [],
      writes: [{ key: missingRow(one!.key.digest), value: undefined }],
      increments: [{ key: MISSING_ROW, by: -1 }],
      entry: undefined,
    })
    await eventually(async () => (await global.index.stat(one!.key)) === undefined)
    await new Promise((resolve) => setTimeout(resolve, 600))
    const found = await verified(global)
    t.like(found[0], { type: 'miscounted', of: 'missing', stated: 0, counted: 1 })
    await global.putMany([text('a')])
    t.is(await count(store, MISSING_ROW), 0)
    t.deepEqual((await walkIndex(store)).faults, [])
  })
})

test('R004-111: a removal that a wrong count has stopped goes on once the counts are verified', async (t) => {
  await withGlobal(createMemoryStore(), async (global, store) => {
    await putTree(global, TREE, 'tree')
    const { files } = valuesOf(TREE)
    const increments = files.map((bytes) => ({ key: heldRow(hash(bytes).digest), by: -1 }))
    await store.commit({ conditions: [], writes: [], increments, entry: undefined })
    const removed = await global.index.unbind('tree', { timeoutMs: 300 })
    t.like(removed.tree, { complete: false })
    const found = await verified(global)
    // The removal goes on at any moment.
    t.true(found.length > 1)
    await settled(store)
    await verified(global)
    await settled(store)
    const { faults, keys } = await walkIndex(store)
    t.deepEqual(faults, [])
    t.is(keys.size, 0)
  })
})

test('R004-111: a Local has no counts to verify', async (t) => {
  const nodes = new Nodes(t)
  const local = await nodes.local(await nodes.global())
  await t.throwsAsync(
    async () => {
      for await (const _ of local.verify({ counts: true })) t.fail()
    },
    { code: 'usage' },
  )
})

test('R004-111: one verification of the counts runs at a time', async (t) => {
  await withGlobal(createMemoryStore(), async (global) => {
    await putTree(global, TREE, 'tree')
    const first = global.verify({ counts: true })
    await first.next()
    await t.throwsAsync(verified(global), { code: 'busy' })
    await first.return(undefined)
    t.like((await verified(global)).at(-1), { type: 'done', miscounted: 0 })
  })
})

test('R004-111, R004-113: puts and removals beside verifications lose nothing, and leave nothing', async (t) => {
  await withGlobal(createMemoryStore(), async (global, store) => {
    const version = (n: number): Tree => ({
      same: { a: text('a'), b: text('b'), c: text('c') },
      own: { [`${n % 3}`]: text(`${n}`), d: text('d') },
    })
    const over = new AbortController()
    const work = async (worker: number): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        const name = `tree-${worker}`
        const { key } = await putTree(global, version(4 * round + worker), name)
        // Every one of them is whole.
        for (const { key: below } of valuesOf(version(4 * round + worker)).directories) {
          t.not(await global.index.stat(below), undefined)
        }
        if (round % 2 === 0) await global.index.unbind(name)
        else await global.index.remove(key, { force: true })
      }
    }
    const disturb = async (): Promise<void> => {
      // Counts that are too high, again and again.
      for (let i = 0; !over.signal.aborted; i++) {
        const digest = new Uint8Array(32).fill(i % 256)
        const { files } = valuesOf(version(i))
        const [known] = await global.putMany([files[i % files.length]!])
        for (const wrong of [digest, known!.key.digest]) {
          const increments = [{ key: heldRow(wrong), by: 1 }]
          await store.commit({ conditions: [], writes: [], increments, entry: undefined })
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const verifying = async (): Promise<void> => {
      while (!over.signal.aborted) await verified(global)
    }
    const beside = [disturb(), verifying()]
    await Promise.all([0, 1, 2, 3].map(work))
    over.abort()
    await Promise.all(beside)
    // What is being removed changes counts, and may keep one from being settled.
    await settled(store)
    await verified(global)
    await settled(store)
    const { faults, keys, names } = await walkIndex(store)
    t.deepEqual(faults, [])
    t.is(names.size, 0)
    // What `putMany` put has no name, and stays; everything else is gone.
    for (const { unnamed } of keys.values()) t.true(unnamed)
  })
})
