/** Puts of small values, as a store appends them to a journal. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Appender } from '../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../src/journal/beginning.ts'
import type { Change } from '../src/journal/entry.ts'
import type { Journal } from '../src/journal/journal.ts'
import { JournalWriter } from '../src/journal/journal-writer.ts'

export function putChange(i: number, size: number): Change {
  const id = new Uint8Array(32).fill(i)
  return {
    type: 'transaction',
    conditions: [{ key: { table: 'keys', id }, version: 0 }],
    writes: [{ key: { table: 'keys', id }, value: new Uint8Array(40) }],
    increments: [],
    entry: new Uint8Array(40),
    adopt: [
      {
        location: i.toString(16).padStart(20, '0'),
        size,
        outboardBytes: 0,
        place: 'small',
        bytes: new Uint8Array(size),
      },
    ],
    release: [],
  }
}

/** A writer that has begun its epoch. */
export async function writerOf(journal: Journal): Promise<JournalWriter> {
  const random = new Uint8Array(16).fill(1)
  const appender = new Appender(
    nextEpoch(await readEnd(journal), { newSet: random, writer: random }),
  )
  const writer = new JournalWriter({ journal, appender, sleep: (ms) => sleep(ms) })
  await writer.say('begin')
  return writer
}
