/** Rows of `names`, read one after the other where they stand in a page of a store. */
import { DstoreError } from '../../errors.ts'
import { DIGEST_BYTES } from '../../limits.ts'
import type { RowPage } from '../../store/store.ts'
import { decodeBinding } from '../records/name-record.ts'
import { varint, varintEnd } from '../records/varint.ts'

/** The first byte of each field of a `NameRecord`: its number, and how its value is encoded. */
const DIGEST_FIELD = 0x0a
const DIRECTORY_FIELD = 0x10
const TAG_FIELD = 0x18
const BOUND_FIELD = 0x20
const EXPIRES_FIELD = 0x28
const SIZE_FIELD = 0x30
const HISTORY_FIELD = 0x3a

/** A cursor: its fields are of the row that `next` read last. A time or size may be NaN: none. */
export class NameRows {
  /** Bytes of the page; the name stands from `start` to `end`. */
  readonly bytes: Uint8Array
  start = 0
  end = 0
  /** The digest that the name is bound to: in `digests` from here. */
  digests: Uint8Array
  digestAt = 0
  directory = false
  tag = false
  boundMs: number = NaN
  expiresMs: number = NaN
  size: number = NaN
  readonly #page: RowPage
  #row = -1

  constructor(page: RowPage) {
    this.#page = page
    this.bytes = page.bytes
    this.digests = page.bytes
  }

  /** Rows that follow. */
  get left(): number {
    return this.#page.count - 1 - this.#row
  }

  /** Reads the next row. Is there one? Throws `integrity` if it is damaged. */
  next(): boolean {
    const row = ++this.#row
    const { count, ends } = this.#page
    if (row >= count) return false
    this.start = row === 0 ? 0 : ends[2 * row - 1]!
    this.end = ends[2 * row]!
    const end = ends[2 * row + 1]!
    if (!this.#read(this.end, end)) this.#decode(this.end, end)
    return true
  }

  /** Reads a record field by field; false for what only the decoder can tell. */
  #read(start: number, end: number): boolean {
    const { bytes } = this
    this.directory = this.tag = false
    this.boundMs = this.expiresMs = this.size = NaN
    let length = 0
    let at = start
    while (at < end) {
      const field = bytes[at]!
      const number = varint(bytes, at + 1)
      at = varintEnd
      if (!Number.isSafeInteger(number)) return false
      switch (field) {
        case DIGEST_FIELD:
          this.digests = bytes
          this.digestAt = at
          length = number
          at += number
          break
        case DIRECTORY_FIELD:
          this.directory = number !== 0
          break
        case TAG_FIELD:
          this.tag = number !== 0
          break
        case BOUND_FIELD:
          this.boundMs = number
          break
        case EXPIRES_FIELD:
          this.expiresMs = number
          break
        case SIZE_FIELD:
          this.size = number
          break
        case HISTORY_FIELD:
          at += number
          break
        default:
          return false
      }
    }
    return at === end && length === DIGEST_BYTES
  }

  #decode(start: number, end: number): void {
    const record = decodeBinding({ id: NONE, version: 0, value: this.bytes.subarray(start, end) })
    if (record.digest.byteLength !== DIGEST_BYTES) {
      throw new DstoreError('integrity', 'a name is damaged')
    }
    this.digests = record.digest
    this.digestAt = 0
    this.directory = record.directory
    this.tag = record.tag === true
    this.boundMs = record.boundMs ?? NaN
    this.expiresMs = record.expiresMs ?? NaN
    this.size = record.size ?? NaN
  }
}

const NONE = new Uint8Array(0)
