/** How many syncs many transactions take. */
import { test } from '../../serial.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import type { Store, Transaction } from '../../../src/store/store.ts'
import { keyOf, pattern, text } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'
import { watched } from './journal-files.ts'

const COUNT = 1024

/** Puts of small values under keys of their own. */
async function batch(store: Store, name: string): Promise<Transaction[]> {
  const locations = await store.sealSmall(Array.from({ length: COUNT }, () => pattern(100)))
  return locations.map((location, i) => ({
    conditions: [{ key: keyOf(`${name} ${i}`), version: 0 }],
    writes: [{ key: keyOf(`${name} ${i}`), value: text(location) }],
    entry: text(location),
    adopt: [location],
  }))
}

test('R005-78, R009-24: a batch takes one write of the journal, and batches that wait share one', async (t) => {
  let writes = 0
  await inTemporary(async (directory) => {
    const journalFiles = watched({ onWrite: () => void writes++ })
    const store = await openDiskStore({ directory }, { journalFiles })
    writes = 0
    t.true((await store.commitAll(await batch(store, 'a'))).every(({ ok }) => ok))
    t.is(writes, 1)
    const waiting = await Promise.all(['b', 'c', 'd', 'e'].map((name) => batch(store, name)))
    writes = 0
    await Promise.all(waiting.map((transactions) => store.commitAll(transactions)))
    t.true(writes <= 2, 'after so many bytes the disk is asked for its room')
    t.like(await store.usage(), { values: 5 * COUNT, valueBytes: 5 * COUNT * 100 })
    t.is(await store.lastSeq(), 5 * COUNT)
    await store.close()
  })
})
