/** Decoded directories, those that were used last, within a bound of their encoded bytes. */
import type { Listing } from './listing.ts'

export class RecentListings {
  readonly #mostBytes: number
  /** The least recently used first. */
  readonly #kept = new Map<string, Listing>()
  #bytes = 0

  /** The one that was used last comes on top of `mostBytes`. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  has(id: string): boolean {
    return this.#kept.has(id)
  }

  /** Uses one, if it is kept. */
  get(id: string): Listing | undefined {
    const listing = this.#kept.get(id)
    if (listing === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, listing)
    return listing
  }

  /** Keeps one. Another call may have read and kept it at the same time. */
  add(id: string, listing: Listing): void {
    if (this.get(id) !== undefined) return
    this.#kept.set(id, listing)
    this.#bytes += listing.bytes
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#mostBytes || oldest === id) break
      this.#kept.delete(oldest)
      this.#bytes -= bytes
    }
  }
}
