/** Counts that are wrong are found and corrected, while the store is at work. */
import * as fc from 'fast-check'
import { toHex } from '../../../../src/bytes.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { keyRow, encodeKey, decodeKey } from '../../../../src/index/records/record.ts'
import {
  MISSING_ROW,
  addingRow,
  encodeAdding,
  encodeHeld,
  encodeMissing,
  heldRecordRow,
  heldRow,
  keptRow,
  missingRow,
} from '../../../../src/index/records/tree-record.ts'
import { recount } from '../../../../src/node/global/counts/recount.ts'
import type { Ask } from '../../../../src/node/calls/index-calls.ts'
import type { Miscount, Verification } from '../../../../src/node/node.ts'
import { decodeCounter } from '../../../../src/store/counters.ts'
import { walkIndex } from '../../../index/whole-index.ts'
import { test } from '../../../serial.ts'
import { Forest, type Made } from './forest.ts'

interface Found {
  readonly miscounts: readonly (readonly [string, Miscount['of'], number, number, boolean])[]
  readonly done: Verification & { readonly type: 'done' }
}

async function recounted(
  forest: Forest,
  heal?: () => Promise<boolean>,
  keysAtOnce?: number,
): Promise<Found> {
  const { store, childrenOf } = forest
  let random = 0
  const options = {
    store,
    childrenOf,
    ask: forest.ask as Ask,
    random: (bytes: number) => new Uint8Array(bytes).fill(++random),
    heal: heal ?? (async () => false),
    expectMissing: () => void 0,
    ...(keysAtOnce !== undefined && { keysAtOnce }),
  }
  const found: Verification[] = []
  for await (const one of recount(options, {})) found.push(one)
  const done = found.at(-1)!
  if (done.type !== 'done') throw new Error('it ends with what was done')
  const miscounts = found.flatMap((one) =>
    one.type === 'miscounted'
      ? [[toHex(one.key.digest), one.of, one.stated, one.counted, one.corrected] as const]
      : [],
  )
  return { miscounts, done }
}

const linesOf = (miscounts: Found['miscounts']): string[] =>
  miscounts.map((one) => one.join(' ')).toSorted()

/** Two trees that share a file and a folder. */
async function grove(): Promise<Forest & Record<'a' | 'b' | 'c' | 'sub' | 'one' | 'two', Made>> {
  const forest = new Forest()
  const a = await forest.file('a')
  const b = await forest.file('b')
  const c = await forest.file('c')
  const sub = await forest.directory([a, b])
  const one = await forest.directory([sub, a, a], 'one')
  const two = await forest.directory([sub, c], 'two')
  return Object.assign(forest, { a, b, c, sub, one, two })
}

test('R004-111: a recount of an index that is right finds and changes nothing', async (t) => {
  const forest = await grove()
  t.deepEqual((await walkIndex(forest.store)).faults, [])
  const rows = await forest.store.scan('meta', { limit: 100 })
  const { miscounts, done } = await recounted(forest)
  t.deepEqual(miscounts, [])
  t.like(done, { values: 3, damaged: 0, miscounted: 0, unsettled: 0 })
  t.deepEqual(await forest.store.scan('meta', { limit: 100 }), rows)
  t.is(forest.holds, 0)
})

test('R004-111: counts that are too high or too low, absent or for nothing, are corrected', async (t) => {
  const forest = await grove()
  const { a, b, c, sub } = forest
  await forest.add({ key: heldRow(a.digest), by: 2 }, { key: heldRow(b.digest), by: -1 })
  await forest.add({ key: heldRow(sub.digest), by: -1 }, { key: keptRow(c.digest), by: 3 })
  const nowhere = new Uint8Array(32).fill(7)
  await forest.add({ key: heldRow(nowhere), by: 1 })
  t.is((await walkIndex(forest.store)).faults.length, 5)
  const { miscounts, done } = await recounted(forest)
  t.deepEqual(
    linesOf(miscounts),
    [
      `${toHex(a.digest)} directories 4 2 true`,
      `${toHex(b.digest)} directories 0 1 true`,
      `${toHex(sub.digest)} directories 1 2 true`,
      `${toHex(c.digest)} holds 3 0 true`,
      `${toHex(nowhere)} directories 1 0 true`,
    ].toSorted(),
  )
  t.like(done, { miscounted: 5, unsettled: 0 })
  t.deepEqual((await walkIndex(forest.store)).faults, [])
  t.deepEqual((await recounted(forest)).miscounts, [])
  t.is(forest.holds, 0)
})

