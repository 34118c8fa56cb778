/**
 * What changes are applied to: the records of a store as of some position of its journal. Both the
 * database and the overlay over it are such states, so that a change has one effect everywhere.
 */
import type { Location, RecordKey, Row, Table } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { Tally } from '../records/database.ts'

/** Reads see the writes so far. */
export interface ReplicaState {
  tally(): Tally
  row(key: RecordKey): Row | undefined
  /** 0 if it is absent. */
  version(key: RecordKey): number
  hasPrefix(table: Table, prefix: Uint8Array): boolean
  value(location: Location): StoredValue | undefined
  isDamaged(location: Location): boolean

  writeTally(tally: Tally): void
  /** Writes a row, or deletes it with `value: undefined`. */
  writeRow(key: RecordKey, version: number, value: Uint8Array | undefined): void
  append(seq: number, entry: Uint8Array): void
  writeValue(location: Location, value: StoredValue): void
  deleteValue(location: Location): void
  markDamaged(location: Location, damaged: boolean): void
  /** Forgets the log's entries up to this seq. */
  trimLog(upto: number): void
}
