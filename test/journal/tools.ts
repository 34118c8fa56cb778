/** What tests of journals share. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Appender } from '../../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../../src/journal/beginning.ts'
import { Chain } from '../../src/journal/chain.ts'
import type { Change, Entry } from '../../src/journal/entry.ts'
import type { Followed, Journal } from '../../src/journal/journal.ts'
import { JournalWriter, type JournalWriterOptions } from '../../src/journal/journal-writer.ts'

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** 16 bytes that say who it is. */
export const id = (number: number): Uint8Array => new Uint8Array(16).fill(number)

/** Bytes in which every 251st is the same. */
export function pattern(length: number, seed: number = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i + seed) % 251)
}

/** The smallest change that says what it is. */
export const marked = (upto: number): Change => ({ type: 'trim', upto })

/** What `marked` changes of an entry say. */
export const marksOf = ({ body }: Entry): number[] =>
  body.kind === 'changes'
    ? body.changes.flatMap((change) => (change.type === 'trim' ? [change.upto] : []))
    : []

export interface OpenWriter {
  readonly writer: JournalWriter
  readonly appender: Appender
}

/** A writer that has begun an epoch. */
export async function openWriter(
  journal: Journal,
  number: number,
  options: Partial<JournalWriterOptions> = {},
): Promise<OpenWriter> {
  const { journal: through = journal } = options
  const end = await readEnd(journal)
  const appender = new Appender(nextEpoch(end, { newSet: id(99), writer: id(number) }))
  const writer = new JournalWriter({
    journal: through,
    appender,
    sleep: (ms) => sleep(ms),
    ...options,
  })
  await writer.say('begin')
  return { writer, appender }
}

/** Everything after a position that is there now, in batches as they come. */
export async function follow(journal: Journal, after: number): Promise<Followed[]> {
  const { last } = await journal.extent()
  const batches: Followed[] = []
  let position = after
  const controller = new AbortController()
  if (position >= last) return batches
  for await (const batch of journal.follow(after, controller.signal)) {
    batches.push(batch)
    position += batch.length
    if (batch === 'gone' || position >= last) controller.abort()
  }
  return batches
}

export async function readAll(journal: Journal, after: number = 0): Promise<Uint8Array[]> {
  const batches = await follow(journal, after)
  return batches.flatMap((batch) => {
    if (batch === 'gone') throw new Error('the next entry was trimmed')
    return batch
  })
}

/** The entries of a journal that was never trimmed, verified. */
export async function verified(journal: Journal): Promise<Entry[]> {
  const chain = new Chain()
  return (await readAll(journal)).map((entry) => chain.accept(entry))
}
