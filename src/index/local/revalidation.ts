/**
 * Revalidates everything held after a reset (specs/004-index.md, "Rules: reset"), in batches, one
 * in flight at a time.
 *
 * No removal can overtake the answers: Global feeds nothing after a reset until the Local has
 * acknowledged it, and the Local does that after the last answer.
 */
import { BATCH_ITEMS } from '../../limits.ts'
import type { Digest, Fact, Message } from '../message.ts'

/** The message id of revalidations, which no request has. */
export const REVALIDATION_ID = 2

/** A value has this incarnation; undefined if it is gone. */
export interface Revalidated {
  readonly digest: Digest
  readonly incarnation: number | undefined
}

export class Revalidation {
  #queue: Digest[] = []
  #asked: readonly Digest[] = []

  get isDone(): boolean {
    return this.#queue.length === 0 && this.#asked.length === 0
  }

  /** Starts over with these keys. */
  begin(digests: readonly Digest[]): void {
    this.#asked = []
    this.#queue = [...digests]
  }

  /** The next batch; undefined if there is none, or one is in flight. */
  next(): Message | undefined {
    if (this.#asked.length > 0 || this.#queue.length === 0) return undefined
    this.#asked = this.#queue.splice(0, BATCH_ITEMS)
    return { id: REVALIDATION_ID, body: { type: 'locate', digests: this.#asked, inline: false } }
  }

  /** The link broke: the batch in flight is queued again. */
  closed(): void {
    this.#queue.push(...this.#asked)
    this.#asked = []
  }

  answered(facts: readonly (Fact | undefined)[]): Revalidated[] {
    const revalidated = this.#asked.map((digest, i) => ({
      digest,
      incarnation: facts[i]?.incarnation,
    }))
    this.#asked = []
    return revalidated
  }
}
