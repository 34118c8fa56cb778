/**
 * A journal that cannot be relied on: what is sent to it is lost, late, done twice or not answered.
 * Its own order is right, unless a switch weakens it.
 */
import type { Extent } from '../../../src/journal/journal.ts'

/** What makes a journal a fence, each with a switch. */
export interface SimJournalRules {
  /** An append succeeds only at the end. */
  readonly conditional: boolean
  /** At a trimmed position an append is taken. */
  readonly fencesTrimmed: boolean
  /** A trim keeps the last entry. */
  readonly keepsLast: boolean
}

export const ALL_JOURNAL_RULES: SimJournalRules = {
  conditional: true,
  fencesTrimmed: true,
  keepsLast: true,
}

export class SimJournal {
  readonly #rules: SimJournalRules
  /** By position. */
  readonly #entries = new Map<number, Uint8Array>()
  #last = 0
  #trimmed = 0
  /** Every entry that was ever written, in order, as an observer outside sees it. */
  readonly history: { readonly position: number; readonly entry: Uint8Array }[] = []

  constructor(rules: SimJournalRules) {
    this.#rules = rules
  }

  get extent(): Extent {
    return { first: this.#trimmed + 1, last: this.#last }
  }

  append(after: number, entry: Uint8Array): 'ok' | 'taken' {
    const position = after + 1
    const isHole = !this.#rules.fencesTrimmed && position <= this.#trimmed
    if (!isHole && this.#rules.conditional && after !== this.#last) return 'taken'
    this.#entries.set(position, entry)
    this.#last = Math.max(this.#last, position)
    this.history.push({ position, entry })
    return 'ok'
  }

  at(position: number): Uint8Array | 'gone' | undefined {
    return this.#entries.get(position) ?? (position <= this.#trimmed ? 'gone' : undefined)
  }

  trim(upto: number): void {
    const most = this.#rules.keepsLast ? this.#last - 1 : this.#last
    while (this.#trimmed < Math.min(upto, most)) this.#entries.delete(++this.#trimmed)
  }
}
