import type { LogEntry } from '../../../src/store/store.ts'
import { type Suite, check, commit, keyOf, text, write } from './suite.ts'

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
