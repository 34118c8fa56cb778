/**
 * A byte budget that the tiers of a cache share, and in what order their entries are evicted: the
 * least recently used first, over all tiers.
 */

/** An entry that nothing uses. */
export interface Evictable {
  readonly value: object
  /** When it was used last, as `CacheBudget.tick` counted. */
  readonly usedAt: number
  /** What it is charged. */
  readonly bytes: number
  /** False if it stays, because its files cannot be deleted: then it is no longer evictable. */
  evict(): boolean
}

/** A tier that charges the budget. */
export interface ChargedTier {
  readonly usedBytes: number
  /** Entries that nothing uses, the least recently used first. */
  evictable(): Iterable<Evictable>
  /** Another tier was charged more: memory beyond what is left must go. */
  leaveRoom?(): void
}

export class CacheBudget {
  readonly budgetBytes: number
  readonly #tiers: ChargedTier[] = []
  #lastUse = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  add(tier: ChargedTier): void {
    this.#tiers.push(tier)
  }

  /** A tier was charged more. */
  charged(by: ChargedTier): void {
    for (const tier of this.#tiers) if (tier !== by) tier.leaveRoom?.()
  }

  /** A number for the use of an entry: larger than all before. */
  tick(): number {
    return ++this.#lastUse
  }

  /** What all tiers are charged. */
  get usedBytes(): number {
    return this.#tiers.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
  }

  /** Bytes that could be charged if everything unused was evicted. */
  get headroomBytes(): number {
    let bytes = this.budgetBytes - this.usedBytes
    for (const tier of this.#tiers) for (const entry of tier.evictable()) bytes += entry.bytes
    return Math.max(0, bytes)
  }

  /**
   * The entries to evict before this many more bytes can be charged. Undefined if even all of them
   * would not do. `except` is the value that they make room for.
   */
  victims(bytes: number, except?: object): Evictable[] | undefined {
    let free = this.budgetBytes - this.usedBytes
    const victims: Evictable[] = []
    if (free >= bytes) return victims
    for (const entry of this.leastRecent()) {
      if (entry.value === except) continue
      victims.push(entry)
      free += entry.bytes
      if (free >= bytes) return victims
    }
    return undefined
  }

  /**
   * Evicts until this many more bytes can be charged. False if that cannot be, and then it evicts
   * nothing, unless what it evicted freed nothing.
   */
  makeRoom(bytes: number, except?: object): boolean {
    for (;;) {
      const victims = this.victims(bytes, except)
      if (victims === undefined) return false
      if (victims.length === 0) return true
      const before = this.usedBytes
      let expected = 0
      for (const victim of victims) if (victim.evict()) expected += victim.bytes
      // Other processes have them open: to evict more would be in vain.
      if (before - this.usedBytes < expected / 2) return this.victims(bytes, except)?.length === 0
    }
  }

  /** Every entry that nothing uses, of all tiers, the least recently used first. */
  *leastRecent(): Generator<Evictable, void, undefined> {
    const sources = this.#tiers.map((tier) => tier.evictable()[Symbol.iterator]())
    const heads = sources.map((source) => source.next())
    for (;;) {
      let first: number | undefined
      for (const [i, head] of heads.entries()) {
        if (head.done === true) continue
        const best = first === undefined ? undefined : heads[first]!
        if (best?.done !== false || head.value.usedAt < best.value.usedAt) first = i
      }
      if (first === undefined) return
      yield (heads[first] as IteratorYieldResult<Evictable>).value
      heads[first] = sources[first]!.next()
    }
  }
}
