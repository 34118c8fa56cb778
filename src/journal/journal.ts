/**
 * One ordered log to which everything is appended before a store has it (specs/009-journal.md).
 *
 * The first entry has position 1, and each later one the next number. An entry is appended after a
 * position, and only if that is the end: so of several writers that try the same, one wins, and a
 * writer that was overtaken learns it from its next append.
 *
 * Journals do not look into entries. `Chain` verifies them in their order, and an `Appender`
 * decides what to do where an append is in doubt.
 */
import { DstoreError } from '../errors.ts'
import { JOURNAL_ENTRY_BYTES } from '../limits.ts'

/** What a journal has: entries `first` to `last`, none if `first` is `last` + 1. */
export interface Extent {
  readonly first: number
  readonly last: number
}

/** Entries that follow each other, or that the next one was trimmed: then nothing more comes. */
export type Followed = readonly Uint8Array[] | 'gone'

/**
 * Every call fails with `unreachable` after `close`. Misuse is a `RangeError` or `TypeError`.
 * Callers must not change the bytes that they pass or get.
 */
export interface Journal {
  /**
   * Appends the entry at `after` + 1. `taken`: an entry is or was there, trimmed ones included;
   * nothing was appended. Rejects with an `AppendError` where the outcome is certain, as that says;
   * any other rejection leaves it in doubt: the entry is there, or will be, or never. A caller that
   * waited in vain is in doubt, too. The caller must settle that by reading `at` the position
   * before it reports anything, as `Appender` does.
   */
  append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'>

  /** Never from a copy that may lag. */
  extent(): Promise<Extent>

  /** The entry there, never from a copy that may lag; `gone` if it was trimmed. */
  at(position: number): Promise<Uint8Array | 'gone' | undefined>

  /**
   * Entries after this position in their order, in batches of about `JOURNAL_BATCH_BYTES`; at the
   * end waits for more, until the signal is aborted. `gone` if the next entry was trimmed, even in
   * between.
   */
  follow(after: number, signal: AbortSignal): AsyncIterable<Followed>

  /**
   * Forgets entries up to and including this position, except the last one of the journal. A reader
   * may still get some of them after a restart.
   */
  trim(upto: number): Promise<void>

  /** Waits for the append under way; ends those who follow with `unreachable`. */
  close(): Promise<void>
}

/**
 * A certain outcome of an append. `not-appended`: the entry is not there and never will be through
 * this call. `ended`: this journal can't be used any more in this process, and only the next
 * opening tells if the entry is there.
 */
export class AppendError extends DstoreError {
  readonly outcome: 'not-appended' | 'ended'

  constructor(outcome: AppendError['outcome'], fault: DstoreError) {
    const { code, message, hint } = fault
    super(code, message, { cause: fault.cause ?? fault, ...(hint !== undefined && { hint }) })
    this.outcome = outcome
  }
}

/** A position: with `least` 0 also that before the first entry. */
export function checkPosition(name: string, position: number, least: number = 0): void {
  if (!Number.isSafeInteger(position) || position < least) {
    throw new RangeError(`${name} must be a whole number from ${least}, not ${position}`)
  }
}

export function checkEntry(entry: Uint8Array): void {
  if (!(entry instanceof Uint8Array)) throw new TypeError('entry must be a Uint8Array')
  const { byteLength } = entry
  if (byteLength === 0 || byteLength > JOURNAL_ENTRY_BYTES) {
    throw new RangeError(`entry must be 1 to ${JOURNAL_ENTRY_BYTES} bytes, not ${byteLength}`)
  }
}

/** Where an append is after the end: the journal has forgotten what its writer relies on. */
export function beyondEnd(after: number, last: number): AppendError {
  const message = `the journal ends at entry ${last}, and entries up to ${after} were acknowledged`
  return new AppendError('not-appended', new DstoreError('integrity', message))
}

export const closedError = (): DstoreError =>
  new DstoreError('unreachable', 'the journal is closed')
