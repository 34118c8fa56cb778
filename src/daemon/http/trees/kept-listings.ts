/**
 * Directories that requests follow paths through: those that were used last are not decoded again,
 * and large ones are decoded one at a time, so that no number of requests takes more memory.
 */
import type { Key } from '../../../hash/key.ts'
import { KIB, MIB } from '../../../limits.ts'
import type { CallOptions, Node } from '../../../node/node.ts'
import type { Listing } from '../../../tree/read/listing.ts'
import { Listings } from '../../../tree/read/listings.ts'
import { RecentListings } from '../../../tree/read/recent-listings.ts'

export interface KeptListingsOptions {
  /** Encoded bytes of directories that are kept; the one that was used last comes on top. */
  readonly keptBytes: number
  /** Directories of at most this size are decoded side by side. */
  readonly smallBytes: number
}

const DEFAULTS: KeptListingsOptions = { keptBytes: 4 * MIB, smallBytes: 64 * KIB }

export class KeptListings {
  readonly #options: KeptListingsOptions
  readonly #kept: RecentListings
  /** The end of the queue of large directories. */
  #large: Promise<unknown> = Promise.resolve()

  constructor(options: KeptListingsOptions = DEFAULTS) {
    this.#options = options
    this.#kept = new RecentListings(options.keptBytes)
  }

  /**
   * The entries of a directory. The node is asked each time whether it may be read. Errors: as
   * `Listings.get`.
   */
  async get(node: Node, key: Key, options: CallOptions): Promise<Listing> {
    const id = key.toHex()
    // Nothing is fetched before its bytes are read.
    const { size } = await node.get(key, options)
    const known = this.#kept.get(id)
    if (known !== undefined) return known
    if (size <= this.#options.smallBytes) return this.#read(node, key, options)
    const listing = this.#large.then(() => this.#kept.get(id) ?? this.#read(node, key, options))
    this.#large = listing.catch(() => undefined)
    return listing
  }

  async #read(node: Node, key: Key, options: CallOptions): Promise<Listing> {
    options.signal?.throwIfAborted()
    const listing = await new Listings(node, options).get(key)
    this.#kept.add(key.toHex(), listing)
    return listing
  }
}

/** Those that all requests share. */
export const keptListings: KeptListings = new KeptListings()
