/**
 * Pages of names out of Global's store (specs/004-index.md, "Rules: lists"): names themselves, one
 * level of them, those that match a pattern, or sums of them.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { DIGEST_NAMES, isDigestName } from '../../../hash/foreign-digest.ts'
import { isCommonPrefix } from '../../../index/lists/delimiter.ts'
import { Glob } from '../../../index/lists/glob.ts'
import { NamePageBuilder, type NamePage } from '../../../index/lists/name-page.ts'
import { NameRows } from '../../../index/lists/name-rows.ts'
import type { Names } from '../../../index/message.ts'
import { nameBytes, nameOf } from '../../../index/name.ts'
import { decodeKey, keyRow } from '../../../index/records/record.ts'
import { BATCH_ITEMS, DIGEST_BYTES, LIST_ROWS, LIST_STEPS } from '../../../limits.ts'
import type { Store } from '../../../store/store.ts'

export type NameQuery = Omit<Names, 'type'>

type Rows = Pick<Store, 'page' | 'rows'>

/** Greater than every byte of UTF-8: behind all names that begin with what stands before it. */
const BEHIND = 0xff

/** Rows that are read at first where most of those that follow may be skipped. */
const FEW_ROWS = 8

/** A page of a list. Names that have expired by this wall time are not in it. Error: `usage`. */
export async function namesOf(store: Rows, query: NameQuery, wallMs: number): Promise<NamePage> {
  return new Listing(store, query, wallMs).page()
}

/** The bytes that names which spell digests begin with. */
const DIGESTS = nameBytes(DIGEST_NAMES)

/** How a page ends. */
interface End {
  readonly more: boolean
  readonly next: string | undefined
}

const LAST: End = { more: false, next: undefined }

class Listing {
  readonly #store: Rows
  readonly #query: NameQuery
  readonly #wallMs: number
  readonly #page: NamePageBuilder
  readonly #glob: Glob | undefined
  readonly #delimiter: Uint8Array | undefined
  /** Bytes of the prefix of the query: the delimiter is looked for behind it. */
  readonly #prefixBytes: number
  /** Rows of the range begin with this. */
  readonly #range: Uint8Array
  /** Common prefixes of which one row is enough. */
  readonly #isLevel: boolean
  /** Names that spell digests are not of this list (R004-168). */
  readonly #isWithoutDigests: boolean
  /** Names whose rows lack their size, and the item that it belongs to. */
  readonly #unsized: { at: number; digest: Uint8Array; directory: boolean }[] = []
  #after: Uint8Array | undefined
  #examined = 0

  constructor(store: Rows, query: NameQuery, wallMs: number) {
    const { prefix, after, limit, delimiter, match, totals = false } = query
    this.#store = store
    this.#query = query
    this.#wallMs = wallMs
    this.#page = new NamePageBuilder(limit)
    this.#glob = match === undefined ? undefined : new Glob(match)
    this.#delimiter = delimiter === undefined ? undefined : nameBytes(delimiter)
    this.#prefixBytes = nameBytes(prefix).byteLength
    const literal = this.#glob?.prefix ?? ''
    const range = literal.startsWith(prefix) ? literal : prefix
    this.#range = nameBytes(range)
    this.#isWithoutDigests = !totals && !isDigestName(range)
    this.#isLevel = delimiter !== undefined && !totals
    if (after === undefined) return
    const isCommon = this.#isLevel && isCommonPrefix(after, prefix, delimiter!)
    this.#after = isCommon ? behind(nameBytes(after)) : nameBytes(after)
  }

  async page(): Promise<NamePage> {
    const { prefix } = this.#query
    const literal = this.#glob?.prefix ?? prefix
    const mayMatch = literal.startsWith(prefix) || prefix.startsWith(literal)
    const { more, next } = mayMatch ? await this.#read() : LAST
    await this.#readSizes()
    return this.#page.build(more, next)
  }

