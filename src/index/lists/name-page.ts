/** Pages of names: columns of memory instead of an object for each name. */
import { DIGEST_BYTES } from '../../limits.ts'
import type { Named, NamedKey } from '../message.ts'
import type { NameRows } from './name-rows.ts'

/** What an item of a page is. */
export const FIXED = 0
export const TAG = 1
/** A common prefix of names, with the delimiter at its end. */
export const COMMON = 2

/** Consecutive names and common prefixes. Callers must not change it. */
export interface NamePage {
  /** Number of items. */
  readonly count: number
  /** The names and common prefixes in UTF-8, one after the other. */
  readonly names: Uint8Array
  /** Where each ends in `names`. */
  readonly ends: Uint32Array
  /** `FIXED`, `TAG` or `COMMON`. */
  readonly kinds: Uint8Array
  /** The digests that they are bound to, one after the other; zeros for a common prefix. */
  readonly digests: Uint8Array
  /** 1 for each name that is bound to a directory, 0 for one that is bound to bytes. */
  readonly directories: Uint8Array
  /**
   * Bytes of each value, of a directory those of all files below it; of a common prefix, with
   * totals, the sum. NaN: not known.
   */
  readonly sizes: Float64Array
  /** Names that each item stands for: 1, and of a common prefix, with totals, their number. */
  readonly counts: Float64Array
  /** Wall clock, in milliseconds. NaN: not known. */
  readonly boundMs: Float64Array
  /** Wall clock, in milliseconds. NaN: never. */
  readonly expiresMs: Float64Array
  /** More names follow, perhaps. */
  readonly more: boolean
  /** After which text they follow; undefined: after the last item. */
  readonly next: string | undefined
}

