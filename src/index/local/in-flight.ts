/**
 * Requests and uploads in flight, and the losses that overtake them (specs/004-index.md, R004-17):
 * an answer that is older than a removal of its subject must not be kept. A *subject* is a key or a
 * name.
 */
import { toHex } from '../../bytes.ts'
import type { Digest, Feed, Unbinding } from '../message.ts'

/** Lasts from the moment a request is sent until its answer is taken in. */
export interface Flight {
  /** False if a loss has overtaken this incarnation of the subject. */
  isFresh(subject: string, incarnation: number): boolean
  end(): void
}

type Losses = Pick<Feed, 'removals' | 'unbindings' | 'memberships'>

/** The same for requests to the index. */
export interface RequestFlight extends Flight {
  /** The answer may be older than a change that a caller asked for: it is given, and not kept. */
  readonly isSpoiled: boolean
}

export class InFlight {
  readonly #flights = new Map<string, Set<Map<string, number>>>()
  readonly #spoiled = new WeakSet<Map<string, number>>()

  begin(subjects: readonly string[]): RequestFlight {
    const floors = new Map<string, number>()
    for (const subject of subjects) {
      const set = this.#flights.get(subject) ?? new Set()
      this.#flights.set(subject, set.add(floors))
    }
    const spoiled = this.#spoiled
    return {
      isFresh: (subject, incarnation) => incarnation >= (floors.get(subject) ?? 0),
      get isSpoiled() {
        return spoiled.has(floors)
      },
      end: () => {
        for (const subject of subjects) {
          const set = this.#flights.get(subject)
          if (set?.delete(floors) === true && set.size === 0) this.#flights.delete(subject)
        }
      },
    }
  }

  /** A loss at this seq overtakes every older incarnation that is in flight. */
  overtake(subject: string, seq: number): void {
    for (const floors of this.#flights.get(subject) ?? []) {
      floors.set(subject, Math.max(seq, floors.get(subject) ?? 0))
    }
  }

  /**
   * A change of a name was done for a caller here: nothing in flight about it is kept, and no
   * binding that is older than the change.
   */
  wrote({ name, seq }: Unbinding): Losses & { readonly type: 'apply' } {
    for (const floors of this.#flights.get(nameSubject(name)) ?? []) this.#spoiled.add(floors)
    return { type: 'apply', removals: [], unbindings: [{ name, seq }], memberships: [] }
  }

  /** Overtakes everything in flight: it cannot be compared with the history that begins. */
  reset(): void {
    for (const subject of this.#flights.keys()) this.overtake(subject, Infinity)
  }
}

export const keySubject = (digest: Digest): string => toHex(digest)

export const nameSubject = (name: string): string => `name ${name}`
