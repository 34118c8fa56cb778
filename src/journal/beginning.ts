/** Where a journal ends, and the appender of the epoch that begins there. */
import { DstoreError } from '../errors.ts'
import { JOURNAL_EPOCHS } from '../limits.ts'
import type { AppenderStart } from './appender.ts'
import { BEFORE_FIRST, type ChainPosition } from './chain.ts'
import { decodeEntry } from './decode.ts'
import { entryDigest } from './digest.ts'
import type { EntryHead } from './entry.ts'
import type { Journal } from './journal.ts'

/** The last entry of a journal. */
export interface JournalEnd extends ChainPosition {
  /** Undefined if the journal has none. */
  readonly head: EntryHead | undefined
}

/** What another writer appends meanwhile may be missing: then `begin` is taken. */
export async function readEnd(journal: Journal): Promise<JournalEnd> {
  for (;;) {
    const { first, last } = await journal.extent()
    if (last === 0) return { ...BEFORE_FIRST, head: undefined }
    const entry = await journal.at(last)
    if (entry === undefined) {
      throw new DstoreError('integrity', `the journal has no entry ${last}, its last`)
    }
    if (entry === 'gone') {
      // A trim keeps the last entry: there are more now, unless none was ever appended here.
      if (first <= last) continue
      throw new DstoreError('integrity', `the journal begins after entry ${last}, and is empty`)
    }
    const { head } = decodeEntry(entry)
    return { position: last, digest: entryDigest(entry), head }
  }
}

export interface Beginning {
  /** Random, 16 bytes; of no use where the journal has a set. */
  readonly newSet: Uint8Array
  /** Random, 16 bytes. */
  readonly writer: Uint8Array
  /** At least this epoch: that after the last one of a store which had no journal. */
  readonly leastEpoch?: number
}

/** An appender that starts so must append `begin` first. */
export function nextEpoch(
  { position, digest, head }: JournalEnd,
  { newSet, writer, leastEpoch = 1 }: Beginning,
): AppenderStart {
  const epoch = Math.max(leastEpoch, (head?.epoch ?? 0) + 1)
  if (epoch > JOURNAL_EPOCHS) throw new DstoreError('integrity', 'the journal has no epoch left')
  const { set = newSet, acknowledged = 0 } = head ?? {}
  return { position, digest, epoch, writer, set, acknowledged }
}
