/**
 * What a Local holds and must ask about anew after a reset (specs/004-index.md, "Reset"), in batches: one question is
 * under way at a time.
 *
 * No removal can overtake the answers: Global tells nothing of what comes after the reset before that is acknowledged,
 * which is when all of this was answered.
 */
import { BATCH_ITEMS } from '../../limits.ts'
import type { Digest, Fact } from '../message.ts'

/** What became of one value: it is this incarnation, or it is gone. */
export interface Verified {
  readonly digest: Digest
  readonly incarnation: number | undefined
}

export class Revalidation {
  #queue: Digest[] = []
  #asked: readonly Digest[] = []

  /** Is everything asked about and answered? */
  get isDone(): boolean {
    return this.#queue.length === 0 && this.#asked.length === 0
  }

  /** All of this must be asked about, and nothing else. */
  begin(digests: readonly Digest[]): void {
    this.#asked = []
    this.#queue = [...digests]
  }

  /** The next batch to ask about; undefined where there is none, or one is under way. */
  next(): readonly Digest[] | undefined {
    if (this.#asked.length > 0 || this.#queue.length === 0) return undefined
    this.#asked = this.#queue.splice(0, BATCH_ITEMS)
    return this.#asked
  }

  /** The link broke: what was asked is to be asked again. */
  broke(): void {
    this.#queue.push(...this.#asked)
    this.#asked = []
  }

  /** The answer to the batch. */
  answered(facts: readonly (Fact | undefined)[]): Verified[] {
    const verified = this.#asked.map((digest, i) => ({
      digest,
      incarnation: facts[i]?.incarnation,
    }))
    this.#asked = []
    return verified
  }
}
