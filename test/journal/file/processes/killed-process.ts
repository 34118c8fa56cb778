/**
 * The process that is killed: appends as fast as the journal answers, and tells its parent of each
 * change before and after, a line each. What it told `done` must survive it. Argument: directory.
 */
import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openFileJournal } from '../../../../src/journal/file/file-journal.ts'
import { openWriter } from '../../tools.ts'
import { changeOf } from './change.ts'

const WORKERS = 8
const LENGTHS: readonly number[] = [1, 100, 100, 1000, 3900, 4100, 20_000, 200_000]

const [directory] = process.argv.slice(2) as [string]
const journal = await openFileJournal({
  directory,
  firstSegmentBytes: 256 * 1024,
  segmentBytes: 1024 * 1024,
})

/** A write to a pipe of less than a page is whole, and is with the parent when this returns. */
function tell(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

const { writer } = await openWriter(journal, randomBytes(1)[0]!, {
  onAppended: (position) => {
    // As a store does that has taken what comes before.
    if (position % 50 === 0) void journal.trim(position - 100 < 0 ? 0 : position - 100)
  },
})
const run = randomBytes(6).toString('hex')

async function work(worker: number): Promise<void> {
  for (let i = 0; ; i++) {
    const id = `${run}-${worker}-${i}`
    const length = LENGTHS[randomBytes(1)[0]! % LENGTHS.length]!
    tell('append', id, length)
    const position = await writer.append([changeOf(id, length)])
    tell('done', id, length, position)
  }
}

tell('ready')
await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
