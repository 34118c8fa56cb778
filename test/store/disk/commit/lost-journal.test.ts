/** A journal that is gone, or older than the records. */
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { ReadOnlyStore } from '../../../../src/store/disk/read-only-store.ts'
import { test } from '../../../serial.ts'
import { keep, pattern } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'
import { copyOf } from '../copy.ts'

const journalIn = (directory: string): string => join(directory, 'store-v3', 'journal')

test('R005-98: records without their journal, or with an older one, are not opened, and nothing is changed', async (t) => {
  await inTemporary(async (parent) => {
    const directory = join(parent, 'state')
    const older = join(parent, 'older')
    const store = await openDiskStore({ directory })
    await keep(store, pattern(100_000))
    await copyOf(directory, older)
    await keep(store, pattern(200_000))
    await store.close()
    const values = await readdir(join(directory, 'store-v3', 'values'))
    const refused = async (message: RegExp): Promise<void> => {
      for (const open of [openDiskStore, async () => ReadOnlyStore.open(directory)]) {
        const error = await t.throwsAsync(open({ directory }), { code: 'integrity', message })
        t.true(error.message.includes(directory), error.message)
      }
      t.deepEqual(await readdir(join(directory, 'store-v3', 'values')), values)
    }
    await rm(journalIn(directory), { recursive: true })
    // Begin, two puts, farewell.
    await refused(/the journal of the store is missing: the records have 4 entries that it has not/)
    await cp(journalIn(older), journalIn(directory), { recursive: true })
    await refused(/the journal has lost entries: the records have 2 entries that it has not/)
  })
})

test('R005-98: a journal that is gone before the records had any of it is that of a new store', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory }, { after: () => () => undefined })
    const killed = `${directory}-killed`
    await copyOf(directory, killed)
    await store.close()
    await rm(journalIn(killed), { recursive: true })
    const again = await openDiskStore({ directory: killed })
    t.deepEqual(again.recovery, { deletedFiles: 0, damaged: [] })
    await again.close()
    await rm(killed, { recursive: true })
  })
})
