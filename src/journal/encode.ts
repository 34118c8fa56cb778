/** Entries to bytes (specs/009-journal.md, "Entries"). Each entry has one encoding. */
import { fromHex } from '../bytes.ts'
import {
  JOURNAL_CHANGES,
  JOURNAL_ENTRY_BYTES,
  JOURNAL_PARTS,
  RECORD_ID_BYTES,
  RECORD_VALUE_BYTES,
  SMALL_VALUE_BYTES,
} from '../limits.ts'
import { ByteWriter } from './byte-writer.ts'
import {
  CHANGE_TYPES,
  type Change,
  type Condition,
  type Entry,
  type EntryBody,
  FORMAT,
  HEAD_BYTES,
  KINDS,
  LOCATION_BYTES,
  PLACES,
  type RecordKey,
  type SealedValue,
  TABLES,
  type TransactionChange,
} from './entry.ts'

/**
 * Throws a `RangeError` for what `decodeEntry` would refuse: a mistake of the caller, who groups.
 */
export function encodeEntry({ head, body }: Entry): Uint8Array {
  const length = HEAD_BYTES + bodyBytes(body)
  checkRange('an entry', length, JOURNAL_ENTRY_BYTES)
  const to = new ByteWriter(length)
  to.u8(FORMAT)
  to.u8(KINDS.indexOf(body.kind) + 1)
  to.raw(head.set)
  to.u64(head.epoch)
  to.raw(head.writer)
  to.u64(head.number)
  to.u64(head.position)
  to.u64(head.acknowledged)
  to.raw(head.before)
  if (body.kind === 'changes') {
    checkChanges(body.changes)
    to.u32(body.changes.length)
    for (const change of body.changes) writeChange(to, change)
  }
  return to.bytes
}

function checkChanges(changes: readonly Change[]): void {
  if (changes.length === 0) throw new RangeError('changes must not be empty')
  checkRange('changes', changes.length, JOURNAL_CHANGES)
  const parts = changes.reduce((sum, change) => sum + changeParts(change), 0)
  checkRange('parts of changes', parts, JOURNAL_PARTS)
}

function checkRange(what: string, length: number, most: number): void {
  if (length > most) throw new RangeError(`${what} must be at most ${most}, not ${length}`)
}

function bodyBytes(body: EntryBody): number {
  if (body.kind !== 'changes') return 0
  return body.changes.reduce((sum, change) => sum + changeBytes(change), 4)
}

/** The length of a change in an entry. */
export function changeBytes(change: Change): number {
  switch (change.type) {
    case 'transaction':
      return transactionBytes(change)
    case 'trim':
      return 1 + 8
    case 'damaged':
      return 1 + LOCATION_BYTES
    case 'replace':
      return 1 + LOCATION_BYTES + valueBytes(change.by)
  }
}

/** How many parts of `JOURNAL_PARTS` a change counts for. */
export function changeParts(change: Change): number {
  if (change.type !== 'transaction') return 0
  const { conditions, writes, increments, adopt, release } = change
  const lists = [conditions, writes, increments, adopt, release]
  return lists.reduce((sum, { length }) => sum + length, 0)
}

function transactionBytes(change: TransactionChange): number {
  const { conditions, writes, increments, entry, adopt, release } = change
  let bytes = 1 + 5 * 4 + 1 + (entry === undefined ? 0 : 4 + entry.byteLength)
  for (const condition of conditions) bytes += conditionBytes(condition)
  for (const { key, value } of writes) {
    bytes += keyBytes(key) + 1 + (value === undefined ? 0 : 4 + value.byteLength)
  }
  for (const { key } of increments) bytes += keyBytes(key) + 8
  for (const value of adopt) bytes += valueBytes(value)
  return bytes + release.length * LOCATION_BYTES
}

function conditionBytes(condition: Condition): number {
  if ('present' in condition) return 1 + keyBytes(condition.present)
  if ('noneWithPrefix' in condition) return 1 + 3 + condition.noneWithPrefix.byteLength
  return 1 + keyBytes(condition.key) + 8
}

