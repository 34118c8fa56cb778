/** Lists of keys, a page at a time, straight out of the rows of a store. */
import { DstoreError } from '../../errors.ts'
import { DIGEST_BYTES } from '../../limits.ts'
import type { RowPage } from '../../store/store.ts'
import type { Listed } from '../message.ts'
import { decodeKey } from './record.ts'
import { varint, varintEnd } from './varint.ts'

/** Consecutive keys that exist. Callers must not change it. */
export interface KeyPage {
  /** Number of keys. */
  readonly count: number
  /** Their digests, one after the other. */
  readonly digests: Uint8Array
  /** Bytes of each value. */
  readonly sizes: Float64Array
  /** 1 for each key that is a directory with counted children, else 0. */
  readonly directories: Uint8Array
  /** More keys follow. */
  readonly more: boolean
}

/** The keys in rows of `keys`. Throws `integrity` if a row is damaged. */
export function keyPageOf({ count, bytes, ends, more }: RowPage): KeyPage {
  const digests = new Uint8Array(count * DIGEST_BYTES)
  const sizes = new Float64Array(count)
  const directories = new Uint8Array(count)
  let at = 0
  for (let i = 0; i < count; i++) {
    const idEnd = ends[2 * i]!
    const valueEnd = ends[2 * i + 1]!
    if (idEnd - at !== DIGEST_BYTES) throw new DstoreError('integrity', 'a key is damaged')
    for (let from = at, to = i * DIGEST_BYTES; from < idEnd;) digests[to++] = bytes[from++]!
    sizes[i] = sizeIn(bytes, idEnd, valueEnd)
    if (hasDirectory) directories[i] = 1
    at = valueEnd
  }
  return { count, digests, sizes, directories, more }
}

/** The page that a message brought. */
export function packKeys({ items, more }: Listed): KeyPage {
  const digests = new Uint8Array(items.length * DIGEST_BYTES)
  items.forEach(({ digest }, i) => digests.set(digest, i * DIGEST_BYTES))
  const sizes = Float64Array.from(items, ({ size }) => size)
  return { count: items.length, digests, sizes, directories: kindsOf(items), more }
}

const kindsOf = (items: readonly { readonly directory?: boolean }[]): Uint8Array =>
  Uint8Array.from(items, ({ directory = false }) => (directory ? 1 : 0))

/** A copy of a digest out of many, which keeps none of the others in memory. */
export const digestAt = (digests: Uint8Array, i: number): Uint8Array =>
  digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)

/** The first byte of a field of a record: its number, and how its value is encoded. */
const SIZE_FIELD = 0x08
const DIRECTORY_FIELD = 0x32
const VARINT = 0
const WITH_LENGTH = 2

/** Is the record that `sizeIn` read last one of a directory? */
let hasDirectory = false

/**
 * The size in a record of a key, read where it stands. The fields after it are only stepped over; a
 * record that is not of the usual form is decoded whole.
 */
function sizeIn(bytes: Uint8Array, start: number, end: number): number {
  hasDirectory = false
  if (end - start < 2 || bytes[start] !== SIZE_FIELD) return decodedSize(bytes, start, end)
  const size = varint(bytes, start + 1)
  let at = varintEnd
  while (at < end) {
    const tag = bytes[at++]!
    const number = varint(bytes, at)
    at = varintEnd
    const kind = tag & 7
    // No record has a second size, or a field above 15, whose tag has two bytes.
    const isKnown = tag < 128 && tag !== SIZE_FIELD && (kind === VARINT || kind === WITH_LENGTH)
    if (!isKnown) return decodedSize(bytes, start, end)
    if (tag === DIRECTORY_FIELD) hasDirectory = true
    if (kind === WITH_LENGTH) at += number
  }
  return at === end && Number.isSafeInteger(size) ? size : decodedSize(bytes, start, end)
}

function decodedSize(bytes: Uint8Array, start: number, end: number): number {
  const record = decodeKey({ id: NONE, version: 0, value: bytes.subarray(start, end) })
  hasDirectory = record.directory !== undefined
  return record.size
}

const NONE = new Uint8Array(0)
