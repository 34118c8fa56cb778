/** The order in which names expire (R004-128): a row for each expiry, by its time and the name. */
import { viewOf } from '../../bytes.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import { nameBytes } from '../name.ts'

export const EXPIRY_ROWS: Uint8Array = nameBytes('expiry/')

const NAME_AT = EXPIRY_ROWS.byteLength + 8

/** `atMs`: wall clock, in milliseconds. It may outlive the binding, and then says nothing. */
export function expiryRow(atMs: number, name: string): RecordKey {
  const bytes = nameBytes(name)
  const id = new Uint8Array(NAME_AT + bytes.byteLength)
  id.set(EXPIRY_ROWS)
  viewOf(id).setBigUint64(EXPIRY_ROWS.byteLength, BigInt(atMs))
  id.set(bytes, NAME_AT)
  return { table: 'meta', id }
}

/** Its value: the id says everything. */
export const EXPIRY: Uint8Array = Uint8Array.of(1)

export const expiryOf = ({ id }: Pick<Row, 'id'>): { atMs: number; name: string } => ({
  atMs: Number(viewOf(id).getBigUint64(EXPIRY_ROWS.byteLength)),
  name: decoder.decode(id.subarray(NAME_AT)),
})

const decoder = new TextDecoder()
