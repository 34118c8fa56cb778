/**
 * The whole interface against the plainest model of it, in random order (fast-check shrinks what
 * fails).
 */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { GROUP_BYTES, SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { Condition, Location, Staging, Store, Table } from '../../../src/store/store.ts'
import { type Harness, type Suite, check, keyOf, pattern, readAll, text } from './suite.ts'
import { unpacked } from './records.ts'

const MAX_BYTES = 8 * GROUP_BYTES
const OUTBOARD_BYTES = 64
const TABLES: readonly Table[] = ['keys', 'names', 'meta']
const IDS: readonly string[] = ['a', 'ab', 'b', 'ba']
const COUNTERS: readonly string[] = ['z', 'zz']
const SIZES: readonly number[] = [0, 1, GROUP_BYTES, GROUP_BYTES + 1, 3 * GROUP_BYTES]

interface Value {
  readonly location: Location
  readonly size: number
  readonly staging: Staging
  state: 'sealed' | 'adopted'
}

class Model {
  readonly rows = new Map<string, { readonly value: string; readonly version: number }>()
  readonly counters = new Map<string, number>()
  readonly values: Value[] = []
  readonly log: { readonly seq: number; readonly entry: string }[] = []
  readonly removed: Location[] = []
  seq = 0
  readonly #evicts: boolean

  constructor(evicts: boolean) {
    this.#evicts = evicts
  }

  /** What the quota can't get back. */
  get takenBytes(): number {
    const taken = this.values.filter(({ state, size }) => {
      return !this.#evicts || state === 'sealed' || size + OUTBOARD_BYTES <= SMALL_VALUE_BYTES
    })
    return taken.reduce((sum, { size }) => sum + size, 0)
  }
}

type Step = (harness: Harness, store: Store, model: Model) => Promise<Store | void>

const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % from.length]

const put = fc.constantFrom(...SIZES).map((size): Step => {
  return async (_harness, store, model) => {
    if (model.takenBytes + size > MAX_BYTES) {
      await assert.rejects(store.stage(size), { code: 'no-space' })
      return
    }
    const staging = await store.stage(size)
    await staging.write(pattern(size))
    const location = await staging.seal(pattern(OUTBOARD_BYTES))
    model.values.push({ location, size, staging, state: 'sealed' })
  }
})

const discard = fc.nat().map((at): Step => {
  return async (_harness, _store, model) => {
    const value = pick(model.values, at)
    await value?.staging.discard()
    if (value?.state === 'sealed') {
      model.removed.push(value.location)
      model.values.splice(model.values.indexOf(value), 1)
    }
  }
})

const change = fc
  .record({
    condition: fc.option(fc.record({ id: fc.constantFrom(...IDS), right: fc.boolean() })),
    writes: fc.array(
      fc.record({
        table: fc.constantFrom(...TABLES),
        id: fc.constantFrom(...IDS),
        value: fc.option(fc.string({ maxLength: 3 })),
      }),
      { maxLength: 3 },
    ),
    increments: fc.array(
      fc.record({ id: fc.constantFrom(...COUNTERS), by: fc.integer({ min: -2, max: 3 }) }),
      { maxLength: 3 },
    ),
    present: fc.option(fc.constantFrom(...IDS)),
    noneWithPrefix: fc.option(fc.constantFrom(...IDS)),
    adopt: fc.nat(),
    release: fc.nat(),
    entry: fc.string({ maxLength: 3 }),
  })
  .map(({ condition, present, noneWithPrefix, ...changes }): Step => {
    const { writes, increments, adopt, release, entry } = changes
    return async (_harness, store, model) => {
      const adopted = pick(
        model.values.filter(({ state }) => state === 'sealed'),
        adopt,
      )
      const released = pick(
        model.values.filter(({ state }) => state === 'adopted'),
        release,
      )
      const version = model.rows.get(`keys/${condition?.id}`)?.version ?? 0
      const conditions: Condition[] = []
      if (condition !== null) {
        const stated = condition.right ? version : version + 1
        conditions.push({ key: keyOf(condition.id), version: stated })
      }
      if (present !== null) conditions.push({ present: keyOf(present) })
      if (noneWithPrefix !== null) {
        conditions.push({ table: 'names', noneWithPrefix: text(noneWithPrefix) })
      }
      const begun = [...model.rows.keys()].filter((key) => key.startsWith('names/'))
      const holds =
        (condition === null || condition.right) &&
        (present === null || model.rows.has(`keys/${present}`)) &&
        (noneWithPrefix === null || !begun.some((key) => key.startsWith(`names/${noneWithPrefix}`)))
      const counters = new Map(model.counters)
      for (const { id, by } of increments) counters.set(id, (counters.get(id) ?? 0) + by)
      const attempt = store.commit({
        conditions,
        increments: increments.map(({ id, by }) => ({ key: keyOf(id, 'meta'), by })),
        writes: writes.map(({ table, id, value }) => ({
          key: keyOf(id, table),
          value: value === null ? undefined : text(value),
        })),
        entry: text(entry),
        adopt: adopted === undefined ? [] : [adopted.location],
        release: released === undefined ? [] : [released.location],
      })
      if (holds && [...counters.values()].some((count) => count < 0)) {
        await assert.rejects(attempt, { code: 'integrity' })
        return
      }
      const result = await attempt
      assert.equal(result.ok, holds)
      if (!result.ok) return
      for (const [id, count] of counters) model.counters.set(id, count)
      model.seq++
      assert.equal(result.seq, model.seq)
      model.log.push({ seq: model.seq, entry })
      for (const { table, id, value } of writes) {
        if (value === null) model.rows.delete(`${table}/${id}`)
        else model.rows.set(`${table}/${id}`, { value, version: model.seq })
      }
      if (adopted !== undefined) adopted.state = 'adopted'
      if (released === undefined) return
      model.removed.push(released.location)
      model.values.splice(model.values.indexOf(released), 1)
    }
  })

