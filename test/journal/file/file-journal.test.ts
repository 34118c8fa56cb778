import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openFileJournal } from '../../../src/journal/file/file-journal.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { PORTABLE } from '../../../src/platform.ts'
import { DISK } from '../../disk.ts'
import { test } from '../../serial.ts'
import { journalSuite } from '../suite.ts'

for (const [name, sizes, components] of [
  ['file', {}, {}],
  ['file, small segments', { segmentBytes: 64 * 1024, firstSegmentBytes: 16 * 1024 }, {}],
  ['file, synced', {}, { platform: PORTABLE }],
] as const) {
  journalSuite({
    test,
    name,
    durable: true,
    create: async () => {
      const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
      const directory = join(parent, 'journal')
      const open = (): Promise<Journal> => openFileJournal({ directory, ...sizes }, components)
      let journal = await open()
      return {
        get journal() {
          return journal
        },
        another: async () => journal,
        reopen: async () => {
          await journal.close()
          return (journal = await open())
        },
        destroy: async () => {
          await journal.close()
          await rm(parent, { recursive: true })
        },
      }
    },
  })
}
