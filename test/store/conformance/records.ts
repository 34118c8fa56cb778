import * as fc from 'fast-check'
import { RECORD_ID_BYTES, RECORD_VALUE_BYTES } from '../../../src/limits.ts'
import { ROW_PAGE_BYTES } from '../../../src/store/row-page.ts'
import type {
  Row,
  RowPage,
  ScanOptions,
  Store,
  Table,
  Transaction,
} from '../../../src/store/store.ts'
import { type Suite, check, commit, keyOf, row, text, write } from './suite.ts'

/** The rows of a page. */
export function unpacked({ count, bytes, ends }: RowPage): { id: Buffer; value: Buffer }[] {
  const part = (n: number): Buffer => Buffer.from(bytes.slice(n === 0 ? 0 : ends[n - 1], ends[n]))
  return Array.from({ length: count }, (_, i) => ({ id: part(2 * i), value: part(2 * i + 1) }))
}

const plain = (rows: readonly Row[]): { id: Buffer; value: Buffer }[] =>
  rows.map(({ id, value }) => ({ id: Buffer.from(id), value: Buffer.from(value) }))

const ids = (rows: readonly Row[]): string[] => rows.map(({ id }) => Buffer.from(id).toString())

export function recordsTopic(suite: Suite): void {
  check(suite, 'R005-1 rows come in the bytewise order of ids', async (t, store) => {
    const tricky = [[0], [0, 0], [0, 255], [1], [97], [97, 0], [97, 98], [128], [255], [255, 255]]
    const sorted = tricky.map((bytes) => Uint8Array.from(bytes))
    for (const id of sorted.toReversed()) await commit(store, write(id, 'v'))
    const rows = await store.scan('keys', { limit: 100 })
    t.deepEqual(
      rows.map(({ id }) => [...id]),
      tricky,
    )
  })

  check(suite, 'R005-1 the longest id and the largest record come back', async (t, store) => {
    const id = new Uint8Array(RECORD_ID_BYTES).fill(255)
    const value = new Uint8Array(RECORD_VALUE_BYTES).fill(7)
    await store.commit({ conditions: [], writes: [{ key: keyOf(id), value }], entry: value })
    const found = await row(store, id)
    t.is(Buffer.compare(found!.value, value), 0)
    t.is((await store.scan('keys', { limit: 1 }))[0]!.id.byteLength, RECORD_ID_BYTES)
    t.is((await store.log(0, 1))[0]!.entry.byteLength, RECORD_VALUE_BYTES)
  })

  check(suite, 'R005-2 prefix, after and limit select together', async (t, store) => {
    for (const id of ['a', 'ab', 'abc', 'abd', 'b', 'ba']) await commit(store, write(id, id))
    const scan = async (options: ScanOptions): Promise<string[]> =>
      ids(await store.scan('keys', options))
    t.deepEqual(await scan({ limit: 9, prefix: text('ab') }), ['ab', 'abc', 'abd'])
    t.deepEqual(await scan({ limit: 9, after: text('abc') }), ['abd', 'b', 'ba'])
    t.deepEqual(await scan({ limit: 9, prefix: text('ab'), after: text('ab') }), ['abc', 'abd'])
    t.deepEqual(await scan({ limit: 9, prefix: text('b'), after: text('a') }), ['b', 'ba'])
    t.deepEqual(await scan({ limit: 9, prefix: text('a'), after: text('b') }), [])
    t.deepEqual(await scan({ limit: 1, prefix: text('ab') }), ['ab'])
    t.deepEqual(await scan({ limit: 0 }), [])
    t.deepEqual(await scan({ limit: Number.MAX_SAFE_INTEGER, after: text('b') }), ['ba'])
    t.deepEqual(await scan({ limit: 9, prefix: text('') }), ['a', 'ab', 'abc', 'abd', 'b', 'ba'])
    t.deepEqual(await scan({ limit: 9, after: text('') }), ['a', 'ab', 'abc', 'abd', 'b', 'ba'])
    t.deepEqual(await scan({ limit: 9, prefix: text('c') }), [])
  })

  check(suite, 'R005-2 a prefix of 255s ends where it should', async (t, store) => {
    for (const bytes of [[254], [255], [255, 255], [255, 255, 1]]) {
      await commit(store, write(Uint8Array.from(bytes), 'v'))
    }
    const found = await store.scan('keys', { limit: 9, prefix: Uint8Array.of(255, 255) })
    t.deepEqual(
      found.map(({ id }) => [...id]),
      [
        [255, 255],
        [255, 255, 1],
      ],
    )
  })

  check(suite, 'R005-2 paging by `after` meets every row once', async (t, store) => {
    const all = Array.from({ length: 1500 }, (_, i) => write(`id-${(i * 7919) % 1500}`, `${i}`))
    await commit(store, ...all)
    const seen: string[] = []
    let page = await store.scan('keys', { limit: 100 })
    while (page.length > 0) {
      seen.push(...ids(page))
      page = await store.scan('keys', { limit: 100, after: page.at(-1)!.id })
    }
    t.deepEqual(seen, all.map(({ key }) => Buffer.from(key.id).toString()).toSorted())
  })

  check(
    suite,
    'R005-76 a page has the rows of a scan, and says whether more follow',
    async (t, store) => {
      for (const id of ['a', 'ab', 'abc', 'abd', 'b']) await commit(store, write(id, `<${id}>`))
      await commit(store, write('ab', '', 'names'))
      for (const [table, options] of [
        ['keys', { limit: 9 }],
        ['keys', { limit: 5 }],
        ['keys', { limit: 2 }],
        ['keys', { limit: 0 }],
        ['keys', { limit: 2, prefix: text('ab'), after: text('ab') }],
        ['keys', { limit: 2, prefix: text('ab'), after: text('a') }],
        ['keys', { limit: Number.MAX_SAFE_INTEGER, after: text('b') }],
        ['names', { limit: 1 }],
        ['meta', { limit: 1 }],
      ] as [Table, ScanOptions][]) {
        const all = await store.scan(table, { ...options, limit: 99 })
        const page = await store.page(table, options)
        t.deepEqual(unpacked(page), plain(all.slice(0, options.limit)), JSON.stringify(options))
        t.is(page.more, all.length > options.limit, JSON.stringify(options))
      }
    },
  )

  check(suite, 'R005-76 a page ends with the row that fills it', async (t, store) => {
    const value = new Uint8Array(ROW_PAGE_BYTES - 1).fill(7)
    for (const id of ['a', 'b', 'c']) {
      await store.commit({
        conditions: [],
        writes: [{ key: keyOf(text(id)), value }],
        entry: value,
      })
    }
    const first = await store.page('keys', { limit: 9 })
    t.deepEqual([first.count, first.more], [1, true])
    const rest = await store.page('keys', { limit: 9, after: text('a') })
    t.deepEqual([rest.count, rest.more], [1, true])
    const last = await store.page('keys', { limit: 9, after: text('b') })
    t.deepEqual([last.count, last.more], [1, false])
    t.is(Buffer.compare(unpacked(first)[0]!.value, value), 0, 'an earlier page stays as it was')
  })

  check(suite, 'R005-2 tables are apart', async (t, store) => {
    await commit(store, write('x', 'k'), write('x', 'n', 'names'), write('x', 'm', 'meta'))
    await commit(store, write('x', undefined))
    t.is(await row(store, 'x'), undefined)
    t.deepEqual((await row(store, 'x', 'names'))!.value, text('n'))
    t.deepEqual(ids(await store.scan('meta', { limit: 9 })), ['x'])
    t.deepEqual(await store.scan('keys', { limit: 9 }), [])
  })

  check(suite, 'R005-3 the first condition that fails is named', async (t, store) => {
    const seq = await commit(store, write('a', '1'))
    const attempt = (...versions: readonly [number, number]): ReturnType<Store['commit']> =>
      store.commit({
        conditions: [
          { key: keyOf('a'), version: versions[0] },
          { key: keyOf('b'), version: versions[1] },
        ],
        writes: [],
        entry: text('e'),
      })
    t.like(await attempt(0, 9), { ok: false, failed: { key: keyOf('a'), version: 0 } })
    t.like(await attempt(seq, 9), { ok: false, failed: { key: keyOf('b'), version: 9 } })
    t.deepEqual(await attempt(seq, 0), { ok: true, seq: seq + 1 })
  })

  check(suite, 'R005-4 a failed condition leaves no trace', async (t, store) => {
    await commit(store, write('a', '1'))
    const refused: Transaction = {
      conditions: [
        { key: keyOf('b'), version: 0 },
        { key: keyOf('a'), version: 0 },
      ],
      writes: [write('a', '2'), write('b', '2'), write('x', '2', 'meta')],
      entry: text('never'),
    }
    t.false((await store.commit(refused)).ok)
    t.deepEqual((await row(store, 'a'))!.value, text('1'))
    t.is(await row(store, 'b'), undefined)
    t.is(await row(store, 'x', 'meta'), undefined)
    t.is(await store.lastSeq(), 1)
    t.is((await store.log(0, 9)).length, 1)
  })

  check(suite, 'R005-5 of transactions for one row at once, one wins', async (t, store) => {
    for (let round = 0; round < 5; round++) {
      const version = (await row(store, 'a'))?.version ?? 0
      const attempts = Array.from({ length: 20 }, (_, i) =>
        store.commit({
          conditions: [{ key: keyOf('a'), version }],
          writes: [write('a', `${round}-${i}`)],
          entry: text(`${round}-${i}`),
        }),
      )
      const results = await Promise.all(attempts)
      t.is(results.filter(({ ok }) => ok).length, 1)
      t.is(await store.lastSeq(), round + 1)
      const value = (await row(store, 'a'))!.value
      t.deepEqual(value, (await store.log(round, 1))[0]!.entry)
    }
  })

  check(suite, 'R005-6 the version is the seq, also of what is put again', async (t, store) => {
    t.is(await commit(store, write('a', '1'), write('n', '1', 'names')), 1)
    t.is(await commit(store, write('b', '1')), 2)
    t.is((await row(store, 'a'))!.version, 1)
    t.is((await row(store, 'n', 'names'))!.version, 1)
    await commit(store, write('a', undefined))
    t.is(await commit(store, write('a', '1')), 4)
    t.is((await row(store, 'a'))!.version, 4)
    t.is((await store.scan('keys', { limit: 1 }))[0]!.version, 4)
  })

  check(suite, 'R005-6 no two writes to meta leave the same version', async (t, store) => {
    const seen = new Set<number>()
    for (const value of ['1', '1', undefined, '1', '2']) {
      await store.commit({ conditions: [], writes: [write('a', value, 'meta')], entry: undefined })
      const version = (await row(store, 'a', 'meta'))?.version
      if (version === undefined) continue
      t.false(seen.has(version))
      t.true(version > 0)
      seen.add(version)
    }
    t.is(await store.lastSeq(), 0)
    const stale = { key: keyOf('a', 'meta'), version: [...seen][0]! }
    t.false((await store.commit({ conditions: [stale], writes: [], entry: undefined })).ok)
  })

  check(suite, 'R005-7 rows answer in the order asked, gaps included', async (t, store) => {
    await commit(store, write('a', '1'), write('c', '3'))
    const asked = ['c', 'b', 'a', 'c'].map((id) => keyOf(id))
    const found = await store.rows(asked)
    t.deepEqual(
      found.map((found) => found && Buffer.from(found.value).toString()),
      ['3', undefined, '1', '3'],
    )
    t.deepEqual(await store.rows([]), [])
  })

  check(suite, 'R005-7 rows read together never straddle a commit', async (t, store) => {
    await commit(store, write('a', '0'), write('b', '0'))
    const commits = Array.from({ length: 50 }, (_, i) =>
      commit(store, write('a', `${i}`), write('b', `${i}`)),
    )
    for (let i = 0; i < 50; i++) {
      const [a, b] = await store.rows([keyOf('a'), keyOf('b')])
      t.deepEqual(a!.value, b!.value)
      t.is(a!.version, b!.version)
    }
    await Promise.all(commits)
  })

  check(suite, 'R005-8 of two writes to a row the last one stands', async (t, store) => {
    await commit(store, write('a', '1'), write('a', '2'), write('b', '1'), write('b', undefined))
    t.deepEqual((await row(store, 'a'))!.value, text('2'))
    t.is(await row(store, 'b'), undefined)
  })

  check(suite, 'R005-8 what was handed in may be reused afterwards', async (t, store) => {
    const id = text('a')
    const value = text('1')
    const entry = text('e')
    await store.commit({ conditions: [], writes: [{ key: keyOf(id), value }], entry })
    for (const bytes of [id, value, entry]) bytes.fill(0)
    t.deepEqual((await row(store, 'a'))!.value, text('1'))
    t.deepEqual((await store.log(0, 1))[0]!.entry, text('e'))
    t.deepEqual(ids(await store.scan('keys', { limit: 1 })), ['a'])
  })

  check(suite, 'R005-5 concurrent transactions equal some order of them', async (t, store) => {
    const write = fc.record({ id: fc.constantFrom('a', 'b', 'c'), value: fc.option(fc.string()) })
    const batches = fc.array(fc.array(write, { minLength: 1, maxLength: 3 }), { maxLength: 12 })
    let done = 0
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const before = done
        const results = await Promise.all(
          batch.map((writes, i) =>
            store.commit({
              conditions: [],
              writes: writes.map(({ id, value }) => ({
                key: keyOf(id),
                value: value === null ? undefined : text(value),
              })),
              entry: text(`${i}`),
            }),
          ),
        )
        done += batch.length
        const order = await store.log(before, batch.length)
        t.deepEqual(new Set(results.map(({ ok }) => ok)), new Set(batch.length > 0 ? [true] : []))
        const expected = new Map<string, string | null>()
        for (const { entry } of order) {
          for (const { id, value } of batch[Number(Buffer.from(entry).toString())]!) {
            expected.set(id, value)
          }
        }
        for (const [id, value] of expected) {
          const found = await row(store, id)
          t.deepEqual(found?.value, value === null ? undefined : text(value))
        }
      }),
      { numRuns: 30 },
    )
  })
}
