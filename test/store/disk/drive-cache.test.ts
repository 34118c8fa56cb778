/** Systems on which what was written may still be in the cache of the drive (R005-63). */
import { join } from 'node:path'
import { nodeJournalFiles } from '../../../src/journal/file/files.ts'
import { LINUX, PORTABLE } from '../../../src/platform.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { HeldFiles } from '../../../src/store/file/held-files.ts'
import { test } from '../../serial.ts'
import { commit, keep, pattern, row, write } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'
import { watched } from './journal-files.ts'

test('R005-63: a commit is answered after a sync of the journal that began when it was written', async (t) => {
  await inTemporary(async (directory) => {
    const events: string[] = []
    const journalFiles = watched({
      onWrite: () => void events.push('write'),
      onSync: () => void events.push('sync'),
    })
    const store = await openDiskStore({ directory }, { journalFiles, platform: PORTABLE })
    events.length = 0
    await commit(store, write('a', '1'))
    events.push('answered')
    t.deepEqual(events.splice(0), ['write', 'sync', 'answered'])
    await Promise.all([1, 2, 3].map(() => commit(store, write('a', '2', 'meta'))))
    t.deepEqual(events.splice(0), ['write', 'sync'], 'one for all transactions of an entry')
    await store.close()
  })
})

test('R005-63: the journal is given up after a sync of the database that began when it had it', async (t) => {
  await inTemporary(async (directory) => {
    const events: string[] = []
    const syncFile = async (path: string): Promise<void> => {
      t.is(path, join(directory, 'store-v3/records/data.mdb'))
      await nodeFiles.syncFile(path)
      events.push('synced')
    }
    const gone = (path: string): void => {
      if (path.endsWith('.segment')) events.push('given up')
    }
    const journalFiles = {
      ...nodeJournalFiles,
      rename: (from: string, to: string) => (gone(from), nodeJournalFiles.rename(from, to)),
      remove: (path: string) => (gone(path), nodeJournalFiles.remove(path)),
    }
    const files = { ...nodeFiles, syncFile }
    for (const platform of [PORTABLE, LINUX]) {
      const store = await openDiskStore({ directory }, { files, journalFiles, platform })
      for (let i = 0; i < 5; i++) await commit(store, write(`${i}`, '1'))
      await store.close()
      // The second opening begins a segment of its own, which lets the first one go.
      const again = await openDiskStore({ directory }, { files, journalFiles, platform })
      await keep(again, pattern(100))
      await again.close()
      const seen = events.splice(0)
      t.true(seen.includes('given up'))
      t.is(seen.includes('synced'), platform === PORTABLE)
      if (platform === PORTABLE) t.is(seen[0], 'synced')
    }
  })
})

const broken = (): Error => Object.assign(new Error('broken'), { code: 'EIO', syscall: 'fsync' })

test('R005-63: a commit whose sync fails is refused and reported, and leaves nothing', async (t) => {
  await inTemporary(async (directory) => {
    let failures = 0
    const onSync = (): void => {
      if (failures > 0 && failures-- > 0) throw broken()
    }
    const reported: string[] = []
    const onFailedCommit = (fault: Error): unknown => reported.push(fault.message)
    const parts = { journalFiles: watched({ onSync }), platform: PORTABLE }
    const store = await openDiskStore({ directory, onFailedCommit }, parts)
    await commit(store, write('before', '1'))
    const error = { code: 'unwritable', message: /^cannot append to the journal: an input or out/ }
    failures = 1
    await t.throwsAsync(commit(store, write('a', '1')), error)
    t.is(await row(store, 'a'), undefined)
    failures = 1
    const both = ['b', 'c'].map((id) => commit(store, write(id, '1')))
    for (const one of both) await t.throwsAsync(one, error)
    t.is(reported.length, 2, 'those of one write are refused together')
    await commit(store, write('d', '1'))
    t.is((await store.log(0, 10)).length, 2)
    await store.close()
    const again = await openDiskStore({ directory })
    t.is((await again.log(0, 10)).length, 2, 'what was refused is not there')
    await again.close()
  })
})

test('R005-92: where the journal can be used no more, the store acknowledges nothing more', async (t) => {
  await inTemporary(async (directory) => {
    let isBroken = false
    const onSync = (): void => {
      if (isBroken) throw broken()
    }
    const held = new HeldFiles()
    const reported: string[] = []
    const onFailedCommit = (fault: Error): unknown => reported.push(fault.message)
    const parts = { journalFiles: watched({ onSync }), platform: PORTABLE }
    const store = await openDiskStore({ directory, held, onFailedCommit }, parts)
    const location = await keep(store, pattern(100))
    isBroken = true
    const staging = await store.stage(50_000)
    await staging.write(pattern(50_000))
    const sealed = await staging.seal(new Uint8Array(0))
    const adopting = { conditions: [], writes: [], entry: pattern(1), adopt: [sealed] }
    const lost = { code: 'unwritable' }
    await t.throwsAsync(store.commit(adopting), lost)
    isBroken = false
    for (const call of [
      () => commit(store, write('b', '1')),
      () => store.confirm(),
      () => store.trim(1),
      () => store.quarantine(location),
    ]) {
      await t.throwsAsync(call(), lost)
    }
    t.is((await held.lost).code, 'unwritable')
    t.is(reported.length, 1)
    // Nobody knows if it was adopted: only the next opening may delete it.
    await staging.discard()
    t.is((await nodeFiles.size(join(directory, 'store-v3', 'values', sealed))) ?? 0, 50_000)
    await store.close()
    const again = await openDiskStore({ directory })
    t.true([1, 2].includes((await again.usage()).values))
    await again.close()
  })
})
