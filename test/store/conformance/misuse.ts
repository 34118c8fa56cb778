import { PIECE_BYTES, RECORD_ID_BYTES, RECORD_VALUE_BYTES } from '../../../src/limits.ts'
import type { RecordKey, Table, Transaction, Write } from '../../../src/store/store.ts'
import { type Suite, check, commit, keep, keyOf, pattern, readAll, text, write } from './suite.ts'

const CLOSED = { code: 'unreachable' }
const NOT_COUNTS: readonly number[] = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]

export function misuseTopic(suite: Suite): void {
  check(suite, 'R005-27 a closed store says so, to every call', async (t, store) => {
    const location = await keep(store, pattern(3 * PIECE_BYTES))
    const staging = await store.stage(undefined)
    await staging.write(pattern(10))
    const large = await store.stage(undefined)
    await large.write(pattern(2 * PIECE_BYTES))
    const sealed = await store.stage(10)
    await sealed.write(pattern(10))
    await sealed.seal(new Uint8Array(0))
    const reading = store.read(location, { start: 0, end: 3 * PIECE_BYTES })[Symbol.asyncIterator]()
    t.false((await reading.next()).done)

    await store.close()
    await store.close()
    await t.throwsAsync(async () => {
      for (;;) if ((await reading.next()).done) return
    }, CLOSED)
    await t.throwsAsync(store.stage(1), CLOSED)
    await t.throwsAsync(staging.write(pattern(1)), CLOSED)
    await t.throwsAsync(staging.seal(new Uint8Array(0)), CLOSED)
    await t.throwsAsync(readAll(store, location, 0, 1), CLOSED)
    await t.throwsAsync(store.outboard(location), CLOSED)
    await t.throwsAsync(store.rows([keyOf('a')]), CLOSED)
    await t.throwsAsync(store.scan('keys', { limit: 1 }), CLOSED)
    await t.throwsAsync(store.page('keys', { limit: 1 }), CLOSED)
    await t.throwsAsync(store.sealSmall([]), CLOSED)
    await t.throwsAsync(store.commitAll([]), CLOSED)
    await t.throwsAsync(commit(store), CLOSED)
    await t.throwsAsync(store.lastSeq(), CLOSED)
    await t.throwsAsync(store.log(0, 1), CLOSED)
    await t.throwsAsync(store.trim(0), CLOSED)
    await t.throwsAsync(store.usage(), CLOSED)
    for (const left of [staging, large, sealed]) await left.discard()
  })

  check(suite, 'R005-27 what was begun before close is done, or refused', async (t, store) => {
    const commits = Array.from({ length: 20 }, () => commit(store))
    const closing = store.close()
    const results = await Promise.allSettled(commits)
    await closing
    for (const result of results) {
      if (result.status === 'rejected') t.like(result.reason, CLOSED)
      else t.true(result.value > 0)
    }
  })

  check(suite, 'R005-28 sizes, seqs and limits are whole numbers from 0', async (t, store) => {
    const outside = { instanceOf: RangeError }
    for (const value of NOT_COUNTS) {
      await t.throwsAsync(store.stage(value), outside)
      await t.throwsAsync(store.log(value, 1), outside)
      await t.throwsAsync(store.log(0, value), outside)
      await t.throwsAsync(store.trim(value), outside)
      await t.throwsAsync(store.scan('keys', { limit: value }), outside)
    }
    await t.throwsAsync(store.scan('values' as Table, { limit: 1 }), outside)
    const long = new Uint8Array(RECORD_ID_BYTES + 1)
    await t.throwsAsync(store.scan('keys', { limit: 1, prefix: long }), outside)
    await t.throwsAsync(store.scan('keys', { limit: 1, after: long }), outside)
  })

  check(
    suite,
    'R005-28 a resumption has an id of 32 bytes and begins with a group',
    async (t, store) => {
      const id = new Uint8Array(32)
      for (const resumption of [
        { id: id.subarray(1), from: 0 },
        { id: new Uint8Array(33), from: 0 },
        { id, from: 1 },
        { id, from: -16_384 },
      ]) {
        await t.throwsAsync(store.stage(1, resumption), { instanceOf: RangeError })
      }
      await t.throwsAsync(store.partialBytes(id.subarray(1)), { instanceOf: RangeError })
    },
  )

  check(suite, 'R005-28 records are bounded and of known tables', async (t, store) => {
    const key = keyOf('a')
    const long = { table: 'keys', id: new Uint8Array(RECORD_ID_BYTES + 1) } as const
    const empty = { table: 'keys', id: new Uint8Array(0) } as const
    const foreign = { table: '__proto__', id: text('a') } as unknown as RecordKey
    const large = new Uint8Array(RECORD_VALUE_BYTES + 1)
    const refused: readonly (readonly [Partial<Transaction>, 'RangeError' | 'TypeError'])[] = [
      [{ writes: [{ key: long, value: text('v') }] }, 'RangeError'],
      [{ writes: [{ key: empty, value: text('v') }] }, 'RangeError'],
      [{ writes: [{ key: foreign, value: text('v') }] }, 'RangeError'],
      [{ writes: [{ key, value: large }] }, 'RangeError'],
      [{ writes: [{ key, value: 'text' } as unknown as Write] }, 'TypeError'],
      [{ entry: large }, 'RangeError'],
      [{ entry: 'text' as unknown as Uint8Array }, 'TypeError'],
      [{ conditions: [{ key: foreign, version: 0 }] }, 'RangeError'],
      ...NOT_COUNTS.map((version) => [{ conditions: [{ key, version }] }, 'RangeError'] as const),
      [{ conditions: [{ present: empty }] }, 'RangeError'],
      [{ conditions: [{ present: foreign }] }, 'RangeError'],
      [{ conditions: [{ table: 'names', noneWithPrefix: long.id }] }, 'RangeError'],
      [{ conditions: [{ table: 'values' as Table, noneWithPrefix: text('a') }] }, 'RangeError'],
      [
        { conditions: [{ table: 'names', noneWithPrefix: 'a' as unknown as Uint8Array }] },
        'TypeError',
      ],
      [{ increments: [{ key, by: 1 }] }, 'RangeError'],
      [{ increments: [{ key: keyOf('a', 'names'), by: 1 }] }, 'RangeError'],
      [{ increments: [{ key: { ...empty, table: 'meta' }, by: 1 }] }, 'RangeError'],
      [{ increments: [{ key: { ...long, table: 'meta' }, by: 1 }] }, 'RangeError'],
      ...[0.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 53)].map(
        (by) => [{ increments: [{ key: keyOf('a', 'meta'), by }] }, 'RangeError'] as const,
      ),
    ]
    for (const [part, name] of refused) {
      const base = { conditions: [], writes: [write('a', 'v')], entry: text('e') }
      await t.throwsAsync(store.commit({ ...base, ...part }), { name })
    }
    for (const bad of [long, empty, foreign]) {
      await t.throwsAsync(store.rows([bad]), { instanceOf: RangeError })
    }
    t.is(await store.lastSeq(), 0)
    t.deepEqual(await store.rows([key, keyOf('a', 'meta')]), [undefined, undefined])
  })

  check(suite, 'R005-12 without an entry only meta is written', async (t, store) => {
    const staging = await store.stage(1)
    await staging.write(pattern(1))
    const sealed = await staging.seal(new Uint8Array(0))
    const refused: readonly Partial<Transaction>[] = [
      { writes: [write('a', 'v')] },
      { writes: [write('m', 'v', 'meta'), write('a', 'v', 'names')] },
      { writes: [write('a', undefined)] },
      { adopt: [sealed] },
      { release: [sealed] },
    ]
    for (const part of refused) {
      const attempt = store.commit({ conditions: [], writes: [], entry: undefined, ...part })
      await t.throwsAsync(attempt, { instanceOf: RangeError })
    }
    t.deepEqual(await store.scan('meta', { limit: 1 }), [])
  })

  check(suite, 'R005-28 a staging that is done takes no more', async (t, store) => {
    const staging = await store.stage(1)
    await t.throwsAsync(staging.write('text' as unknown as Uint8Array), { instanceOf: TypeError })
    await staging.write(pattern(1))
    await staging.seal(new Uint8Array(0))
    await t.throwsAsync(staging.write(pattern(1)), { instanceOf: TypeError })
    await t.throwsAsync(staging.seal(new Uint8Array(0)), { instanceOf: TypeError })
    t.is((await store.usage()).values, 0)
  })
}
