import { readFileSync } from 'node:fs'
import { contentOf } from '../../../specs/models/journal-files.ts'
import type { JournalVectors } from '../../../specs/models/journal-vectors.ts'
import { toHex } from '../../../src/bytes.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import { fromHex } from '../../../src/bytes.ts'
import { test } from '../../serial.ts'
import { seeded } from '../../wire/seeded.ts'
import { readAll } from '../tools.ts'
import { open } from './scenario.ts'
import { SimDisk } from './sim-disk.ts'

const { files: vectors, journals } = JSON.parse(
  readFileSync('specs/vectors/009-journal.json', 'utf8'),
) as JournalVectors

const newDisk = (): SimDisk => new SimDisk({ random: seeded(1), sectorBytes: 512 })

for (const { what, files, found } of vectors) {
  test(`R009-41 to R009-46 the files of the vectors: ${what}`, async (t) => {
    const disk = newDisk()
    for (const file of files) disk.put(file.name, contentOf(file))
    if ('refused' in found) {
      await t.throwsAsync(open(disk.files()), { code: found.refused })
      return
    }
    const journal = await open(disk.files())
    const { first, last } = await journal.extent()
    const entries = await readAll(journal, first - 1)
    t.deepEqual({ first, digests: entries.map((entry) => toHex(entryDigest(entry))) }, found)
    t.is(last, first + found.digests.length - 1)
    await journal.close()
  })
}

test('R009-46 a journal in files is written as the model writes it', async (t) => {
  const entries = journals[0]!.entries.map((entry) => fromHex(entry)!)
  const disk = newDisk()
  const journal = await open(disk.files())
  for (const [i, entry] of entries.entries()) await journal.append(i, entry)
  await journal.close()
  const { fileOf } = await import('../../../specs/models/journal-files.ts')
  const [name, content] = [...disk.content].find(([one]) => one.endsWith('.segment'))!
  const written = fileOf({
    number: 1,
    bytes: content.byteLength,
    after: 0,
    chain: '00'.repeat(32),
    salt: toHex(content.subarray(72, 88)),
    records: entries.map((entry, i) => ({
      offset: 4096 * (i + 1),
      position: i + 1,
      entry: toHex(entry),
    })),
  })
  t.is(name, written.name)
  t.is(Buffer.compare(content, contentOf(written)), 0)
})
