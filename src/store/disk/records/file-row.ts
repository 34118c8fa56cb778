/** What the database says of a value in a file (specs/005-storage.md, "Format"). */
import type { Location } from '../../store.ts'
import { locationBytes } from '../layout.ts'
import { number64, numberAt } from './row-keys.ts'

/** Where the outboard of a value in a file is; `behind`: it follows the value, as in layout 1. */
export type OutboardPlace = 'records' | 'file' | 'behind'

/** A sealed value: its bytes if it is small, else only lengths, because a file has the bytes. */
export interface StoredValue {
  readonly size: number
  readonly outboardBytes: number
  /** The location that names its file: not its own if it replaced a damaged value. */
  readonly file: Location
  /** Outboard, then value; undefined if a file has the value. */
  readonly small: Uint8Array | undefined
  /** Where the outboard is, if a file has the value. */
  readonly place: OutboardPlace
  /** The outboard for the records, of a value that no transaction has adopted yet. */
  readonly outboard?: Uint8Array
}

/** Byte 16 of a row of `files`. Rows of layout 1 lack it: they have 16 bytes, or 26. */
const PLACES: readonly OutboardPlace[] = ['behind', 'records', 'file']
const LENGTHS_BYTES = 16
const FILE_ROW_BYTES = LENGTHS_BYTES + 1
const NAMED_FILE_ROW_BYTES = FILE_ROW_BYTES + 10

export function fileRow(
  location: Location,
  { size, outboardBytes, file, place }: StoredValue,
): Buffer {
  const other = file === location ? [] : [locationBytes(file)!]
  const placeByte = Buffer.from([PLACES.indexOf(place)])
  return Buffer.concat([number64(size), number64(outboardBytes), placeByte, ...other])
}

export function fileValue(location: Location, bytes: Uint8Array): StoredValue {
  const { byteLength } = bytes
  const hasPlace = byteLength === FILE_ROW_BYTES || byteLength === NAMED_FILE_ROW_BYTES
  const otherAt = hasPlace ? FILE_ROW_BYTES : LENGTHS_BYTES
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, byteLength)
  const other = row.toString('hex', otherAt)
  return {
    size: numberAt(bytes, 0),
    outboardBytes: numberAt(bytes, 8),
    file: other === '' ? location : other,
    small: undefined,
    place: hasPlace ? (PLACES[bytes[LENGTHS_BYTES]!] ?? 'behind') : 'behind',
  }
}
