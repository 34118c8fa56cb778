/** The distinct children of a directory: values that it lists under any number of names. */
import { toHex } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { DIGEST_BYTES } from '../limits.ts'
import { totalsOf, type Directory, type Totals } from './directory.ts'

/** A value that a directory lists as a file, as a directory, or as both. */
export interface Child {
  /** 32 bytes. */
  readonly digest: Uint8Array
  /** Bytes, as its entries as a file state. */
  readonly fileSize: number | undefined
  /** As its entries as a directory state. */
  readonly totals: Totals | undefined
}

/** Some of the distinct children of a directory. */
export interface Children {
  readonly items: readonly Child[]
  /** Number of all distinct children. */
  readonly count: number
  /** Bytes and number of all files below the directory, as its entries state them. */
  readonly size: number
  readonly files: number
}

/** Stands for an absent number. */
const ABSENT = -1

/** All of them, without an object for each: 56 bytes a child. Ordered by their first entries. */
export class DistinctChildren {
  readonly count: number
  readonly #totals: Totals
  readonly #digests: Uint8Array
  readonly #fileSizes: Float64Array
  /** Of children as directories. */
  readonly #sizes: Float64Array
  readonly #files: Float64Array

  /** Throws `integrity` where the sizes in the entries contradict each other, or are too large. */
  constructor(directory: Directory) {
    this.#totals = totalsOf(directory)
    const { size, files } = this.#totals
    if (!Number.isSafeInteger(size) || !Number.isSafeInteger(files)) throw unsound()
    const places = new Map<string, number>()
    for (const entry of directory.values()) {
      if (entry.type === 'link') continue
      const id = toHex(entry.digest)
      if (!places.has(id)) places.set(id, places.size)
    }
    this.count = places.size
    this.#digests = new Uint8Array(this.count * DIGEST_BYTES)
    this.#fileSizes = new Float64Array(this.count).fill(ABSENT)
    this.#sizes = new Float64Array(this.count).fill(ABSENT)
    this.#files = new Float64Array(this.count).fill(ABSENT)
    for (const entry of directory.values()) {
      if (entry.type === 'link') continue
      const place = places.get(toHex(entry.digest))!
      this.#digests.set(entry.digest, place * DIGEST_BYTES)
      if (entry.type === 'file') {
        state(this.#fileSizes, place, entry.size)
      } else {
        state(this.#sizes, place, entry.size)
        state(this.#files, place, entry.files)
      }
    }
  }

  /** Those from one on, at most `limit`. */
  slice(from: number, limit: number): Children {
    const length = Math.max(0, Math.min(this.count, from + limit) - from)
    const items = Array.from({ length }, (_, i) => this.#at(from + i))
    return { items, count: this.count, ...this.#totals }
  }

  #at(i: number): Child {
    const fileSize = this.#fileSizes[i]!
    const size = this.#sizes[i]!
    return {
      digest: this.#digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
      fileSize: fileSize === ABSENT ? undefined : fileSize,
      totals: size === ABSENT ? undefined : { size, files: this.#files[i]! },
    }
  }
}

function state(numbers: Float64Array, place: number, number: number): void {
  if (numbers[place] !== ABSENT && numbers[place] !== number) throw unsound()
  numbers[place] = number
}

const unsound = (): DstoreError =>
  new DstoreError('integrity', 'not a directory: the sizes in its entries contradict each other')
