/** How many syncs many transactions take. */
import { test } from '../../serial.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { Database } from '../../../src/store/disk/records/database.ts'
import type { Store, Transaction } from '../../../src/store/store.ts'
import { keyOf, pattern, text } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

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

test('R005-78: a batch takes one commit of LMDB, and batches that wait share one', async (t) => {
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const { transact } = Database.prototype
  let commits = 0
  Database.prototype.transact = function (...args) {
    commits++
    return transact.apply(this, args) as never
  }
  t.teardown(() => (Database.prototype.transact = transact))
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory })
    commits = 0
    t.true((await store.commitAll(await batch(store, 'a'))).every(({ ok }) => ok))
    t.is(commits, 1)
    const waiting = await Promise.all(['b', 'c', 'd', 'e'].map((name) => batch(store, name)))
    commits = 0
    await Promise.all(waiting.map((transactions) => store.commitAll(transactions)))
    t.is(commits, 2, 'their bytes are more than one takes')
    t.like(await store.usage(), { values: 5 * COUNT, valueBytes: 5 * COUNT * 100 })
    t.is(await store.lastSeq(), 5 * COUNT)
    await store.close()
  })
})
