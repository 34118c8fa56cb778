/** Lists of keys and names, a page at a time, straight out of the rows of a store. */
import { DstoreError } from '../../errors.ts'
import { DIGEST_BYTES } from '../../limits.ts'
import type { RowPage } from '../../store/store.ts'
import type { Listed, Named } from '../message.ts'
import { decodeBinding } from './name-record.ts'
import { decodeKey } from './record.ts'

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

/** Consecutive names. Callers must not change it. */
export interface NamePage {
  /** Number of names. */
  readonly count: number
  /** The names in UTF-8, one after the other. */
  readonly names: Uint8Array
  /** Where each ends in `names`. */
  readonly ends: Uint32Array
  /** The digests that they are bound to, one after the other. */
  readonly digests: Uint8Array
  /** 1 for each name that is bound to a directory, 0 for one that is bound to bytes. */
  readonly directories: Uint8Array
  /** More names follow. */
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

/** The names in rows of `names`. Throws `integrity` if a row is damaged. */
export function namePageOf({ count, bytes, ends, more }: RowPage): NamePage {
  const names = new Uint8Array(bytes.byteLength)
  const nameEnds = new Uint32Array(count)
  const digests = new Uint8Array(count * DIGEST_BYTES)
  const directories = new Uint8Array(count)
  let at = 0
  let length = 0
  for (let i = 0; i < count; i++) {
    const idEnd = ends[2 * i]!
    const valueEnd = ends[2 * i + 1]!
    for (; at < idEnd; at++) names[length++] = bytes[at]!
    nameEnds[i] = length
    if (copyBinding(bytes, idEnd, valueEnd, digests, i * DIGEST_BYTES)) directories[i] = 1
    at = valueEnd
  }
  return { count, names: names.subarray(0, length), ends: nameEnds, digests, directories, more }
}

/** The page that a message brought. */
export function packKeys({ items, more }: Listed): KeyPage {
  const digests = new Uint8Array(items.length * DIGEST_BYTES)
  items.forEach(({ digest }, i) => digests.set(digest, i * DIGEST_BYTES))
  const sizes = Float64Array.from(items, ({ size }) => size)
  return { count: items.length, digests, sizes, directories: kindsOf(items), more }
}

/** The page that a message brought. */
export function packNames({ items, more }: Named): NamePage {
  const names = Buffer.from(items.map(({ name }) => name).join(''))
  const digests = new Uint8Array(items.length * DIGEST_BYTES)
  const ends = new Uint32Array(items.length)
  let end = 0
  items.forEach(({ name, digest }, i) => {
    ends[i] = end += Buffer.byteLength(name)
    digests.set(digest, i * DIGEST_BYTES)
  })
  return { count: items.length, names, ends, digests, directories: kindsOf(items), more }
}

const kindsOf = (items: readonly { readonly directory?: boolean }[]): Uint8Array =>
  Uint8Array.from(items, ({ directory = false }) => (directory ? 1 : 0))

/** A copy of a digest out of many, which keeps none of the others in memory. */
export const digestAt = (digests: Uint8Array, i: number): Uint8Array =>
  digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)

export function nameAt({ names, ends }: NamePage, i: number): string {
  return decoder.decode(names.subarray(i === 0 ? 0 : ends[i - 1], ends[i]))
}

const decoder = new TextDecoder()

/** The first byte of a field of a record: its number, and how its value is encoded. */
const SIZE_FIELD = 0x08
const DIGEST_FIELD = 0x0a
const DIRECTORY_FIELD = 0x32
const BINDS_DIRECTORY_FIELD = 0x10
const VARINT = 0
const WITH_LENGTH = 2

/** Bytes of a record of a name: the field, its length, the digest. */
const NAME_RECORD_BYTES = 2 + DIGEST_BYTES

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

/** Where the varint ends that `varint` read last. */
let varintEnd = 0

/** The number that begins at `at`; no integer if it is cut off, or has more than 8 bytes. */
function varint(bytes: Uint8Array, at: number): number {
  let value = 0
  let factor = 1
  for (const most = at + 8; at < most; factor *= 128) {
    const byte = bytes[at++]!
    value += (byte & 127) * factor
    if (byte < 128) {
      varintEnd = at
      return value
    }
  }
  varintEnd = at
  return NaN
}

function decodedSize(bytes: Uint8Array, start: number, end: number): number {
  const record = decodeKey({ id: NONE, version: 0, value: bytes.subarray(start, end) })
  hasDirectory = record.directory !== undefined
  return record.size
}

/** Copies the digest of a record of a name. Is it bound to a directory? */
function copyBinding(
  bytes: Uint8Array,
  start: number,
  end: number,
  digests: Uint8Array,
  to: number,
): boolean {
  const digestEnd = start + NAME_RECORD_BYTES
  const binds =
    end === digestEnd + 2 && bytes[digestEnd] === BINDS_DIRECTORY_FIELD && bytes[end - 1] === 1
  const isUsual =
    (end === digestEnd || binds) &&
    bytes[start] === DIGEST_FIELD &&
    bytes[start + 1] === DIGEST_BYTES
  if (isUsual) {
    for (let from = start + 2; from < digestEnd;) digests[to++] = bytes[from++]!
    return binds
  }
  const record = { id: NONE, version: 0, value: bytes.subarray(start, end) }
  const { digest, directory } = decodeBinding(record)
  if (digest.byteLength !== DIGEST_BYTES) throw new DstoreError('integrity', 'a name is damaged')
  digests.set(digest, to)
  return directory
}

const NONE = new Uint8Array(0)