const trim = fc.nat({ max: 20 }).map((upto): Step => {
  return async (_harness, store, model) => {
    await store.trim(upto)
    while (model.log.length > 0 && model.log[0]!.seq <= upto) model.log.shift()
  }
})

const reopen = fc.constant<Step>(async (harness, _store, model) => {
  const again = await harness.reopen()
  for (const value of model.values.filter(({ state }) => state === 'sealed')) {
    model.removed.push(value.location)
    model.values.splice(model.values.indexOf(value), 1)
  }
  return again
})

/** Everything that can be asked, against everything that is known. */
async function compare(store: Store, model: Model): Promise<void> {
  for (const table of TABLES) {
    const expected = [...model.rows]
      .filter(([key]) => key.startsWith(`${table}/`))
      .map(([key, { value, version }]) => ({ id: key.slice(table.length + 1), value, version }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const found = await store.scan(table, { limit: 100 })
    const rows = found.filter(({ id }) => !(table === 'meta' && isCounter(id)))
    const plain = rows.map(({ id, value, version }) => ({
      id: Buffer.from(id).toString(),
      value: Buffer.from(value).toString(),
      version,
    }))
    const page = await store.page(table, { limit: 100 })
    assert.deepEqual(
      unpacked(page),
      found.map(({ id, value }) => ({ id: Buffer.from(id), value: Buffer.from(value) })),
    )
    // Versions in meta are the store's own business.
    const strip = table === 'meta' ? { version: 0 } : {}
    assert.deepEqual(
      plain.map((row) => ({ ...row, ...strip })),
      expected.map((row) => ({ ...row, ...strip })),
    )
    assert.deepEqual(await store.rows(found.map(({ id }) => ({ table, id }))), found)
  }
  const counted = (await store.scan('meta', { limit: 100 })).filter(({ id }) => isCounter(id))
  assert.deepEqual(
    counted.map(({ id, value }) => [Buffer.from(id).toString(), decodeCounter(value)]),
    [...model.counters].filter(([, count]) => count > 0).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  assert.equal(await store.lastSeq(), model.seq)
  const log = await store.log(0, 1000)
  assert.deepEqual(
    log.map(({ seq, entry }) => ({ seq, entry: Buffer.from(entry).toString() })),
    model.log,
  )
  const adopted = model.values.filter(({ state }) => state === 'adopted')
  assert.deepEqual(await store.usage(), {
    damaged: 0,
    unfinishedBytes: 0,
    values: adopted.length,
    valueBytes: adopted.reduce((sum, { size }) => sum + size, 0),
    quotaBytes: MAX_BYTES,
    headroomBytes: MAX_BYTES - model.takenBytes,
  })
  for (const { location, size } of model.values) {
    assert.equal(Buffer.compare(await readAll(store, location, 0, size), pattern(size)), 0)
    assert.equal(Buffer.compare(await store.outboard(location), pattern(OUTBOARD_BYTES)), 0)
  }
  for (const location of model.removed) {
    await assert.rejects(readAll(store, location, 0, 0), { code: 'removed' })
  }
}

const isCounter = (id: Uint8Array): boolean => COUNTERS.includes(Buffer.from(id).toString())

export function modelTopic(suite: Suite): void {
  const steps = suite.supports.durable
    ? fc.oneof(
        { arbitrary: reopen, weight: 1 },
        { arbitrary: fc.oneof(put, discard, change, trim), weight: 9 },
      )
    : fc.oneof(put, discard, change, trim)
  check(suite, 'any sequence of calls does what the model does', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async (sequence) => {
        const harness = await suite.create({ maxBytes: MAX_BYTES })
        try {
          let store = harness.store
          const model = new Model(suite.supports.evicts === true)
          for (const step of sequence) store = (await step(harness, store, model)) ?? store
          await compare(store, model)
        } finally {
          await harness.destroy()
        }
      }),
      { numRuns: suite.supports.durable ? 40 : 200 },
    )
    t.pass()
  })
}
