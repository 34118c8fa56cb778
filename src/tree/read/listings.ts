/**
 * The directories of a stored tree, read when they are wanted (specs/008-directories.md, "Rules:
 * reading").
 */
import { concat } from '../../bytes.ts'
import { decodeDirectory } from '../../directory/reader.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { DIRECTORY_BYTES, KIB, MIB } from '../../limits.ts'
import type { CallOptions } from '../../node/node.ts'
import type { Listing } from './listing.ts'
import { RecentListings } from './recent-listings.ts'
import type { ValueReader } from './value-reader.ts'

/** Encoded directories that one walk keeps; the one in use comes on top. */
const KEPT_BYTES = MIB

/** The largest directory value that is fetched before its turn. */
const AHEAD_BYTES = 256 * KIB

/** Reads directories by their digests, and keeps those that were used last. */
export class Listings {
  readonly #reader: ValueReader
  readonly #options: CallOptions
  readonly #kept = new RecentListings(KEPT_BYTES)
  readonly #ahead = new Map<string, Promise<Uint8Array | undefined>>()

  constructor(reader: ValueReader, options: CallOptions = {}) {
    this.#reader = reader
    this.#options = options
  }

  /**
   * The entries of a directory. Errors: those of `Node.get`; `integrity` for a value that is no
   * directory; `too-large` for one over `DIRECTORY_BYTES`, before it is read.
   */
  async get(key: Key): Promise<Listing> {
    const id = key.toHex()
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const bytes = (await this.#takeAhead(id)) ?? (await this.#read(key, DIRECTORY_BYTES))
    if (bytes === undefined) throw tooLarge(key)
    const listing = { entries: [...decodeDirectory(bytes)], bytes: bytes.byteLength }
    this.#kept.add(id, listing)
    return listing
  }

  /** Starts to fetch a directory that is wanted soon. Its faults are found by `get`. */
  fetchAhead(digest: Uint8Array): void {
    const key = new Key(digest, 'directory')
    const id = key.toHex()
    if (this.#kept.has(id) || this.#ahead.has(id)) return
    const bytes = this.#read(key, AHEAD_BYTES).catch(() => undefined)
    this.#ahead.set(id, bytes)
  }

  #takeAhead(id: string): Promise<Uint8Array | undefined> | undefined {
    const ahead = this.#ahead.get(id)
    this.#ahead.delete(id)
    return ahead
  }

  /** The bytes of a value; undefined if they are more than `most`. */
  async #read(key: Key, most: number): Promise<Uint8Array | undefined> {
    const { size, bytes } = await this.#reader.get(key, this.#options)
    if (size > most) {
      await bytes[Symbol.asyncIterator]().return?.()
      return undefined
    }
    const parts: Uint8Array[] = []
    // A part is valid only until the next one is asked for.
    for await (const part of bytes) parts.push(Uint8Array.from(part))
    return concat(parts)
  }
}

const tooLarge = (key: Key): DstoreError =>
  new DstoreError(
    'too-large',
    `${key.toString()} is no directory: that has at most ${DIRECTORY_BYTES} bytes`,
  )
