import { mock } from 'node:test'
import { test } from '../../serial.ts'
import { encodeChange } from '../../../src/index/records/change-record.ts'
import { encodeRemoved, removedRow } from '../../../src/index/records/record.ts'
import { SILENT } from '../../../src/log.ts'
import { WALL_SETTLED_MS } from '../../../src/limits.ts'
import { IndexDriver } from '../../../src/node/global/index-driver.ts'
import { LogRetention } from '../../../src/node/global/log-retention.ts'
import { Repair } from '../../../src/node/global/repair.ts'
import type { Store } from '../../../src/store/store.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { eventually } from '../../eventually.ts'

const DAY = 86_400_000

/** A trusted wall time, in a run that began before anything. */
const at = (wallMs: number) => ({ wallMs, run: { seq: 0, beganMs: -Infinity } })

const digestOf = (i: number): Uint8Array => new Uint8Array(32).fill(i)

const parts = (store: Store) => {
  return { store, log: SILENT, onTrim: () => undefined, present: () => undefined }
}

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
  const retention = new LogRetention({
    ...parts(store),
    onTrim: (upto: number) => void trimmed.push(upto),
    limits,
  })
  t.teardown(() => retention.close())
  await retention.run(at(10_000))
  t.deepEqual(trimmed, [4], 'by number')
  await retention.run(at(12_500))
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
  const retention = new LogRetention({ ...parts(store), limits })
  t.teardown(() => retention.close())
  await retention.run(at(5000))
  t.deepEqual(
    (await store.log(0, 100)).map(({ seq }) => seq),
    [5, 6, 7, 8, 9, 10],
  )
  await retention.run(at(5001))
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
  const retention = new LogRetention({ ...parts(store), limits: { changes: 1, ageMs: 9e9 } })
  t.teardown(() => retention.close())
  await retention.run(at(0))
  t.is((await store.log(0, 100)).length, 1)
  t.truthy(await mark())
  await store.commit({ conditions: [], writes: [], entry: encodeChange(change, 0) })
  await retention.run(at(0))
  t.is(await mark(), undefined)
})

/** The seqs that stay of entries with these times: so many, and none older than a day. */
async function staying(
  times: readonly number[],
  present: Parameters<LogRetention['run']>[0],
  changes = 100,
): Promise<number[]> {
  const store = createMemoryStore()
  for (const atMs of times) {
    const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, atMs)
    await store.commit({ conditions: [], writes: [], entry })
  }
  const retention = new LogRetention({ ...parts(store), limits: { changes, ageMs: DAY } })
  await retention.run(present)
  await retention.close()
  return (await store.log(0, 100)).map(({ seq }) => seq)
}

test('R004-63: no entry is trimmed for its age while wall time is not trusted', async (t) => {
  t.deepEqual(await staying([0, 1, 2], undefined), [1, 2, 3])
  t.deepEqual(await staying([0, 1, 2], undefined, 2), [2, 3], 'by number it is')
})

test('R004-63: partial uploads expire by wall time that is trusted', async (t) => {
  const store = createMemoryStore()
  const expired: number[] = []
  store.expire = async (wallMs) => void expired.push(wallMs)
  const retention = new LogRetention(parts(store))
  t.teardown(() => retention.close())
  await retention.run(undefined)
  t.deepEqual(expired, [])
  await retention.run(at(5))
  t.deepEqual(expired, [5])
})

test('R004-63: Global trims by age once its wall clock is trusted, and not before', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const store = createMemoryStore()
  const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, 100 * DAY)
  await store.commit({ conditions: [], writes: [], entry })
  const clocks = { elapsed: 0, wall: 100 * DAY }
  const driver = await IndexDriver.open({
    store,
    repair: new Repair({ store, log: SILENT, holders: () => [] }),
    log: SILENT,
    now: () => clocks.elapsed,
    wall: () => clocks.wall,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  })
  t.teardown(() => driver.close())
  const expired: number[] = []
  store.expire = async (wallMs) => void expired.push(wallMs)
  const pass = (elapsedMs: number, stepMs = 0): void => {
    clocks.elapsed += elapsedMs
    clocks.wall += elapsedMs + stepMs
    mock.timers.tick(60_000)
  }
  const firstSeq = async (): Promise<number> => (await store.log(0, 1))[0]!.seq
  pass(WALL_SETTLED_MS - 1)
  t.deepEqual(expired, [])
  pass(1)
  t.deepEqual(expired, [clocks.wall])
  pass(250, 30 * DAY)
  pass(WALL_SETTLED_MS)
  t.is(expired.length, 1)
  t.is(await firstSeq(), 1)
  pass(8 * DAY, -30 * DAY)
  pass(WALL_SETTLED_MS)
  t.is(expired.at(-1), clocks.wall)
  t.true(await eventually(async (saw) => saw((await store.log(0, 1)).length) === 0))
})

test('R004-65: an entry of a clock that was behind is as young as those before it', async (t) => {
  const now = 100 * DAY
  t.deepEqual(await staying([98 * DAY, 0, 5, now], at(now)), [4], 'two days old')
  t.deepEqual(await staying([now - 5, 0, 5, now], at(now)), [1, 2, 3, 4])
  t.deepEqual(await staying([98 * DAY, 500 * DAY, now], at(now)), [2, 3], 'of one that was ahead')
})

test('R004-65: an entry of this run is not older than the run', async (t) => {
  const now = 100 * DAY
  const run = { seq: 2, beganMs: now - 3_600_000 }
  t.deepEqual(await staying([0, 0, 0], { wallMs: now, run }), [2, 3])
  t.deepEqual(await staying([0, 0, 0], { wallMs: now + DAY, run }), [])
})