  async #read(): Promise<End> {
    const { limit, totals = false } = this.#query
    const isSelective = this.#glob !== undefined || totals
    let rowsWanted = this.#isLevel ? FEW_ROWS : isSelective ? BATCH_ITEMS : limit
    for (;;) {
      const from = this.#after === undefined ? {} : { after: this.#after }
      const page = await this.#store.page('names', {
        prefix: this.#range,
        ...from,
        limit: rowsWanted,
      })
      const rows = new NameRows(page)
      let before = this.#after
      while (rows.next()) {
        if (!this.#take(rows)) {
          // With totals a row belongs to the next page, though its item may be of this one, too.
          const next = totals && before !== undefined ? nameOf({ id: before }) : undefined
          return { more: true, next }
        }
        if (totals) before = rows.bytes.subarray(rows.start, rows.end)
      }
      if (!page.more) return LAST
      this.#examined += page.count
      const { bytes, start, end } = rows
      if (this.#isApart(rows)) {
        this.#after = behind(DIGESTS)
        continue
      }
      this.#after = bytes.slice(start, end)
      const common = this.#commonEnd(rows)
      const isSkipped = this.#isLevel && common > 0 && this.#page.isLast(bytes, start, common)
      if (isSkipped) this.#after = behind(bytes.subarray(start, common))
      // To go on after a text that ends in the delimiter is to go on behind all that begins so.
      else if (!(this.#isLevel && common === end) && this.#isEnough(isSelective)) {
        return { more: true, next: nameOf({ id: this.#after }) }
      }
      if (this.#isLevel) rowsWanted = isSkipped ? FEW_ROWS : Math.min(2 * rowsWanted, BATCH_ITEMS)
      if (this.#examined > BATCH_ITEMS) await turn()
    }
  }

  /** Is a page full, or was enough looked at for it? */
  #isEnough(isSelective: boolean): boolean {
    const { count } = this.#page
    const { limit, totals = false } = this.#query
    if (count === limit && !totals) return true
    const isMuch = this.#examined >= LIST_ROWS || (this.#glob?.steps ?? 0) >= LIST_STEPS
    // A Local of an earlier version asks for plain lists, and takes an empty page for the end.
    return isMuch && (count > 0 || isSelective || this.#isLevel)
  }

  /** Takes a row in; false if the page is full without it. */
  #take(rows: NameRows): boolean {
    const page = this.#page
    if (rows.expiresMs <= this.#wallMs || this.#isApart(rows)) return true
    const { limit, totals = false } = this.#query
    const isFull = page.count === limit
    if (this.#glob !== undefined) {
      if (isFull) return false
      if (!this.#glob.matches(nameIn(rows))) return true
    }
    const end = this.#commonEnd(rows)
    if (end === 0 && !totals) {
      if (isFull) return false
      page.add(rows)
      if (Number.isNaN(rows.size)) this.#sizeWanted(rows)
      return true
    }
    const commonEnd = end === 0 ? rows.start + this.#prefixBytes : end
    if (!page.isLast(rows.bytes, rows.start, commonEnd)) {
      if (isFull) return false
      page.addCommon(rows.bytes, rows.start, commonEnd)
    }
    if (!totals) return true
    page.countName()
    if (Number.isNaN(rows.size)) this.#sizeWanted(rows)
    else page.addSize(page.count - 1, rows.size)
    return true
  }

  #isApart({ bytes, start, end }: NameRows): boolean {
    if (!this.#isWithoutDigests || end - start < DIGESTS.byteLength) return false
    return DIGESTS.every((byte, i) => bytes[start + i] === byte)
  }

  /** Where the common prefix of a name ends in its page; 0 if it is of this level itself. */
  #commonEnd({ bytes, start, end }: NameRows): number {
    const delimiter = this.#delimiter
    if (delimiter === undefined) return 0
    const last = end - delimiter.byteLength
    for (let at = start + this.#prefixBytes; at <= last; at++) {
      let n = 0
      while (n < delimiter.byteLength && bytes[at + n] === delimiter[n]) n++
      if (n === delimiter.byteLength) return at + n
    }
    return 0
  }

  #sizeWanted({ digests, digestAt, directory }: NameRows): void {
    const digest = digests.slice(digestAt, digestAt + DIGEST_BYTES)
    this.#unsized.push({ at: this.#page.count - 1, digest, directory })
  }

  /** Looks the sizes up that rows of an earlier version lack. */
  async #readSizes(): Promise<void> {
    for (let from = 0; from < this.#unsized.length; from += BATCH_ITEMS) {
      const some = this.#unsized.slice(from, from + BATCH_ITEMS)
      const rows = await this.#store.rows(some.map(({ digest }) => keyRow(digest)))
      some.forEach(({ at, directory }, i) => {
        const row = rows[i]
        if (row === undefined) return
        const { size, directory: totals } = decodeKey(row)
        this.#page.addSize(at, directory ? (totals?.size ?? size) : size)
      })
    }
  }
}

const nameIn = ({ bytes, start, end }: NameRows): string =>
  nameOf({ id: bytes.subarray(start, end) })

/** An id behind all names that begin with these bytes, and before all others that follow. */
function behind(common: Uint8Array): Uint8Array {
  const id = new Uint8Array(common.byteLength + 1)
  id.set(common)
  id[common.byteLength] = BEHIND
  return id
}