export function nameAt({ names, ends }: Pick<NamePage, 'names' | 'ends'>, i: number): string {
  return decoder.decode(names.subarray(i === 0 ? 0 : ends[i - 1], ends[i]))
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Makes a page of at most `capacity` items. */
export class NamePageBuilder {
  count = 0
  #names: Uint8Array
  #length = 0
  readonly #ends: Uint32Array
  readonly #kinds: Uint8Array
  readonly #digests: Uint8Array
  readonly #directories: Uint8Array
  readonly #sizes: Float64Array
  readonly #counts: Float64Array
  readonly #boundMs: Float64Array
  readonly #expiresMs: Float64Array

  constructor(capacity: number) {
    this.#names = new Uint8Array(capacity * 32)
    this.#ends = new Uint32Array(capacity)
    this.#kinds = new Uint8Array(capacity)
    this.#digests = new Uint8Array(capacity * DIGEST_BYTES)
    this.#directories = new Uint8Array(capacity)
    this.#sizes = new Float64Array(capacity).fill(NaN)
    this.#counts = new Float64Array(capacity).fill(1)
    this.#boundMs = new Float64Array(capacity).fill(NaN)
    this.#expiresMs = new Float64Array(capacity).fill(NaN)
  }

  /** Adds the name in a row. */
  add(row: NameRows): void {
    const i = this.#append(row.bytes, row.start, row.end)
    const { digests, digestAt } = row
    for (let n = 0, to = i * DIGEST_BYTES; n < DIGEST_BYTES; n++) {
      this.#digests[to++] = digests[digestAt + n]!
    }
    if (row.tag) this.#kinds[i] = TAG
    if (row.directory) this.#directories[i] = 1
    this.#sizes[i] = row.size
    this.#boundMs[i] = row.boundMs
    this.#expiresMs[i] = row.expiresMs
  }

  /** Adds a common prefix, which stands in these bytes. */
  addCommon(bytes: Uint8Array, start: number, end: number): void {
    const i = this.#append(bytes, start, end)
    this.#kinds[i] = COMMON
    this.#counts[i] = 0
  }

  /** Is the last item the common prefix in these bytes? */
  isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const i = this.count - 1
    if (i < 0 || this.#kinds[i] !== COMMON) return false
    const from = i === 0 ? 0 : this.#ends[i - 1]!
    if (end - start !== this.#length - from) return false
    for (let at = start, to = from; at < end;) if (bytes[at++] !== this.#names[to++]) return false
    return true
  }

  /** Counts a name to the last item, a common prefix. */
  countName(): void {
    const i = this.count - 1
    if (this.#counts[i]!++ === 0) this.#sizes[i] = 0
  }

  /** Adds to the size of an item. */
  addSize(at: number, size: number): void {
    const before = this.#sizes[at]!
    this.#sizes[at] = Number.isNaN(before) ? size : before + size
  }

  build(more: boolean, next: string | undefined): NamePage {
    const { count } = this
    return {
      count,
      names: this.#names.subarray(0, this.#length),
      ends: this.#ends.subarray(0, count),
      kinds: this.#kinds.subarray(0, count),
      digests: this.#digests.subarray(0, count * DIGEST_BYTES),
      directories: this.#directories.subarray(0, count),
      sizes: this.#sizes.subarray(0, count),
      counts: this.#counts.subarray(0, count),
      boundMs: this.#boundMs.subarray(0, count),
      expiresMs: this.#expiresMs.subarray(0, count),
      more,
      next,
    }
  }

  #append(bytes: Uint8Array, start: number, end: number): number {
    const length = this.#length + end - start
    if (length > this.#names.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#names.byteLength))
      larger.set(this.#names.subarray(0, this.#length))
      this.#names = larger
    }
    for (let at = start, to = this.#length; at < end;) this.#names[to++] = bytes[at++]!
    this.#length = length
    this.#ends[this.count] = length
    return this.count++
  }
}

/** The page that a message brought. */
export function packNames({ items, more, next }: Named): NamePage {
  const count = items.length
  const digests = new Uint8Array(count * DIGEST_BYTES)
  const ends = new Uint32Array(count)
  let end = 0
  items.forEach(({ name, digest }, i) => {
    ends[i] = end += Buffer.byteLength(name)
    if (digest !== undefined) digests.set(digest, i * DIGEST_BYTES)
  })
  const numbers = (of: (item: NamedKey) => number): Float64Array => Float64Array.from(items, of)
  return {
    count,
    names: Buffer.from(items.map(({ name }) => name).join('')),
    ends,
    kinds: Uint8Array.from(items, ({ common, tag }) => (common ? COMMON : tag ? TAG : FIXED)),
    digests,
    directories: Uint8Array.from(items, ({ directory = false }) => (directory ? 1 : 0)),
    sizes: numbers(({ size = NaN }) => size),
    counts: numbers(({ common = false, names = common ? 0 : 1 }) => names),
    boundMs: numbers(({ boundMs = NaN }) => boundMs),
    expiresMs: numbers(({ expiresMs = NaN }) => expiresMs),
    more,
    next,
  }
}

/** The message that carries a page. */
export function namedOf(page: NamePage): Named {
  const { count, digests, directories, kinds, sizes, counts, boundMs, expiresMs } = page
  const items = Array.from({ length: count }, (_, i): NamedKey => {
    const sized = known('size', sizes[i]!)
    if (kinds[i] === COMMON) {
      const counted = sized.size === undefined ? {} : { names: counts[i]! }
      return { name: nameAt(page, i), common: true, ...sized, ...counted }
    }
    return {
      name: nameAt(page, i),
      digest: digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
      ...(directories[i] === 1 && { directory: true }),
      ...(kinds[i] === TAG && { tag: true }),
      ...known('boundMs', boundMs[i]!),
      ...known('expiresMs', expiresMs[i]!),
      ...sized,
    }
  })
  return {
    type: 'named',
    items,
    more: page.more,
    ...(page.next !== undefined && { next: page.next }),
  }
}

const known = <Field extends string>(field: Field, value: number): { [F in Field]?: number } =>
  (Number.isNaN(value) ? {} : { [field]: value }) as { [F in Field]?: number }