test('R004-113: what nothing keeps once it is counted is removed, with what it held', async (t) => {
  const forest = await grove()
  const { a, b, c, sub } = forest
  const lone = await forest.file('lone')
  const d = await forest.file('d')
  // Nothing holds it, whatever the index says.
  const loose = await forest.directory([a, d])
  await forest.add({ key: heldRow(loose.digest), by: 1 })
  const { miscounts } = await recounted(forest)
  t.deepEqual(
    linesOf(miscounts),
    [
      `${toHex(lone.digest)} nothing 1 0 true`,
      `${toHex(loose.digest)} directories 1 0 true`,
    ].toSorted(),
  )
  t.deepEqual((await walkIndex(forest.store)).faults, [])
  for (const made of [lone, loose, d]) t.false(await forest.exists(made))
  for (const made of [a, b, c, sub]) t.true(await forest.exists(made))
})

test('R004-113: a key that gets a keeper while it is counted stays', async (t) => {
  const forest = await grove()
  const lone = await forest.file('lone')
  let isBound = false
  forest.beforeRead = async () => {
    if (isBound) return
    isBound = true
    const [row] = await forest.store.rows([keyRow(lone.digest)])
    const value = encodeKey({ ...decodeKey(row!), unnamed: true })
    await forest.write({ key: keyRow(lone.digest), value })
  }
  const { miscounts } = await recounted(forest)
  t.deepEqual(miscounts, [])
  t.true(await forest.exists(lone))
})

test('R004-112: while a directory is damaged no count is lowered, and nothing is removed', async (t) => {
  const forest = await grove()
  const { a, b, sub } = forest
  await forest.add({ key: heldRow(a.digest), by: 1 }, { key: heldRow(sub.digest), by: -1 })
  const lone = await forest.file('lone')
  let isDamaged = true
  forest.beforeRead = async ({ digest }) => {
    if (isDamaged && toHex(digest) === toHex(sub.digest)) {
      throw new DstoreError('integrity', 'the value is damaged')
    }
  }
  const { miscounts, done } = await recounted(forest)
  t.like(done, { damaged: 1, miscounted: 3 })
  t.deepEqual(
    linesOf(miscounts),
    [
      // Without what the damaged one holds, it would be 1 and 0.
      `${toHex(a.digest)} directories 3 1 false`,
      `${toHex(b.digest)} directories 1 0 false`,
      `${toHex(sub.digest)} directories 1 2 true`,
    ].toSorted(),
  )
  t.is(await forest.held(a), 3)
  t.true(await forest.exists(lone))
  // It is whole again in the middle.
  const healed = await recounted(forest, async () => {
    isDamaged = false
    return true
  })
  t.like(healed.done, { damaged: 0, miscounted: 2 })
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-111: a key that is held and missing is marked so, and no other', async (t) => {
  const forest = await grove()
  const { a, b, c, two } = forest
  await forest.lose(c)
  t.deepEqual((await recounted(forest)).miscounts, [])
  // The mark of one was lost, and two others are wrong.
  await forest.write({ key: missingRow(c.digest), value: undefined })
  const mark = encodeMissing({ directory: false })
  await forest.write(
    { key: missingRow(a.digest), value: mark },
    { key: missingRow(two.digest), value: mark },
  )
  await forest.add({ key: MISSING_ROW, by: 4 })
  const { miscounts } = await recounted(forest)
  t.deepEqual(
    linesOf(miscounts),
    [
      `${toHex(c.digest)} missing 0 1 true`,
      `${toHex(a.digest)} missing 1 0 true`,
      `${toHex(two.digest)} missing 1 0 true`,
    ].toSorted(),
  )
  t.true(await forest.exists(b))
  t.deepEqual((await walkIndex(forest.store)).faults, [])
  const [counter] = await forest.store.rows([MISSING_ROW])
  t.is(decodeCounter(counter?.value), 1)
})

