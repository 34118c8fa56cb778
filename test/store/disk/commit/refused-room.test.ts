/** Changes for which the disk makes no room: who is told. */
import { nodeJournalFiles } from '../../../../src/journal/file/files.ts'
import { KIB, MIB } from '../../../../src/limits.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../../src/store/disk/files.ts'
import type { Database } from '../../../../src/store/disk/records/database.ts'
import { test } from '../../../serial.ts'
import { commit, keep, pattern, write } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'

const refusal = (): Error => Object.assign(new Error('EIO: the disk'), { code: 'EIO' })

test('R005-54: a fault while room is looked for is one line of the log, and the commit fails with it', async (t) => {
  await inTemporary(async (directory) => {
    const faults: Error[] = []
    const onFailedCommit = (fault: Error): unknown => faults.push(fault)
    let refuses = false
    const freeBytes = async (path: string): Promise<number> => {
      if (refuses) throw refusal()
      return nodeFiles.freeBytes(path)
    }
    let elapsedMs = 0
    const clocks = { wall: Date.now, elapsed: () => (elapsedMs += 1000) }
    const store = await openDiskStore(
      { directory, onFailedCommit },
      { files: { ...nodeFiles, freeBytes }, clocks },
    )
    refuses = true
    const error = await t.throwsAsync(commit(store, write('a', '1')), { code: 'unwritable' })
    t.deepEqual(faults, [error])
    refuses = false
    await commit(store, write('a', '1'))
    t.is(faults.length, 1)
    await store.close()
  })
})

test('R005-54, R005-38: a journal without room for its next segment is one line, and room that is made none', async (t) => {
  await inTemporary(async (directory) => {
    const faults: Error[] = []
    const onFailedCommit = (fault: Error): unknown => faults.push(fault)
    let code: string | undefined
    const journalFiles = {
      ...nodeJournalFiles,
      create: async (path: string) => {
        if (code === undefined) return nodeJournalFiles.create(path)
        throw Object.assign(refusal(), { code })
      },
    }
    const segments = { firstSegmentBytes: 32 * KIB, segmentBytes: 32 * KIB }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB, onFailedCommit },
      // LMDB gets nothing, so that the journal gives nothing up.
      { journalFiles, journalBytes: segments, after: () => () => undefined },
    )
    code = 'EIO'
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await keep(store, pattern(16_000))
    }
    const error = await t.throwsAsync(fill(), { code: 'unwritable' })
    t.deepEqual(faults, [error])
    code = undefined
    await fill()
    code = 'ENOSPC'
    await t.notThrowsAsync(fill(), 'LMDB takes what is there, and the journal gives it up')
    t.is(faults.length, 1)
    await store.close()
  })
})

/** Counts the transactions that write nothing but the tally again, and may refuse them. */
function watched(watch: { refuses: boolean; again: number }): (opened: Database) => Database {
  return (opened) => {
    let writes: PropertyKey[] = []
    return new Proxy(opened, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        const bound = member.bind(target) as (...args: unknown[]) => unknown
        if (name !== 'transact') {
          return (...args: unknown[]) => {
            writes.push(name)
            return bound(...args)
          }
        }
        return (write: () => unknown) =>
          bound(() => {
            writes = []
            const result = write()
            if (writes.join() !== 'tally,writeTally') return result
            watch.again++
            if (watch.refuses) throw Object.assign(refusal(), { code: 'ENOSPC' })
            return result
          })
      },
    })
  }
}

test('R005-38, R005-97: room in the journal needs none in LMDB, and what is refused again writes nothing', async (t) => {
  await inTemporary(async (directory) => {
    let isFull = false
    const create = async (path: string): ReturnType<typeof nodeJournalFiles.create> => {
      if (!isFull) return nodeJournalFiles.create(path)
      throw Object.assign(refusal(), { code: 'ENOSPC' })
    }
    let freeBytes = Number.MAX_SAFE_INTEGER
    let elapsedMs = 0
    const watch = { refuses: true, again: 0 }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB },
      {
        files: { ...nodeFiles, freeBytes: async () => freeBytes },
        journalFiles: { ...nodeJournalFiles, create },
        journalBytes: { firstSegmentBytes: 32 * KIB, segmentBytes: 32 * KIB },
        clocks: { wall: Date.now, elapsed: () => (elapsedMs += 1000) },
        database: watched(watch),
        after: () => () => undefined,
      },
    )
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await keep(store, pattern(16_000))
    }
    await fill()
    isFull = true
    await fill()
    t.true(watch.again > 0)
    watch.refuses = false
    freeBytes = 0
    await t.throwsAsync(commit(store, write('a', '1')), { code: 'no-space' })
    const { again } = watch
    for (let i = 0; i < 5; i++) {
      await t.throwsAsync(commit(store, write('a', '1')), { code: 'no-space' })
    }
    t.is(watch.again, again)
    await store.close()
  })
})
