import { test } from '../../serial.ts'
import { encodeChange, encodeRemoved, removedRow } from '../../../src/index/records/record.ts'
import { SILENT } from '../../../src/log.ts'
import { LogRetention } from '../../../src/node/global/log-retention.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'

const digestOf = (i: number): Uint8Array => new Uint8Array(32).fill(i)

test('R004-34: the log holds so many changes, none too old, and marks go with the removals they are of', async (t) => {
  const store = createMemoryStore()
  for (let i = 1; i <= 10; i++) {
    const change = { type: 'remove', digest: digestOf(i), incarnation: 1, names: [] } as const
    const mark = encodeRemoved({ seq: i, size: 1 })
    const writes = [{ key: removedRow(digestOf(i)), value: mark }]
    await store.commit({ conditions: [], writes, entry: encodeChange(change, 1000 * i) })
  }
  const trimmed: number[] = []
  const limits = { changes: 6, ageMs: 5000 }
  const retention = new LogRetention(store, SILENT, (upto) => trimmed.push(upto), limits)
  t.teardown(() => retention.close())
  await retention.run(10_000)
  t.deepEqual(trimmed, [4], 'by number')
  await retention.run(12_500)
  t.deepEqual(trimmed, [4, 7], 'by age')
  t.is((await store.log(0, 100))[0]!.seq, 8)
  const rows = await store.rows([1, 7, 8, 10].map((i) => removedRow(digestOf(i))))
  t.deepEqual(
    rows.map((row) => row !== undefined),
    [false, false, true, true],
  )
  t.is(await store.lastSeq(), 10, 'what is pruned takes no seq')
})

test('R004-34: exactly as many changes stay as the limit says, whatever their age', async (t) => {
  const store = createMemoryStore()
  const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, 0)
  for (let i = 0; i < 10; i++) await store.commit({ conditions: [], writes: [], entry })
  const limits = { changes: 6, ageMs: 5000 }
  const retention = new LogRetention(store, SILENT, () => undefined, limits)
  t.teardown(() => retention.close())
  await retention.run(5000)
  t.deepEqual(
    (await store.log(0, 100)).map(({ seq }) => seq),
    [5, 6, 7, 8, 9, 10],
  )
  await retention.run(5001)
  t.deepEqual(await store.log(0, 100), [])
})

test('R004-22: the mark of a later removal stays when an earlier one is trimmed', async (t) => {
  const store = createMemoryStore()
  const change = { type: 'remove', digest: digestOf(1), incarnation: 1, names: [] } as const
  for (const seq of [1, 2]) {
    const writes = [{ key: removedRow(digestOf(1)), value: encodeRemoved({ seq, size: 1 }) }]
    await store.commit({ conditions: [], writes, entry: encodeChange(change, 0) })
  }
  const mark = async () => (await store.rows([removedRow(digestOf(1))]))[0]
  const retention = new LogRetention(store, SILENT, () => undefined, { changes: 1, ageMs: 9e9 })
  t.teardown(() => retention.close())
  await retention.run(0)
  t.is((await store.log(0, 100)).length, 1)
  t.truthy(await mark())
  await store.commit({ conditions: [], writes: [], entry: encodeChange(change, 0) })
  await retention.run(0)
  t.is(await mark(), undefined)
})