test('R004-111: a directory that is held as one, and there only as bytes, is missing', async (t) => {
  const forest = await grove()
  const { sub } = forest
  const [row] = await forest.store.rows([keyRow(sub.digest)])
  const value = encodeKey({ ...decodeKey(row!), directory: undefined })
  await forest.write({ key: keyRow(sub.digest), value })
  const { miscounts } = await recounted(forest)
  t.true(miscounts.some(([hex, of]) => hex === toHex(sub.digest) && of === 'missing'))
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-113: a key that a directory begins to hold while it is counted stays', async (t) => {
  const forest = await grove()
  const lone = await forest.file('lone')
  let isHeld = false
  forest.beforeRead = async () => {
    if (isHeld) return
    isHeld = true
    // Its row is the same as before.
    await forest.directory([lone], 'holds it')
  }
  t.deepEqual((await recounted(forest)).miscounts, [])
  t.true(await forest.exists(lone))
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-111: a count that changes while it is counted is counted again', async (t) => {
  const forest = await grove()
  const { a } = forest
  await forest.add({ key: heldRow(a.digest), by: 1 })
  let isMade = false
  forest.beforeRead = async () => {
    if (isMade) return
    isMade = true
    await forest.directory([a], 'new')
  }
  t.deepEqual(linesOf((await recounted(forest)).miscounts), [
    `${toHex(a.digest)} directories 4 3 true`,
  ])
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-111: a key whose counter comes and goes while it is counted is not written', async (t) => {
  const forest = await grove()
  const { a, one } = forest
  const gone = await forest.directory([forest.b], 'gone')
  // Read at the end of each walk, when the holds are counted.
  await forest.beginRemoval(gone, { upto: 0, unchecked: 1 })
  await forest.add({ key: heldRow(forest.b.digest), by: -1 })
  const record = heldRecordRow(new Uint8Array(16).fill(1), 1, 1)
  const held = encodeHeld({ digests: [a.digest], released: false })
  forest.beforeRead = async ({ digest }) => {
    const isFirst = toHex(digest) === toHex(one.digest)
    const isLast = toHex(digest) === toHex(gone.digest)
    if (!isFirst && !isLast) return
    const [row] = await forest.store.rows([record])
    if ((row === undefined) !== isFirst) return
    await forest.write({ key: record, value: isFirst ? held : undefined })
    await forest.add({ key: keptRow(a.digest), by: isFirst ? 1 : -1 })
  }
  const { miscounts, done } = await recounted(forest)
  t.deepEqual(miscounts, [])
  t.is(done.unsettled, 1)
  t.deepEqual(await forest.store.rows([keptRow(a.digest)]), [undefined])
})

test('R004-111: a directory whose removal begins while it is counted holds its children still', async (t) => {
  const forest = await grove()
  const { a, b } = forest
  const gone = await forest.directory([b], 'gone')
  const going = await forest.directory([a], 'going')
  await forest.beginRemoval(gone, { upto: 1, unchecked: 1 })
  let hasBegun = false
  forest.beforeRead = async ({ digest }) => {
    // Before its key is met, and after the removals that went on were read.
    if (hasBegun || toHex(digest) !== toHex(gone.digest)) return
    hasBegun = true
    await forest.beginRemoval(going, { upto: 1, unchecked: 1 })
  }
  t.deepEqual((await recounted(forest)).miscounts, [])
  t.true(hasBegun)
  t.is(await forest.held(a), 3)
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-113: what is being removed already is not reported', async (t) => {
  const forest = await grove()
  const lone = await forest.file('lone')
  const record = heldRecordRow(new Uint8Array(16).fill(1), 1, 1)
  const value = encodeHeld({ digests: [lone.digest], released: true })
  await forest.write({ key: record, value })
  t.deepEqual((await recounted(forest)).miscounts, [])
  t.true(await forest.exists(lone))
})

