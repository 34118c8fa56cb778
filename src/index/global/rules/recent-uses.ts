/**
 * When names under rules were used last, as far as that is not durable (specs/004-index.md,
 * R004-146): a restart forgets at most an hour of it.
 */

/** Names that are remembered; beyond that the oldest become durable early. */
const REMEMBERED = 65_536

interface Use {
  /** By the clock of runs. */
  readonly usedMs: number
  /** Since when it is not durable. */
  readonly sinceMs: number
}

export class RecentUses {
  /** In the order of `sinceMs`. */
  readonly #uses = new Map<string, Use>()
  readonly #most: number

  constructor(most: number = REMEMBERED) {
    this.#most = most
  }

  /** A name was used. Gives one that is to become durable, if there are too many. */
  used(name: string, clockMs: number): string | undefined {
    const sinceMs = this.#uses.get(name)?.sinceMs ?? clockMs
    // A known name keeps its place: `set` does not move it.
    this.#uses.set(name, { usedMs: clockMs, sinceMs })
    if (this.#uses.size <= this.#most) return undefined
    const [oldest] = this.#uses.keys()
    return oldest
  }

  /** When the name was used last, if that is not durable. */
  of(name: string): number | undefined {
    return this.#uses.get(name)?.usedMs
  }

  /** The use up to this time is durable, or the name has no rule. */
  forget(name: string, usedMs: number): void {
    const use = this.#uses.get(name)
    if (use !== undefined && use.usedMs <= usedMs) this.#uses.delete(name)
  }

  /** Names whose use has not been durable since this time, at most `limit`. */
  since(clockMs: number, limit: number): string[] {
    const names: string[] = []
    for (const [name, { sinceMs }] of this.#uses) {
      if (sinceMs > clockMs || names.length >= limit) break
      names.push(name)
    }
    return names
  }
}
