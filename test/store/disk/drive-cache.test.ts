/** Systems on which a commit of LMDB may still be in the cache of the drive (R005-63). */
import { join } from 'node:path'
import { LINUX, PORTABLE } from '../../../src/platform.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { test } from '../../serial.ts'
import { commit, keep, pattern, row, write } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

test('R005-63: a commit is answered after a sync of the database that began when it was done', async (t) => {
  await inTemporary(async (directory) => {
    const events: string[] = []
    let store: Awaited<ReturnType<typeof openDiskStore>> | undefined
    const files = {
      ...nodeFiles,
      syncFile: async (path: string): Promise<void> => {
        t.is(path, join(directory, 'store-v3/records/data.mdb'))
        const value = store && (await row(store, 'a'))?.value
        events.push(`sync of ${value ? Buffer.from(value).toString() : 'the run'}`)
        await nodeFiles.syncFile(path)
        events.push('synced')
      },
    }
    store = await openDiskStore({ directory }, { files, platform: PORTABLE })
    t.deepEqual(events.splice(0), ['sync of the run', 'synced'])
    await commit(store, write('a', '1'))
    events.push('answered')
    t.deepEqual(events.splice(0), ['sync of 1', 'synced', 'answered'])
    await Promise.all([1, 2, 3].map(() => commit(store!, write('a', '2', 'meta'))))
    t.is(events.splice(0).length, 2, 'one for all transactions of a commit')
    await store.close()

    store = undefined
    store = await openDiskStore({ directory }, { files, platform: LINUX })
    await keep(store, pattern(100))
    await store.close()
    t.deepEqual(events, [], 'LMDB has done it')
  })
})

test('R005-63: a commit whose sync fails is refused and reported, and is not done twice', async (t) => {
  await inTemporary(async (directory) => {
    let isBroken = false
    const syncFile = (path: string): Promise<void> =>
      isBroken
        ? Promise.reject(Object.assign(new Error('broken'), { code: 'EIO', syscall: 'fsync' }))
        : nodeFiles.syncFile(path)
    const reported: string[] = []
    const onFailedCommit = (fault: Error): unknown => reported.push(fault.message)
    const parts = { files: { ...nodeFiles, syncFile }, platform: PORTABLE }
    const store = await openDiskStore({ directory, onFailedCommit }, parts)
    isBroken = true
    const error = { code: 'unwritable', message: /^cannot commit: an input or output error/ }
    await t.throwsAsync(commit(store, write('a', '1')), error)
    const both = ['b', 'c'].map((id) => commit(store, write(id, '1')))
    for (const one of both) await t.throwsAsync(one, error)
    t.is(reported.length, 2, 'those of one commit are refused together')
    isBroken = false
    await commit(store, write('d', '1'))
    t.is((await store.log(0, 10)).length, 4, 'each is there once')
    await store.close()
  })
})
