/** Remembers values of which a small part was read past a full cache. */

/** How many are remembered; the oldest are forgotten. */
const REMEMBERED = 1024

export class Glances {
  readonly #keys = new Set<string>()

  /** Whether none is remembered; it is from now on. The second may evict: it is no glance. */
  isFirst(key: string): boolean {
    if (this.#keys.delete(key)) return false
    this.#keys.add(key)
    if (this.#keys.size > REMEMBERED) this.#keys.delete(this.#keys.values().next().value!)
    return true
  }
}
