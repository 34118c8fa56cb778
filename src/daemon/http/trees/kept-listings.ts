/**
 * Directories that requests follow paths through: those that were used last are not decoded again,
 * and large ones are decoded one at a time, so that no number of requests takes more memory.
 */
import type { Key } from '../../../hash/key.ts'
import { KIB, MIB } from '../../../limits.ts'
import type { CallOptions, Node } from '../../../node/node.ts'
import { Listings, type Listing } from '../../../tree/read/listings.ts'

export interface KeptListingsOptions {
  /** Encoded bytes of directories that are kept; the one that was used last comes on top. */
  readonly keptBytes: number
  /** Directories of at most this size are decoded side by side. */
  readonly smallBytes: number
}

const DEFAULTS: KeptListingsOptions = { keptBytes: 4 * MIB, smallBytes: 64 * KIB }

export class KeptListings {
  readonly #options: KeptListingsOptions
  /** The least recently used first. */
  readonly #kept = new Map<string, Listing>()
  #keptBytes = 0
  /** The end of the queue of large directories. */
  #large: Promise<unknown> = Promise.resolve()

  constructor(options: KeptListingsOptions = DEFAULTS) {
    this.#options = options
  }

  /**
   * The entries of a directory. The node is asked each time whether it may be read. Errors: as
   * `Listings.get`.
   */
  async get(node: Node, key: Key, options: CallOptions): Promise<Listing> {
    const id = key.toHex()
    // Nothing is fetched before its bytes are read.
    const { size } = await node.get(key, options)
    const known = this.#use(id)
    if (known !== undefined) return known
    if (size <= this.#options.smallBytes) return this.#read(node, key, options)
    const listing = this.#large.then(() => this.#use(id) ?? this.#read(node, key, options))
    this.#large = listing.catch(() => undefined)
    return listing
  }

  #use(id: string): Listing | undefined {
    const listing = this.#kept.get(id)
    if (listing === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, listing)
    return listing
  }

  async #read(node: Node, key: Key, options: CallOptions): Promise<Listing> {
    options.signal?.throwIfAborted()
    const listing = await new Listings(node, options).get(key)
    const id = key.toHex()
    if (this.#use(id) !== undefined) return listing
    this.#kept.set(id, listing)
    this.#keptBytes += listing.bytes
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#keptBytes <= this.#options.keptBytes || oldest === id) break
      this.#kept.delete(oldest)
      this.#keptBytes -= bytes
    }
    return listing
  }
}
