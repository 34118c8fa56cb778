/**
 * What a Local holds and must ask about anew after a reset (specs/004-index.md, "Reset"), in batches: one question is
 * under way at a time.
 */
import { BATCH_ITEMS } from '../limits.ts'
import type { Digest, Fact } from './message.ts'
import { InFlight, keyThing, type Flight } from './in-flight.ts'
import type { Rules } from './rules.ts'

/** What became of one value: it is this incarnation, or it is gone. */
export interface Verified {
  readonly digest: Digest
  readonly incarnation: number | undefined
}

export class Revalidation {
  readonly #inFlight: InFlight
  readonly #rules: Rules
  #queue: Digest[] = []
  #asked: { readonly digests: readonly Digest[]; readonly flight: Flight } | undefined

  constructor(inFlight: InFlight, rules: Rules) {
    this.#inFlight = inFlight
    this.#rules = rules
  }

  /** Is everything asked about and answered? */
  get isDone(): boolean {
    return this.#queue.length === 0 && this.#asked === undefined
  }

  /** All of this must be asked about, and nothing else. */
  begin(digests: readonly Digest[]): void {
    this.broke()
    this.#queue = [...digests]
  }

  /** The next batch to ask about; undefined where there is none, or one is under way. */
  next(): readonly Digest[] | undefined {
    if (this.#asked !== undefined || this.#queue.length === 0) return undefined
    const digests = this.#queue.splice(0, BATCH_ITEMS)
    this.#asked = { digests, flight: this.#inFlight.begin(digests.map(keyThing)) }
    return digests
  }

  /** The link broke: what was asked is to be asked again. */
  broke(): void {
    if (this.#asked === undefined) return
    this.#queue.push(...this.#asked.digests)
    this.#asked.flight.end()
    this.#asked = undefined
  }

  /** The answer to the batch. What a removal has overtaken is asked about again. */
  answered(facts: readonly (Fact | undefined)[]): Verified[] {
    const asked = this.#asked
    if (asked === undefined) return []
    this.#asked = undefined
    const verified: Verified[] = []
    for (const [i, digest] of asked.digests.entries()) {
      const incarnation = facts[i]?.incarnation
      const fresh = incarnation === undefined || asked.flight.isFresh(keyThing(digest), incarnation)
      if (fresh || !this.#rules.revalidationsInFlight) verified.push({ digest, incarnation })
      else this.#queue.push(digest)
    }
    asked.flight.end()
    return verified
  }
}
