/** The process whose calls to the kernel are traced. Argument: directory. */
import { writeSync } from 'node:fs'
import { openFileJournal } from '../../../../src/journal/file/file-journal.ts'
import { pattern } from '../../tools.ts'

const directory = process.argv[2]!
const journal = await openFileJournal({
  directory,
  firstSegmentBytes: 64 * 1024,
  segmentBytes: 64 * 1024,
})
for (const [i, length] of [100, 5000, 100, 30_000, 40_000, 100].entries()) {
  await journal.append(i, pattern(length, i))
  writeSync(1, `answered append ${i + 1}\n`)
}
await journal.trim(6)
writeSync(1, 'answered trim\n')
await journal.close()