const keyBytes = ({ id }: RecordKey): number => 3 + id.byteLength

const valueBytes = ({ bytes }: SealedValue): number => LOCATION_BYTES + 17 + bytes.byteLength

function writeChange(to: ByteWriter, change: Change): void {
  to.u8(CHANGE_TYPES.indexOf(change.type) + 1)
  switch (change.type) {
    case 'transaction':
      return writeTransaction(to, change)
    case 'trim':
      return to.u64(change.upto)
    case 'damaged':
      return writeLocation(to, change.location)
    case 'replace':
      writeLocation(to, change.location)
      return writeValue(to, change.by)
  }
}

function writeTransaction(to: ByteWriter, change: TransactionChange): void {
  const { conditions, writes, increments, entry, adopt, release } = change
  to.u32(conditions.length)
  for (const condition of conditions) writeCondition(to, condition)
  to.u32(writes.length)
  for (const { key, value } of writes) {
    writeKey(to, key)
    writeMaybe(to, value)
  }
  to.u32(increments.length)
  for (const { key, by } of increments) {
    if (key.table !== 'meta') throw new RangeError(`a counter must be in meta, not ${key.table}`)
    writeKey(to, key)
    to.i64(by)
  }
  writeMaybe(to, entry)
  to.u32(adopt.length)
  for (const value of adopt) writeValue(to, value)
  to.u32(release.length)
  for (const location of release) writeLocation(to, location)
}

/** The kinds of conditions: 1, 2 and 3. */
function writeCondition(to: ByteWriter, condition: Condition): void {
  if ('present' in condition) {
    to.u8(2)
    return writeKey(to, condition.present)
  }
  if ('noneWithPrefix' in condition) {
    to.u8(3)
    return writeId(to, condition.table, condition.noneWithPrefix)
  }
  to.u8(1)
  writeKey(to, condition.key)
  to.u64(condition.version)
}

function writeKey(to: ByteWriter, { table, id }: RecordKey): void {
  if (id.byteLength === 0) throw new RangeError('an id must not be empty')
  writeId(to, table, id)
}

function writeId(to: ByteWriter, table: RecordKey['table'], id: Uint8Array): void {
  checkRange('an id', id.byteLength, RECORD_ID_BYTES)
  to.u8(TABLES.indexOf(table) + 1)
  to.u16(id.byteLength)
  to.raw(id)
}

function writeMaybe(to: ByteWriter, bytes: Uint8Array | undefined): void {
  to.u8(bytes === undefined ? 0 : 1)
  if (bytes === undefined) return
  checkRange('a record or entry', bytes.byteLength, RECORD_VALUE_BYTES)
  to.u32(bytes.byteLength)
  to.raw(bytes)
}

function writeValue(
  to: ByteWriter,
  { location, size, outboardBytes, ...value }: SealedValue,
): void {
  const length = lengthOf(size, outboardBytes, value.place)
  if (value.bytes.byteLength !== length) throw new RangeError(`bytes must be ${length} bytes`)
  checkRange('a value or outboard in the records', length, SMALL_VALUE_BYTES)
  writeLocation(to, location)
  to.u64(size)
  to.u64(outboardBytes)
  to.u8(PLACES.indexOf(value.place) + 1)
  to.raw(value.bytes)
}

/** How many bytes of a value an entry has. */
export function lengthOf(size: number, outboardBytes: number, place: SealedValue['place']): number {
  if (place === 'file') return 0
  return place === 'small' ? size + outboardBytes : outboardBytes
}

function writeLocation(to: ByteWriter, location: string): void {
  const bytes = fromHex(location)
  if (bytes?.byteLength !== LOCATION_BYTES) {
    throw new RangeError(`${location} must be a location: ${2 * LOCATION_BYTES} hex digits`)
  }
  to.raw(bytes)
}
