/** Appends of which nobody knows whether they are durable, or before which another writer was. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Appender } from '../../../../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../../../../src/journal/beginning.ts'
import { SET_BYTES, WRITER_BYTES } from '../../../../src/journal/entry.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { type JournalFile, nodeJournalFiles } from '../../../../src/journal/file/files.ts'
import { JOURNAL_BLOCK_BYTES } from '../../../../src/limits.ts'
import type { StoreArchive } from '../../../../src/store/disk/archive.ts'
import { type DiskStore, openDiskStore } from '../../../../src/store/disk/disk.ts'
import { HeldFiles } from '../../../../src/store/file/held-files.ts'
import type { CommitResult, Location } from '../../../../src/store/store.ts'
import { test } from '../../../serial.ts'
import { keep, keyOf, pattern, readAll, row, seal, text } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'

const SIZE = 50_000

const adopt = async (store: DiskStore, location: Location): Promise<CommitResult> =>
  store.commit({
    conditions: [],
    writes: [{ key: keyOf('a'), value: text(location) }],
    entry: text('put'),
    adopt: [location],
  })

/** A journal whose writes reach the disk and fail, with no way to make them void. */
class Doubtful {
  isOn = false

  readonly files: typeof nodeJournalFiles = {
    ...nodeJournalFiles,
    openDurable: async (path) => {
      if (this.isOn) throw refusal()
      const file = await nodeJournalFiles.openDurable(path)
      const write: JournalFile['write'] = async (bytes, position) => {
        const written = await file.write(bytes, position)
        if (this.isOn && position >= JOURNAL_BLOCK_BYTES) throw refusal()
        return written
      }
      return { ...file, write }
    },
  }
}

const refusal = (): Error => Object.assign(new Error('EIO: the disk'), { code: 'EIO' })

test('R005-92: where nobody knows what came of an append, the store ends, and keeps what it adopts for the next opening', async (t) => {
  await inTemporary(async (directory) => {
    const doubtful = new Doubtful()
    const held = new HeldFiles()
    const faults: Error[] = []
    const onFailedCommit = (fault: Error): unknown => faults.push(fault)
    const store = await openDiskStore(
      { directory, held, onFailedCommit },
      { journalFiles: doubtful.files },
    )
    await keep(store, pattern(100))
    const [first, second] = [
      await seal(store, pattern(SIZE), pattern(64)),
      await seal(store, pattern(SIZE), pattern(64)),
    ]
    doubtful.isOn = true
    const error = await t.throwsAsync(adopt(store, first), { code: 'unwritable' })
    doubtful.isOn = false
    t.is<Error, Error>(await held.lost, error, 'the node ends')
    t.deepEqual(faults, [error])
    await t.throwsAsync(adopt(store, second), { code: 'unwritable' })
    await t.throwsAsync(adopt(store, first))
    t.is(await row(store, 'a'), undefined, 'nothing of it is visible')
    await store.discard(first)
    await store.discard(second)
    t.deepEqual(await readdir(join(directory, 'store-v3', 'values')), [first])
    await store.close()

    const again = await openDiskStore({ directory })
    t.deepEqual(again.recovery, { deletedFiles: 0, damaged: [] })
    t.deepEqual((await row(again, 'a'))?.value, text(first))
    t.is(Buffer.compare(await readAll(again, first, 0, SIZE), pattern(SIZE)), 0)
    await again.close()
  })
})

/** The entry that another writer's epoch begins with. */
async function another(journal: Journal): Promise<Uint8Array> {
  const start = nextEpoch(await readEnd(journal), {
    newSet: new Uint8Array(SET_BYTES),
    writer: new Uint8Array(WRITER_BYTES),
  })
  const [effect] = new Appender(start).append({ kind: 'begin' })
  return effect?.type === 'append' ? effect.entry : new Uint8Array(0)
}

test('R005-92: where another writer has appended, the store ends, and its change is not in the records', async (t) => {
  await inTemporary(async (directory) => {
    let isTaken = false
    const join = async (own: Journal): Promise<Journal> => ({
      append: async (after, entry) => {
        if (!isTaken) return own.append(after, entry)
        await own.append(after, await another(own))
        return 'taken'
      },
      extent: () => own.extent(),
      at: (position) => own.at(position),
      follow: (after, signal) => own.follow(after, signal),
      trim: (upto) => own.trim(upto),
      close: () => own.close(),
    })
    const calls = { opened: async () => {}, closing: () => {}, close: async () => {} }
    const archive = { leastEpoch: 1, join, values: undefined, ...calls } as unknown as StoreArchive
    const held = new HeldFiles()
    const store = await openDiskStore({ directory, held, archive })
    const location = await seal(store, pattern(SIZE), pattern(64))
    isTaken = true
    const error = await t.throwsAsync(adopt(store, location), { code: 'unwritable' })
    isTaken = false
    t.is<Error, Error>(await held.lost, error, 'the node ends')
    await t.throwsAsync(keep(store, pattern(100)), { code: 'unwritable' })
    t.is(await row(store, 'a'), undefined)
    await store.close()

    const again = await openDiskStore({ directory })
    t.is(await row(again, 'a'), undefined)
    t.like(await again.usage(), { values: 0 })
    await again.close()
  })
})
