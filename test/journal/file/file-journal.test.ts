import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
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

test('R009-48 only this user has access, and files with other names stay', async (t) => {
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  const directory = join(parent, 'journal')
  try {
    const journal = await openFileJournal({ directory })
    await journal.append(0, new Uint8Array(1))
    await journal.close()
    const foreign = [
      'note.txt',
      '1.segment',
      '0000000000000001.segment.old',
      'ffffffffffffffff.segment',
    ]
    for (const name of foreign) await writeFile(join(directory, name), 'mine')
    const again = await openFileJournal({ directory })
    t.deepEqual(await again.extent(), { first: 1, last: 1 })
    await again.close()
    const names = await readdir(directory)
    for (const name of foreign) t.true(names.includes(name), name)
    t.is((await stat(directory)).mode & 0o777, 0o700)
    const own = names.filter((name) => !foreign.includes(name))
    t.true(own.length >= 2)
    for (const name of own) t.is((await stat(join(directory, name))).mode & 0o777, 0o600, name)
  } finally {
    await rm(parent, { recursive: true })
  }
})

test('each new segment is announced before anything is appended to it', async (t) => {
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  const directory = join(parent, 'journal')
  const segments: string[] = []
  const options = { directory, firstSegmentBytes: 16 * 1024, segmentBytes: 16 * 1024 }
  try {
    const onSegment = async (path: string): Promise<void> => void segments.push(path)
    const journal = await openFileJournal({ ...options, onSegment })
    for (let i = 0; i < 7; i++) await journal.append(i, new Uint8Array(1))
    t.deepEqual(
      segments,
      [1, 2, 3].map((number) => join(directory, `${number}`.padStart(16, '0')) + '.segment'),
    )
    await journal.close()
    const refusing = await openFileJournal({
      ...options,
      onSegment: () => Promise.reject(new Error('gone')),
    })
    const error = await t.throwsAsync(refusing.append(7, new Uint8Array(1)))
    t.like(error, { outcome: 'ended' })
    await t.throwsAsync(refusing.extent(), { message: error.message })
    await refusing.close()
  } finally {
    await rm(parent, { recursive: true })
  }
})
