import { RECORD_VALUE_BYTES, SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import type { LogEntry, Transaction } from '../../../src/store/store.ts'
import { type Suite, check, commit, keep, keyOf, seal, text, write } from './suite.ts'

const seqs = (entries: readonly LogEntry[]): number[] => entries.map(({ seq }) => seq)

export function logTopic(suite: Suite): void {
  check(suite, 'R005-9 seqs count from 1 without gaps', async (t, store) => {
    t.is(await store.lastSeq(), 0)
    t.deepEqual(await store.log(0, 9), [])
    const given = await Promise.all(Array.from({ length: 100 }, () => commit(store)))
    t.deepEqual(
      given.toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
    t.is(await store.lastSeq(), 100)
    t.deepEqual(
      seqs(await store.log(0, 1000)),
      given.toSorted((a, b) => a - b),
    )
  })

  check(suite, 'R005-5 transactions take effect in the order of the calls', async (t, store) => {
    // Values that are files have more to sync before they are adopted; a large record fills a
    // transaction of its own.
    const [large, small] = [new Uint8Array(SMALL_VALUE_BYTES + 1), new Uint8Array(1)]
    const record = new Uint8Array(RECORD_VALUE_BYTES)
    const gone = await keep(store, large)
    const first = await store.lastSeq()
    const sealed = await Promise.all(
      Array.from({ length: 12 }, (_, i) => seal(store, i % 2 === 0 ? large : small)),
    )
    const kinds: Omit<Transaction, 'entry'>[] = sealed.flatMap((location, i) => [
      { conditions: [], writes: [], adopt: [location] },
      { conditions: [], writes: [{ key: keyOf(`${i}`), value: record }] },
      { conditions: [], writes: [], release: i === 3 ? [gone] : [] },
      { conditions: [{ key: keyOf('absent'), version: i % 2 }], writes: [] },
    ])
    const results = await Promise.all(
      kinds.map((kind, i) => store.commit({ ...kind, entry: text(`${i}`) })),
    )
    const calls = results.flatMap(({ ok }, i) => (ok ? [i] : []))
    t.is(calls.length, kinds.length - 6, 'those whose condition held')
    t.deepEqual(
      results.flatMap((result) => (result.ok ? [result.seq] : [])),
      calls.map((_, i) => first + 1 + i),
    )
    const entries = (await store.log(first, kinds.length)).map(({ entry }) => entry)
    t.deepEqual(
      entries,
      calls.map((i) => text(`${i}`)),
    )
  })

  check(suite, 'R005-9 a failed transaction takes no seq', async (t, store) => {
    await commit(store)
    const conditions = [{ key: keyOf('absent'), version: 1 }]
    t.false((await store.commit({ conditions, writes: [], entry: text('no') })).ok)
    t.is(await commit(store), 2)
    t.deepEqual(seqs(await store.log(0, 9)), [1, 2])
  })

  check(suite, 'R005-10 reading the log from anywhere, by any limit', async (t, store) => {
    for (let i = 1; i <= 5; i++) {
      await store.commit({ conditions: [], writes: [], entry: text(`e${i}`) })
    }
    const all = await store.log(0, 9)
    t.deepEqual(
      all.map(({ entry }) => Buffer.from(entry).toString()),
      ['e1', 'e2', 'e3', 'e4', 'e5'],
    )
    t.deepEqual(seqs(await store.log(2, 2)), [3, 4])
    t.deepEqual(seqs(await store.log(4, 9)), [5])
    t.deepEqual(await store.log(5, 9), [])
    t.deepEqual(await store.log(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), [])
    t.deepEqual(seqs(await store.log(0, Number.MAX_SAFE_INTEGER)), [1, 2, 3, 4, 5])
    t.deepEqual(await store.log(0, 0), [])
  })

  check(suite, 'R005-10 an entry of no bytes is an entry', async (t, store) => {
    await store.commit({ conditions: [], writes: [], entry: new Uint8Array(0) })
    t.deepEqual(await store.log(0, 9), [{ seq: 1, entry: new Uint8Array(0) }])
  })

  check(suite, 'R005-11 a trimmed log begins later and counts on', async (t, store) => {
    for (let i = 0; i < 6; i++) await commit(store, write(`${i}`, 'v'))
    await store.trim(0)
    t.deepEqual(seqs(await store.log(0, 9)), [1, 2, 3, 4, 5, 6])
    await store.trim(4)
    t.deepEqual(seqs(await store.log(0, 9)), [5, 6])
    t.deepEqual(seqs(await store.log(0, 1)), [5])
    t.deepEqual(seqs(await store.log(5, 9)), [6])
    await store.trim(2)
    t.deepEqual(seqs(await store.log(0, 9)), [5, 6])
    await store.trim(100)
    t.deepEqual(await store.log(0, 9), [])
    t.is(await store.lastSeq(), 6)
    t.is(await commit(store), 7)
    t.deepEqual(seqs(await store.log(0, 9)), [7])
    t.is((await store.scan('keys', { limit: 9 })).length, 6)
  })

  check(suite, 'R005-12 without an entry no seq is taken', async (t, store) => {
    const writes = [write('a', '1', 'meta')]
    t.deepEqual(await store.commit({ conditions: [], writes, entry: undefined }), {
      ok: true,
      seq: 0,
    })
    await commit(store)
    t.deepEqual(await store.commit({ conditions: [], writes, entry: undefined }), {
      ok: true,
      seq: 1,
    })
    t.is((await store.log(0, 9)).length, 1)
  })
}
