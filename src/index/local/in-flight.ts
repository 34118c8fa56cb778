/**
 * Questions and uploads that are under way, and the removals seen meanwhile (specs/004-index.md, "In flight"): an
 * answer that is older than a removal of what it is about must not be kept.
 */
import { toHex } from '../../bytes.ts'
import type { Digest } from '../message.ts'

/** From the moment a question is sent until its answer was taken. */
export interface Flight {
  /** Is something of this incarnation still what it was, as far as is known? */
  isFresh(what: string, incarnation: number): boolean
  /** It is over. */
  end(): void
}

export class InFlight {
  readonly #flights = new Map<string, Set<Map<string, number>>>()

  /** Something is asked about these keys or names. */
  begin(whats: readonly string[]): Flight {
    const floors = new Map<string, number>()
    for (const what of whats) {
      const set = this.#flights.get(what) ?? new Set()
      this.#flights.set(what, set.add(floors))
    }
    return {
      isFresh: (what, incarnation) => incarnation >= (floors.get(what) ?? 0),
      end: () => {
        for (const what of whats) {
          const set = this.#flights.get(what)
          if (set?.delete(floors) === true && set.size === 0) this.#flights.delete(what)
        }
      },
    }
  }

  /** A removal or an unbinding: whatever is older and still to come is not to be kept. */
  lost(what: string, seq: number): void {
    for (const floors of this.#flights.get(what) ?? []) {
      floors.set(what, Math.max(seq, floors.get(what) ?? 0))
    }
  }

  /** Another history begins: nothing that is under way can be compared with it. */
  reset(): void {
    for (const what of this.#flights.keys()) this.lost(what, Infinity)
  }
}

export const keyThing = (digest: Digest): string => toHex(digest)

export const nameThing = (name: string): string => `name ${name}`
