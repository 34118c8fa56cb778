import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readEnd } from '../../../src/journal/beginning.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import { openFileJournal } from '../../../src/journal/file/file-journal.ts'
import { nodeJournalFiles, type JournalFiles } from '../../../src/journal/file/files.ts'
import { DISK } from '../../disk.ts'
import { test } from '../../serial.ts'
import { follow, pattern, readAll } from '../tools.ts'

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  try {
    await run(join(parent, 'journal'))
  } finally {
    await rm(parent, { recursive: true })
  }
}

const start = { position: 41, digest: entryDigest(pattern(9)) }

test('R009-51 a journal without segments begins where it is told to', async (t) => {
  await withDirectory(async (directory) => {
    const journal = await openFileJournal({ directory, start })
    t.deepEqual(await journal.extent(), { first: 42, last: 41 })
    t.is(await journal.at(41), 'gone')
    t.is(await journal.at(42), undefined)
    t.deepEqual(await readAll(journal, 41), [])
    t.is(await journal.append(40, pattern(1)), 'taken')
    await t.throwsAsync(journal.append(42, pattern(1)), { code: 'integrity' })
    await t.throwsAsync(readEnd(journal), { code: 'integrity' })
    t.is(await journal.append(41, pattern(1)), 'ok')
    t.is(await journal.append(42, pattern(2)), 'ok')
    t.deepEqual(await journal.extent(), { first: 42, last: 43 })
    t.deepEqual(await readAll(journal, 41), [pattern(1), pattern(2)])
    t.is(await journal.at(41), 'gone')
    await journal.close()

    // Once it has a segment, that says where it begins.
    const other = { position: 7, digest: entryDigest(pattern(1)) }
    const again = await openFileJournal({ directory, start: other })
    t.deepEqual(await again.extent(), { first: 42, last: 43 })
    t.is(await again.append(43, pattern(3)), 'ok')
    t.deepEqual(await follow(again, 3), ['gone'])
    await again.close()
  })
})

test('R009-51 its first segment has the chain that it was told', async (t) => {
  await withDirectory(async (directory) => {
    const journal = await openFileJournal({ directory, start })
    await journal.append(41, pattern(1))
    await journal.close()
    const segment = (await readdir(directory)).find((name) => name.endsWith('.segment'))!
    const head = await readFile(join(directory, segment))
    t.deepEqual(Uint8Array.from(head.subarray(40, 72)), Uint8Array.from(start.digest))
  })
})

/** The files, without any call that could change something. */
function reading(calls: string[]): JournalFiles {
  return new Proxy(nodeJournalFiles, {
    get: (files, name: keyof JournalFiles) => {
      if (!['list', 'open'].includes(name)) calls.push(name)
      return files[name]
    },
  })
}

test('R009-52 a journal that is opened for reading stays as it is, byte for byte', async (t) => {
  await withDirectory(async (directory) => {
    const sizes = { firstSegmentBytes: 16 * 1024, segmentBytes: 16 * 1024 }
    const calls: string[] = []
    const files = reading(calls)
    const none = await openFileJournal({ directory, readOnly: true }, { files })
    t.deepEqual(await none.extent(), { first: 1, last: 0 })
    await none.close()

    const journal = await openFileJournal({ directory, ...sizes })
    for (let i = 0; i < 7; i++) await journal.append(i, pattern(20, i))
    await journal.close()
    await (await nodeJournalFiles.create(join(directory, '00000000000000ff.new'))).close()
    const before = await contentOf(directory)

    const read = await openFileJournal({ directory, readOnly: true }, { files })
    t.deepEqual(
      await readAll(read),
      Array.from({ length: 7 }, (_, i) => pattern(20, i)),
    )
    const refused = await t.throwsAsync(read.append(7, pattern(1)), { code: 'unwritable' })
    t.like(refused, { outcome: 'not-appended' })
    await t.throwsAsync(read.trim(6), { code: 'unwritable' })
    await read.close()
    t.deepEqual(await contentOf(directory), before)
    t.deepEqual(calls, [])
  })
})

async function contentOf(directory: string): Promise<Map<string, Buffer>> {
  const content = new Map<string, Buffer>()
  for (const name of (await readdir(directory)).toSorted()) {
    content.set(name, await readFile(join(directory, name)))
  }
  return content
}
