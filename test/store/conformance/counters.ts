import * as fc from 'fast-check'
import { RECORD_ID_BYTES } from '../../../src/limits.ts'
import { COUNTER_BYTES, decodeCounter, encodeCounter } from '../../../src/store/counters.ts'
import type { Condition, Increment, Store, Table, Transaction } from '../../../src/store/store.ts'
import {
  type Suite,
  check,
  commit,
  keyOf,
  pattern,
  readAll,
  row,
  seal,
  text,
  write,
} from './suite.ts'

const INTEGRITY = { code: 'integrity' }
const LARGEST = Number.MAX_SAFE_INTEGER

const add = (id: string, by: number): Increment => ({ key: keyOf(id, 'meta'), by })

/** A change of nothing but counters. */
const adding = (...increments: readonly Increment[]): Transaction => ({
  conditions: [],
  writes: [],
  increments,
  entry: undefined,
})

/** The number in a counter; undefined if it has no row. */
async function count(store: Store, id: string): Promise<number | undefined> {
  const found = await row(store, id, 'meta')
  return found && decodeCounter(found.value)
}

const present = (id: string, table?: Table): Condition => ({ present: keyOf(id, table) })

const noneWithPrefix = (prefix: string | Uint8Array, table: Table = 'names'): Condition => ({
  table,
  noneWithPrefix: typeof prefix === 'string' ? text(prefix) : prefix,
})

