/** Objects of a journal in a bucket: several entries each (specs/011-archive.md, "Format"). */
import { equal, unzeroed, viewOf } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { JOURNAL_ENTRY_BYTES, JOURNAL_OBJECT_ENTRIES } from '../../limits.ts'
import { NO_ENTRY } from '../digest.ts'
import { checkEntry } from '../journal.ts'

/** What stands before the entries. */
export interface ObjectHead {
  /** Position of its first entry. */
  readonly first: number
  /** Position of its last entry. */
  readonly last: number
  /** The check of the object before it; zeros in the first. */
  readonly previous: Uint8Array
  /** BLAKE3 of all that follows it. */
  readonly check: Uint8Array
}

export interface JournalObject extends ObjectHead {
  readonly entries: readonly Uint8Array[]
}

/** What no object comes before. */
export const NO_OBJECT: Uint8Array = NO_ENTRY

export const JOURNAL_PREFIX = 'j/'

/** magic (4), format (4), check (32), first (8), count (4), previous (32) */
export const OBJECT_HEAD_BYTES = 84
const MAGIC = 0x6a6f_626a // jobj
const FORMAT = 1
const CHECK_AT = 8
const CHECKED_AT = 40
const COUNT_AT = 48
const PREVIOUS_AT = 52

/** The largest object: entries and their lengths take as much as the largest entry. */
export const LARGEST_OBJECT_BYTES: number = OBJECT_HEAD_BYTES + 4 + JOURNAL_ENTRY_BYTES

const KEY = /^j\/[0-9a-f]{16}$/

export const keyOf = (first: number): string =>
  `${JOURNAL_PREFIX}${first.toString(16).padStart(16, '0')}`

/** The position that a key names; undefined if it is none. */
export function positionOf(key: string): number | undefined {
  const position = KEY.test(key) ? Number.parseInt(key.slice(JOURNAL_PREFIX.length), 16) : 0
  return Number.isSafeInteger(position) && position > 0 ? position : undefined
}

/** Throws a `RangeError` or `TypeError` where these entries make no object. */
export function checkEntries(entries: readonly Uint8Array[]): void {
  if (entries.length === 0 || entries.length > JOURNAL_OBJECT_ENTRIES) {
    throw new RangeError(`entries must be 1 to ${JOURNAL_OBJECT_ENTRIES}, not ${entries.length}`)
  }
  for (const entry of entries) checkEntry(entry)
  const bytes = bytesOf(entries)
  if (bytes > LARGEST_OBJECT_BYTES) {
    throw new RangeError(`entries must make at most ${LARGEST_OBJECT_BYTES} bytes, not ${bytes}`)
  }
}

const bytesOf = (entries: readonly Uint8Array[]): number =>
  entries.reduce((sum, { byteLength }) => sum + 4 + byteLength, OBJECT_HEAD_BYTES)

export interface EncodedObject extends ObjectHead {
  readonly bytes: Uint8Array
}

export function encodeObject(
  first: number,
  previous: Uint8Array,
  entries: readonly Uint8Array[],
): EncodedObject {
  const bytes = unzeroed(bytesOf(entries))
  const view = viewOf(bytes)
  view.setUint32(0, MAGIC)
  view.setUint32(4, FORMAT)
  view.setBigUint64(CHECKED_AT, BigInt(first))
  view.setUint32(COUNT_AT, entries.length)
  bytes.set(previous, PREVIOUS_AT)
  let at = OBJECT_HEAD_BYTES
  for (const entry of entries) {
    view.setUint32(at, entry.byteLength)
    bytes.set(entry, at + 4)
    at += 4 + entry.byteLength
  }
  const check = hash(bytes.subarray(CHECKED_AT)).digest
  bytes.set(check, CHECK_AT)
  return { first, last: first + entries.length - 1, previous, check, bytes }
}

/** The head of the object under this key, which begins with these bytes; nothing proves it. */
export function decodeHead(first: number, bytes: Uint8Array): ObjectHead {
  const fault = (why: string): DstoreError => damaged(first, why)
  if (bytes.byteLength < OBJECT_HEAD_BYTES) throw fault('it ends in its head')
  const view = viewOf(bytes)
  if (view.getUint32(0) !== MAGIC) throw fault('it is none')
  const format = view.getUint32(4)
  if (format !== FORMAT) {
    const message = `${keyOf(first)} has format ${format}, and this version reads ${FORMAT}`
    throw new DstoreError('incompatible', message, { hint: 'use a later version of dstore' })
  }
  if (view.getBigUint64(CHECKED_AT) !== BigInt(first)) throw fault('it has another position')
  const count = view.getUint32(COUNT_AT)
  if (count === 0 || count > JOURNAL_OBJECT_ENTRIES) throw fault(`it says ${count} entries`)
  return {
    first,
    last: first + count - 1,
    previous: Uint8Array.from(bytes.subarray(PREVIOUS_AT, OBJECT_HEAD_BYTES)),
    check: Uint8Array.from(bytes.subarray(CHECK_AT, CHECKED_AT)),
  }
}

/** The object under this key; throws `integrity` where it is not whole. */
export function decodeObject(first: number, bytes: Uint8Array): JournalObject {
  const fault = (why: string): DstoreError => damaged(first, why)
  if (bytes.byteLength > LARGEST_OBJECT_BYTES) throw fault('it is too large')
  const head = decodeHead(first, bytes)
  if (!equal(hash(bytes.subarray(CHECKED_AT)).digest, head.check)) {
    throw fault('its bytes do not match its check')
  }
  const view = viewOf(bytes)
  const entries: Uint8Array[] = []
  let at = OBJECT_HEAD_BYTES
  for (let position = first; position <= head.last; position++) {
    const left = bytes.byteLength - at - 4
    const length = left < 0 ? 0 : view.getUint32(at)
    if (length === 0 || length > left) throw fault(`it ends in entry ${position}`)
    // Plain arrays, whatever the bytes came as.
    entries.push(new Uint8Array(bytes.buffer, bytes.byteOffset + at + 4, length))
    at += 4 + length
  }
  if (at !== bytes.byteLength) throw fault('bytes follow its last entry')
  return { ...head, entries }
}

const damaged = (first: number, why: string): DstoreError =>
  new DstoreError('integrity', `${keyOf(first)} is no object of a journal: ${why}`)
