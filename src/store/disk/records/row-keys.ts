/** Keys and numbers as LMDB has them, and memory for what it copies at once. */
import { RECORD_ID_BYTES, SMALL_VALUE_BYTES } from '../../../limits.ts'
import type { ScanOptions, Table } from '../../store.ts'

const TABLE_BYTE: Readonly<Record<Table, number>> = { keys: 107, names: 110, meta: 109 }

/** The key of a row: valid until the next call, for LMDB copies it at once. */
export function recordId(table: Table, id: Uint8Array): Buffer {
  RECORD_ID[0] = TABLE_BYTE[table]
  RECORD_ID.set(id, 1)
  return RECORD_ID.subarray(0, 1 + id.byteLength)
}

const RECORD_ID = Buffer.allocUnsafeSlow(1 + RECORD_ID_BYTES)

/** Memory for a value that LMDB copies before the next one: for most rows always the same. */
export function scratchOf(bytes: number): Buffer {
  return bytes <= SCRATCH.byteLength ? SCRATCH : Buffer.allocUnsafeSlow(bytes)
}

const SCRATCH = Buffer.allocUnsafeSlow(4 + SMALL_VALUE_BYTES)

/** Where the rows of a scan begin, and before which id they end. */
export function rangeOf(
  table: Table,
  { prefix = NONE, after = NONE }: Pick<ScanOptions, 'prefix' | 'after'>,
): { readonly start: Buffer; readonly end: Buffer } {
  const afterPrefix = after.byteLength > 0 && Buffer.compare(after, prefix) >= 0
  const start = afterPrefix
    ? justAfter(recordId(table, after))
    : Buffer.from(recordId(table, prefix))
  return { start, end: following(recordId(table, prefix)) }
}

/** The first key after this one. */
export const justAfter = (key: Uint8Array): Buffer => Buffer.concat([key, ZERO])

/** The first id after all that begin with this prefix, whose first byte is below 255. */
function following(prefix: Buffer): Buffer {
  let length = prefix.byteLength
  while (prefix[length - 1] === 255) length--
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1]!++
  return end
}

export function number64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeNumber(bytes, 0, value)
  return bytes
}

/** 8 bytes. */
export function writeNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}

export function numberAt(bytes: Uint8Array, at: number): number {
  return word(bytes, at) * 2 ** 32 + word(bytes, at + 4)
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)

const NONE = new Uint8Array(0)
const ZERO = new Uint8Array(1)
