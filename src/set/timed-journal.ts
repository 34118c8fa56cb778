/**
 * The engine's journal as the active member appends to it: it knows when each append was sent, and
 * hears that another member has appended.
 */
import type { Extent, Followed, Journal } from '../journal/journal.ts'
import type { Lease } from './lease.ts'

export interface TimedJournalOptions {
  readonly journal: Journal
  readonly lease: Lease
  /** A clock that never lags. */
  readonly elapsed: () => number
  /** The engine acknowledged an append. */
  readonly onAcknowledged: (position: number, entry: Uint8Array) => void
  /** An append failed, or is in doubt. */
  readonly onFailed: (fault: unknown) => void
}

/** Trims nothing: the set does that behind its snapshots. */
export class TimedJournal implements Journal {
  readonly #options: TimedJournalOptions

  constructor(options: TimedJournalOptions) {
    this.#options = options
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    const { journal, lease, elapsed, onAcknowledged, onFailed } = this.#options
    const sentAt = elapsed()
    lease.sent(sentAt)
    try {
      const answer = await journal.append(after, entry)
      if (answer === 'ok') {
        lease.acknowledged(sentAt)
        onAcknowledged(after + 1, entry)
      }
      return answer
    } catch (error) {
      onFailed(error)
      throw error
    }
  }

  extent(): Promise<Extent> {
    return this.#options.journal.extent()
  }

  at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    return this.#options.journal.at(position)
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    return this.#options.journal.follow(after, signal)
  }

  async trim(): Promise<void> {
    return
  }

  /** The member closes the engine's journal. */
  async close(): Promise<void> {
    return
  }
}
