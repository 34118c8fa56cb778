/** Argument checks shared by all stores: misuse throws a `TypeError` or a `RangeError`. */
import { DstoreError } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { DIGEST_BYTES, GROUP_BYTES, RECORD_ID_BYTES, RECORD_VALUE_BYTES } from '../limits.ts'
import type {
  Condition,
  Increment,
  RecordKey,
  Resumption,
  ScanOptions,
  Table,
  Transaction,
} from './store.ts'

const TABLES: ReadonlySet<Table> = new Set<Table>(['keys', 'names', 'meta'])

/** A count, a size or a seq: an integer from 0 to 2^53 - 1. */
export function checkCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be a whole number from 0, not ${value}`)
  }
}

export function checkBytes(name: string, value: Uint8Array, maxBytes?: number): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`)
  if (maxBytes !== undefined && value.byteLength > maxBytes) {
    throw new RangeError(`${name} must be at most ${maxBytes} bytes, not ${value.byteLength}`)
  }
}

/** The range itself; without one, all of `size` bytes. */
export function checkRange(range: ByteRange | undefined, size: number): ByteRange {
  if (range === undefined) return { start: 0, end: size }
  checkCount('range.start', range.start)
  checkCount('range.end', range.end)
  if (range.start > range.end) throw new RangeError('range.start must not be beyond range.end')
  if (range.end > size) {
    throw new RangeError(`range.end must be at most ${size}, the size, not ${range.end}`)
  }
  return range
}

export function checkTable(table: Table): void {
  if (!TABLES.has(table)) throw new RangeError(`table must be keys, names or meta, not ${table}`)
}

export function checkRecordKey({ table, id }: RecordKey): void {
  checkTable(table)
  checkBytes('id', id, RECORD_ID_BYTES)
  if (id.byteLength === 0) throw new RangeError('id must not be empty')
}

export function checkScan(table: Table, { prefix, after, limit }: ScanOptions): void {
  checkTable(table)
  checkCount('limit', limit)
  if (prefix !== undefined) checkBytes('prefix', prefix, RECORD_ID_BYTES)
  if (after !== undefined) checkBytes('after', after, RECORD_ID_BYTES)
}

export function checkResumption({ id, from }: Resumption): void {
  checkBytes('id', id, DIGEST_BYTES)
  if (id.byteLength !== DIGEST_BYTES) throw new RangeError(`id must be ${DIGEST_BYTES} bytes`)
  checkCount('from', from)
  if (from % GROUP_BYTES !== 0) throw new RangeError(`from must be a multiple of ${GROUP_BYTES}`)
}

/** Checks the two values of a replacement; undefined means not in that state. */
export function checkReplacement(
  adopted: { readonly size: number } | undefined,
  sealed: { readonly size: number } | undefined,
): void {
  if (adopted === undefined) throw new RangeError('location must be adopted')
  if (sealed === undefined) throw new RangeError('by must be sealed and not adopted')
  if (adopted.size !== sealed.size) {
    throw new RangeError(`by must have ${adopted.size} bytes, not ${sealed.size}`)
  }
}

/** The sender must start over, or retry when the other upload has ended. */
export function notResumable(): DstoreError {
  return new DstoreError('busy', 'no partial upload can be resumed from there')
}

export function checkTransaction(transaction: Transaction): void {
  const { conditions, writes, increments = [], entry, adopt = [], release = [] } = transaction
  for (const condition of conditions) checkCondition(condition)
  for (const { key, value } of writes) {
    checkRecordKey(key)
    if (value !== undefined) checkBytes('value', value, RECORD_VALUE_BYTES)
  }
  for (const increment of increments) checkIncrement(increment)
  const locations = [...adopt, ...release]
  if (new Set(locations).size !== locations.length) {
    throw new RangeError('adopt and release must not name a location twice')
  }
  if (entry !== undefined) return checkBytes('entry', entry, RECORD_VALUE_BYTES)
  if (locations.length > 0 || writes.some(({ key }) => key.table !== 'meta')) {
    throw new RangeError('entry must be there unless the transaction writes only meta')
  }
}

function checkCondition(condition: Condition): void {
  if ('present' in condition) return checkRecordKey(condition.present)
  if ('noneWithPrefix' in condition) {
    checkTable(condition.table)
    return checkBytes('noneWithPrefix', condition.noneWithPrefix, RECORD_ID_BYTES)
  }
  checkRecordKey(condition.key)
  checkCount('version', condition.version)
}

function checkIncrement({ key, by }: Increment): void {
  checkRecordKey(key)
  if (key.table !== 'meta') throw new RangeError(`a counter must be in meta, not in ${key.table}`)
  if (!Number.isSafeInteger(by)) throw new RangeError(`by must be a whole number, not ${by}`)
}
