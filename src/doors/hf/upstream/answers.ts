/** What the upstream last said, for a while: a memory, bounded, and lost with the daemon. */
import type { Listing } from './listing.ts'

/** Until when an answer stands in for the next one; `absent`: there is nothing to serve. */
export type Answer =
  | { readonly listing: Listing; readonly untilMs: number }
  | { readonly error: Error | undefined; readonly untilMs: number }

/** Answers that are remembered. */
const ANSWERS = 1024

/** Files in all lists that are remembered; each takes a few hundred bytes. */
const FILES = 200_000

export class Answers {
  readonly #answers = new Map<string, Answer>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** What is known of this, if it still stands. */
  get(id: string): Answer | undefined {
    const answer = this.#answers.get(id)
    if (answer === undefined) return undefined
    if (this.#nowMs() < answer.untilMs) return answer
    this.#answers.delete(id)
    return undefined
  }

  /** Remembers a list of files for this time. */
  keep(id: string, listing: Listing, ms: number): void {
    this.#put(id, { listing, untilMs: this.#nowMs() + ms })
  }

  /** Remembers that nothing is there; undefined: the door says so in its own words. */
  refuse(id: string, error: Error | undefined, ms: number): void {
    this.#put(id, { error, untilMs: this.#nowMs() + ms })
  }

  #put(id: string, answer: Answer): void {
    this.#answers.delete(id)
    this.#answers.set(id, answer)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= ANSWERS && this.#files() <= FILES) return
      if (oldest !== id) this.#answers.delete(oldest)
    }
  }

  /** Two revisions at one commit may share a list. */
  #files(): number {
    const lists = new Set<Listing>()
    for (const answer of this.#answers.values()) if ('listing' in answer) lists.add(answer.listing)
    let files = 0
    for (const list of lists) files += list.files.length
    return files
  }
}
