/**
 * The engine's journal as the active member appends to it: it knows when each append was sent, and
 * hears that another member has appended.
 */
import { byWhom } from '../archive/following/taken-over.ts'
import { equal } from '../bytes.ts'
import { eachUntilAborted, untilAborted } from '../deadline.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import { AppendError, type Extent, type Followed, type Journal } from '../journal/journal.ts'
import type { Lease } from './lease.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'
import { behind } from './same-set.ts'

export interface TimedJournalOptions {
  readonly journal: Journal
  readonly lease: Lease
  /** A clock that never lags. */
  readonly elapsed: () => number
  readonly rules?: SetRules
  /** Nothing is waited for any more: an engine that is away may be silent without end. */
  readonly abandoned: AbortSignal
  /** The engine acknowledged an append. */
  readonly onAcknowledged: (position: number, entry: Uint8Array) => void
  /** An append failed, or is in doubt. */
  readonly onFailed: (fault: unknown) => void
  /** Another member's entry is where this one wanted to append, or the journal lost some of its. */
  readonly onEnded: (why: DstoreError) => void
}

/** Trims nothing: the set does that behind its snapshots. */
export class TimedJournal implements Journal {
  readonly #options: TimedJournalOptions
  /** What was tried last, and when first. */
  #tried:
    | { readonly position: number; readonly entry: Uint8Array; readonly sentAt: number }
    | undefined

  constructor(options: TimedJournalOptions) {
    this.#options = options
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    const { journal, lease, elapsed, onAcknowledged, onFailed, onEnded } = this.#options
    const { rules = ALL_SET_RULES, abandoned } = this.#options
    const now = elapsed()
    lease.sent(now)
    const before = this.#tried
    // An engine may answer that an earlier try arrived: since that, another member may have begun.
    const isAgain =
      rules.leasesFromFirst && before?.position === after + 1 && equal(before.entry, entry)
    const sentAt = isAgain ? before.sentAt : now
    this.#tried = { position: after + 1, entry, sentAt }
    try {
      const answer = await untilAborted(journal.append(after, entry), abandoned)
      if (answer === 'ok') {
        lease.acknowledged(sentAt)
        onAcknowledged(after + 1, entry)
      }
      return answer
    } catch (error) {
      if (abandoned.aborted) throw new AppendError('ended', asDstoreError(error))
      const lost = await this.#lost(after, error)
      onFailed(lost ?? error)
      if (lost === undefined) throw error
      onEnded(lost)
      throw new AppendError('ended', lost)
    }
  }

  /** How much the journal has lost of what it acknowledged, where a refusal says so (R012-102). */
  async #lost(after: number, refusal: unknown): Promise<DstoreError | undefined> {
    if (!(refusal instanceof AppendError) || refusal.code !== 'integrity') return undefined
    const { last } = await this.extent().catch(() => ({ last: after }))
    return last < after ? behind(after, last) : undefined
  }

  extent(): Promise<Extent> {
    const { journal, abandoned } = this.#options
    return untilAborted(journal.extent(), abandoned)
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    const { journal, abandoned } = this.#options
    const found = await untilAborted(journal.at(position), abandoned)
    const tried = this.#tried
    if (position !== tried?.position || found === undefined) return found
    if (found === 'gone' || !equal(found, tried.entry)) this.#options.onEnded(overtaken(found))
    return found
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    const { journal, abandoned } = this.#options
    return eachUntilAborted(journal.follow(after, signal), abandoned)
  }

  async trim(): Promise<void> {
    return
  }

  /** The member closes the engine's journal. */
  async close(): Promise<void> {
    return
  }
}

function overtaken(entry: Uint8Array | 'gone'): DstoreError {
  const by = byWhom(entry === 'gone' ? undefined : entry)
  return new DstoreError('unwritable', `another member of the set has taken over${by}`, {
    hint: 'start this member again: it stands by',
  })
}
