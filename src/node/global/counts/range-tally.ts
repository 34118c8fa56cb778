/**
 * What is counted for the keys of a range of digests, beside what the index states
 * (specs/004-index.md, R004-114). A range with too many keys becomes smaller.
 */
import type { VersionCondition } from '../../../store/store.ts'

/** Beyond the first 4 bytes of every digest. */
export const DIGESTS_END: number = 2 ** 32

/** What keeps a key: directories that exist, or holds. */
export type Keepers = 'directories' | 'holds'

/** Keys that are counted again; those with a list are watched: it gets the rows that keep them. */
export type Again = Map<string, VersionCondition[] | undefined>

/** Rows in the lists of all keys together. */
const WATCHED_ROWS = 65_536

/** The count of one key. */
export interface Count {
  /** What its row stated as the recount came to this range; 0 without a row. */
  readonly stated: number
  /** The version of that row; 0 without a row. */
  readonly version: number
  counted: number
  /** A directory lists it as a directory. */
  asDirectory: boolean
  /** A change at that moment may have made the count wrong. */
  isUncertain: boolean
}

export class RangeTally {
  /** By the digest, a character a byte: see `nameOf`. */
  readonly directories: Map<string, Count> = new Map()
  readonly holds: Map<string, Count> = new Map()
  readonly start: number
  readonly #mostKeys: number
  readonly #again: Again
  #watchedRows = 0
  #end: number

  /**
   * A range of the first 4 bytes of digests, which becomes smaller until it has at most `mostKeys`.
   * `again` has a list for each key whose keeping rows are wanted, and takes them.
   * All lists have `WATCHED_ROWS` at most: beyond that some are dropped.
   */
  constructor(start: number, end: number, mostKeys: number, again: Again = new Map()) {
    this.start = start
    this.#end = end
    this.#mostKeys = mostKeys
    this.#again = again
  }

  /** May become smaller. */
  get end(): number {
    return this.#end
  }

  has(digest: Uint8Array): boolean {
    const place = placeOf(digest)
    return place >= this.start && place < this.#end
  }

  /** Takes in the row of a counter. */
  state(by: Keepers, digest: Uint8Array, stated: number, version: number): void {
    if (this.has(digest)) this.#add(by, nameOf(digest), stated, version)
  }

  /** Counts a row that keeps this key. */
  count(by: Keepers, digest: Uint8Array, keeper: VersionCondition, asDirectory = false): void {
    if (!this.has(digest)) return
    const name = nameOf(digest)
    const count = this[by].get(name) ?? this.#add(by, name, 0, 0)
    count.counted++
    count.asDirectory ||= asDirectory
    this.#watch(name, keeper)
  }

  doubt(by: Keepers, digest: Uint8Array): void {
    const count = this[by].get(nameOf(digest))
    if (count !== undefined) count.isUncertain = true
  }

  #watch(name: string, keeper: VersionCondition): void {
    const rows = this.#again.get(name)
    if (rows === undefined) return
    if (this.#watchedRows < WATCHED_ROWS) {
      rows.push(keeper)
      this.#watchedRows++
    } else {
      this.#watchedRows -= rows.length
      this.#again.set(name, undefined)
    }
  }

  #add(by: Keepers, name: string, stated: number, version: number): Count {
    const count = { stated, version, counted: 0, asDirectory: false, isUncertain: false }
    this[by].set(name, count)
    const isFull = (): boolean => this.directories.size + this.holds.size > this.#mostKeys
    while (isFull() && this.#end - this.start > 1) this.#halve()
    return count
  }

  #halve(): void {
    this.#end = this.start + Math.ceil((this.#end - this.start) / 2)
    for (const counts of [this.directories, this.holds]) {
      for (const name of counts.keys()) if (!this.has(digestOf(name))) counts.delete(name)
    }
  }
}

/** The digest as a string of a character a byte: half as long as hex digits. */
export function nameOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('latin1')
}

export const digestOf = (name: string): Uint8Array => new Uint8Array(Buffer.from(name, 'latin1'))

/** The first 4 bytes of a digest, as a number. */
export function placeOf(digest: Uint8Array): number {
  return digest[0]! * 2 ** 24 + ((digest[1]! << 16) | (digest[2]! << 8) | digest[3]!)
}

/** An id after those of all digests before this place, and before the others. */
export function idAt(prefix: Uint8Array, place: number): Uint8Array {
  const id = new Uint8Array(prefix.byteLength + 4)
  id.set(prefix)
  new DataView(id.buffer).setUint32(prefix.byteLength, place)
  return id
}