test('R004-111: a directory that is made while it is counted is counted once', async (t) => {
  const forest = await grove()
  const { a, b, sub } = forest
  const [row] = await forest.store.rows([keyRow(sub.digest)])
  const { directory, ...plain } = decodeKey(row!)
  // Of its two children the first is counted.
  const counted = { upto: 1, unchecked: 1 }
  const half = encodeAdding({ counted, depth: 1, values: 2 })
  const asPlain = encodeKey(plain)
  await forest.write(
    { key: keyRow(sub.digest), value: asPlain },
    { key: addingRow(sub.digest), value: half },
  )
  await forest.add({ key: heldRow(b.digest), by: -1 })
  t.is(await forest.held(a), 2)
  let isMade = false
  forest.beforeRead = async () => {
    if (isMade) return
    isMade = true
    await forest.write(
      { key: keyRow(sub.digest), value: encodeKey({ ...plain, directory }) },
      { key: addingRow(sub.digest), value: undefined },
    )
    await forest.add({ key: heldRow(b.digest), by: 1 })
  }
  t.deepEqual((await recounted(forest)).miscounts, [])
  t.deepEqual((await walkIndex(forest.store)).faults, [])
})

test('R004-111: no change beside a recount makes it write a wrong count', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
      fc.array(fc.record({ at: fc.nat(), by: fc.integer({ min: -1, max: 2 }) }), { maxLength: 4 }),
      fc.array(fc.record({ make: fc.boolean(), of: fc.nat() }), { maxLength: 12 }),
      fc.constantFrom(undefined, 1, 3),
      async (shapes, wrong, beside, keysAtOnce) => {
        const forest = new Forest()
        const made: Made[] = []
        for (let i = 0; i < 4; i++) made.push(await forest.file(`file ${i}`))
        const pick = (n: number): Made => made[n % made.length]!
        for (const [i, shape] of shapes.entries()) {
          made.push(await forest.directory(shape.map(pick), i % 2 === 0 ? `${i}` : undefined))
        }
        // A first recount removes what nothing keeps: the index is right from here on.
        await recounted(forest)
        for (const { at, by } of wrong) {
          const one = pick(at)
          if (by > 0 || (await forest.held(one)) > 0) {
            await forest.add({ key: heldRow(one.digest), by })
          }
        }
        const left = [...beside]
        let isBusy = false
        forest.beforeRead = async () => {
          const next = left.shift()
          if (next === undefined || isBusy) return
          isBusy = true
          // Directories come and go, each with the counts of its children.
          if (next.make) {
            const children = made.filter((_, i) => (next.of >> i) % 2 === 1)
            const there: Made[] = []
            for (const one of children) if (await forest.exists(one)) there.push(one)
            await forest.directory(there, 'beside')
          } else {
            const one = pick(next.of)
            if ((await forest.exists(one)) && (await forest.held(one)) === 0) {
              await forest.remove(one)
            }
          }
          isBusy = false
        }
        await recounted(forest, undefined, keysAtOnce)
        forest.beforeRead = async () => undefined
        await recounted(forest)
        t.deepEqual((await walkIndex(forest.store)).faults, [])
        t.is(forest.holds, 0)
      },
    ),
    { numRuns: 60 },
  )
})

test('R004-114: however few keys are counted at a time, all of them are', async (t) => {
  const forest = new Forest()
  const files: Made[] = []
  for (let i = 0; i < 40; i++) files.push(await forest.file(`${i}`))
  await forest.directory(files, 'all')
  await forest.directory(files.slice(5), 'most')
  await forest.add(...files.map(({ digest }) => ({ key: heldRow(digest), by: 1 })))
  await forest.add(...files.slice(0, 5).map(({ digest }) => ({ key: heldRow(digest), by: -2 })))
  const { miscounts, done } = await recounted(forest, undefined, 4)
  t.is(miscounts.length, 40)
  t.true(done.values > 2 * 10, `${done.values} directories were read`)
  t.deepEqual((await walkIndex(forest.store)).faults, [])
  t.is((await recounted(forest, undefined, 1)).miscounts.length, 0)
})