/** Counters, and conditions that are not about one version. */
export function countersTopic(suite: Suite): void {
  check(suite, 'R005-79 an increment adds to a counter, and at 0 it is gone', async (t, store) => {
    t.deepEqual(await store.commit(adding(add('a', 2), add('b', 300))), { ok: true, seq: 0 })
    await store.commit(adding(add('a', 1)))
    t.deepEqual((await row(store, 'a', 'meta'))!.value, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3))
    t.deepEqual((await row(store, 'b', 'meta'))!.value, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 44))
    await store.commit(adding(add('a', -3), add('b', -299)))
    t.is(await row(store, 'a', 'meta'), undefined)
    t.is(await count(store, 'b'), 1)
    await store.commit(adding(add('a', LARGEST)))
    t.is(await count(store, 'a'), LARGEST)
    await store.commit(adding(add('a', -LARGEST)))
    t.deepEqual(
      (await store.scan('meta', { limit: 9 })).map(({ id }) => Buffer.from(id).toString()),
      ['b'],
    )
  })

  check(suite, 'R005-79 increments of one transaction count as their sum', async (t, store) => {
    await store.commit(adding(add('a', -1), add('b', 1), add('a', 1), add('a', 4), add('a', -2)))
    t.is(await count(store, 'a'), 2)
    t.is(await count(store, 'b'), 1)
    const before = await row(store, 'a', 'meta')
    await store.commit(adding(add('a', 7), add('a', -7), add('c', 0), add('d', 1), add('d', -1)))
    t.deepEqual(await row(store, 'a', 'meta'), before, 'what does not change is not written')
    t.is(await row(store, 'c', 'meta'), undefined)
    t.is(await row(store, 'd', 'meta'), undefined)
  })

  check(suite, 'R005-79 increments see the writes of their transaction', async (t, store) => {
    await store.commit(adding(add('a', 5), add('b', 5)))
    await store.commit({
      ...adding(add('a', 1), add('b', 1), add('c', 1)),
      writes: [
        { key: keyOf('a', 'meta'), value: encodeCounter(1) },
        { key: keyOf('a', 'meta'), value: encodeCounter(100) },
        write('b', undefined, 'meta'),
        // Another table's row of the same id is another row.
        { key: keyOf('c'), value: encodeCounter(9) },
      ],
      entry: text('e'),
    })
    t.deepEqual(await Promise.all(['a', 'b', 'c'].map((id) => count(store, id))), [101, 1, 1])
    t.is(decodeCounter((await row(store, 'c'))!.value), 9)
  })

  check(suite, 'R005-79 R005-6 each change of a counter has its own version', async (t, store) => {
    await store.commit(adding(add('a', 1)))
    const { version } = (await row(store, 'a', 'meta'))!
    await store.commit(adding(add('a', 1)))
    await store.commit(adding(add('a', -1)))
    const condition = { key: keyOf('a', 'meta'), version }
    t.deepEqual(await store.commit({ ...adding(add('a', 1)), conditions: [condition] }), {
      ok: false,
      failed: condition,
    })
    t.is(await count(store, 'a'), 1)
  })

  check(suite, 'R005-79 no increment is lost, however many come at once', async (t, store) => {
    const alone = Array.from({ length: 100 }, (_, i) => store.commit(adding(add('a', i % 3))))
    const together = Array.from({ length: 100 }, () => adding(add('a', 1), add('b', 1)))
    await Promise.all([...alone, store.commitAll(together), store.commitAll(together)])
    t.is(await count(store, 'a'), 33 * 3 + 200)
    t.is(await count(store, 'b'), 200)
  })

  check(suite, 'R005-82 a counter that would leave its bounds is refused', async (t, store) => {
    await store.commit(adding(add('a', 3), add('large', LARGEST)))
    await commit(store, write('text', 'not one', 'meta'), write('b', 'b'))
    const location = await seal(store, pattern(10))
    const refused: readonly (readonly Increment[])[] = [
      [add('a', -4)],
      [add('absent', -1)],
      [add('ok', 1), add('a', -2), add('a', -2)],
      [add('large', 1)],
      [add('ok', LARGEST), add('ok', LARGEST), add('ok', -LARGEST)],
      [add('text', 1)],
    ]
    for (const increments of refused) {
      const all = {
        conditions: [],
        writes: [write('b', undefined), write('x', 'x', 'meta')],
        increments,
        entry: text('never'),
        adopt: [location],
      }
      await t.throwsAsync(store.commit(all), INTEGRITY)
    }
    t.is(await count(store, 'a'), 3)
    t.is(await count(store, 'large'), LARGEST)
    t.is(await row(store, 'ok', 'meta'), undefined)
    t.is(await row(store, 'x', 'meta'), undefined)
    t.truthy(await row(store, 'b'))
    t.is(await store.lastSeq(), 1)
    t.is((await store.log(0, 9)).length, 1)
    // Still sealed: it can be adopted.
    await store.commit({ conditions: [], writes: [], entry: text('e'), adopt: [location] })
    t.like(await store.usage(), { values: 1, valueBytes: 10 })
    // A number that is none, though it has the length of one.
    const bytes = new Uint8Array(COUNTER_BYTES).fill(255)
    const writes = [{ key: keyOf('a', 'meta'), value: bytes }]
    await store.commit({ conditions: [], writes, entry: undefined })
    await t.throwsAsync(store.commit(adding(add('a', -1))), INTEGRITY)
  })

  check(suite, 'R005-82 R005-23 conditions are checked before counters', async (t, store) => {
    const condition = present('nothing')
    const losing = { ...adding(add('a', -1)), conditions: [condition] }
    t.deepEqual(await store.commit(losing), { ok: false, failed: condition })
  })

  check(suite, 'R005-80 a row is present in any version, or it is not', async (t, store) => {
    await commit(store, write('a', '1'), write('n', '1', 'names'))
    await store.commit(adding(add('m', 1)))
    const attempt = async (...conditions: readonly Condition[]): Promise<Condition | true> => {
      const result = await store.commit({ ...adding(add('tries', 1)), conditions })
      return result.ok || result.failed
    }
    const all = [present('a'), present('n', 'names'), present('m', 'meta')]
    t.true(await attempt(...all))
    await commit(store, write('a', '2'))
    t.true(await attempt(...all))
    // The same id in another table is another row.
    for (const absent of [present('a', 'names'), present('n'), present('m'), present('ab')]) {
      t.deepEqual(await attempt(...all, absent), absent)
    }
    await commit(store, write('a', undefined))
    t.deepEqual(await attempt(...all), present('a'))
    t.is(await count(store, 'tries'), 2)
  })

  check(suite, 'R005-81 no row begins with these bytes, or one does', async (t, store) => {
    await commit(store, write('a/b', '1', 'names'), write('b', '1', 'names'), write('k', '1'))
    await commit(store, write(Uint8Array.of(254, 255), '1', 'names'))
    const attempt = async (...conditions: readonly Condition[]): Promise<Condition | true> => {
      const result = await store.commit({ ...adding(add('tries', 1)), conditions })
      return result.ok || result.failed
    }
    const free = ['a/b/', 'a/c', 'a0', 'c', 'B', 'bb', '\0', Uint8Array.of(255), 'k']
    t.true(await attempt(...free.map((prefix) => noneWithPrefix(prefix))))
    for (const prefix of ['a/b', 'a/', 'a', 'b', '', Uint8Array.of(254)]) {
      const taken = noneWithPrefix(prefix)
      t.deepEqual(await attempt(noneWithPrefix('c'), taken), taken)
    }
    t.deepEqual(await attempt(noneWithPrefix('', 'keys')), noneWithPrefix('', 'keys'))
    const longest = new Uint8Array(RECORD_ID_BYTES).fill(255)
    t.true(await attempt(noneWithPrefix(longest)))
    await commit(store, write(longest, '1', 'names'))
    t.deepEqual(await attempt(noneWithPrefix(longest)), noneWithPrefix(longest))
    await commit(store, write('a/b', undefined, 'names'))
    t.true(await attempt(noneWithPrefix('a')))
    t.is(await count(store, 'tries'), 3)
  })

  check(suite, 'R005-80 R005-81 the first condition that fails is named', async (t, store) => {
    await commit(store, write('a', '1'), write('n', '1', 'names'))
    const wrong = [present('b'), noneWithPrefix('n'), { key: keyOf('a'), version: 9 }]
    const right = [present('a'), noneWithPrefix('m'), { key: keyOf('a'), version: 1 }]
    for (const first of wrong) {
      const others = wrong.filter((one) => one !== first)
      const result = await store.commit({
        ...adding(add('m', 1)),
        conditions: [...right, first, ...others],
      })
      t.deepEqual(result, { ok: false, failed: first })
    }
    t.is(await row(store, 'm', 'meta'), undefined)
  })

  check(
    suite,
    'R005-83 transactions of one call see what those before them did, and nothing of those that failed',
    async (t, store) => {
      const [location] = await store.sealSmall([pattern(5)])
      const adopting = { entry: text('adopt'), adopt: [location!] }
      const outcomes = await store.commitAll([
        adding(add('a', 2)),
        { ...adding(add('a', 10)), conditions: [present('k')] },
        {
          ...adding(add('a', -2)),
          writes: [write('k', 'k'), write('d/e', 'n', 'names')],
          ...adopting,
        },
        { ...adding(add('a', 3)), conditions: [present('k'), noneWithPrefix('e')] },
        { ...adding(add('a', 10)), conditions: [noneWithPrefix('d/')] },
        { ...adding(), writes: [write('d/e', undefined, 'names')], entry: text('e') },
        { ...adding(add('a', 4)), conditions: [noneWithPrefix('d/')] },
      ])
      t.deepEqual(
        outcomes.map((one) => (one.ok ? one.seq : one.failed)),
        [0, present('k'), 1, 1, noneWithPrefix('d/'), 2, 2],
      )
      t.is(await count(store, 'a'), 7)
      const mixed = store.commitAll([
        adding(add('a', 1)),
        adding(add('b', 1), add('a', -100)),
        { ...adding(add('b', 5)), conditions: [present('nothing')] },
        adding(add('a', -8), add('c', 1)),
      ])
      await t.throwsAsync(mixed, INTEGRITY)
      t.deepEqual(await Promise.all(['a', 'b', 'c'].map((id) => count(store, id))), [
        undefined,
        undefined,
        1,
      ])
      t.is((await readAll(store, location!, 0, 5)).byteLength, 5)
    },
  )

  check(suite, 'R005-83 calls at the same time are done one after another', async (t, store) => {
    // One of them makes the name; those for a name below it and above it lose, in any order.
    const names = ['d', 'd/e', 'd/e/f']
    const binding = (name: string): Transaction => ({
      conditions: [
        ...names.filter((one) => name.startsWith(`${one}/`)).map((one) => absent(one)),
        noneWithPrefix(`${name}/`),
        absent(name),
      ],
      writes: [write(name, 'v', 'names')],
      entry: text(name),
    })
    for (let round = 0; round < 5; round++) {
      const order = [0, 1, 2].map((i) => names[(i + round) % 3]!)
      const results = await Promise.all(order.map((name) => store.commit(binding(name))))
      t.is(results.filter(({ ok }) => ok).length, 1)
      const [bound, ...others] = await store.scan('names', { limit: 9 })
      t.is(others.length, 0)
      await commit(store, { key: { table: 'names', id: bound!.id }, value: undefined })
    }
  })

  check(suite, 'R005-79 R005-82 any increments come to their sum or nothing', async (t, store) => {
    const increment = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      by: fc.oneof(fc.integer({ min: -3, max: 5 }), fc.constantFrom(LARGEST, -LARGEST)),
    })
    const model = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(increment, { maxLength: 4 })), async (batch) => {
        for (const increments of batch) {
          const after = new Map(model)
          // What is added to one counter is exact; on the way the counter itself may not be.
          for (const one of ['a', 'b', 'c']) {
            const sum = increments.reduce((sum, { id, by }) => sum + (id === one ? by : 0), 0)
            after.set(one, (after.get(one) ?? 0) + sum)
          }
          const fits = [...after.values()].every((one) => one >= 0 && one <= LARGEST)
          const sums = increments.reduce((sum, { by }) => sum + Math.abs(by), 0)
          // The sum of a counter's increments is a safe integer, too.
          if (sums > LARGEST) continue
          const commits = store.commit(adding(...increments.map(({ id, by }) => add(id, by))))
          if (fits) t.true((await commits).ok)
          else await t.throwsAsync(commits, INTEGRITY)
          if (!fits) continue
          for (const [id, value] of after) model.set(id, value)
        }
        for (const [id, value] of model) t.is((await count(store, id)) ?? 0, value)
      }),
      { numRuns: suite.supports.durable ? 15 : 60 },
    )
  })
}

const absent = (name: string): Condition => ({ key: keyOf(name, 'names'), version: 0 })
