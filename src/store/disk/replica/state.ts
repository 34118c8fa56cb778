/**
 * What changes are applied to: the records of a store as of some position of its journal
 * (specs/005-storage.md, "Rules: overlay").
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
  /** Is nothing at the location? As `value`, and quicker for one that was given lately. */
  isFree(location: Location): boolean
  isDamaged(location: Location): boolean

  writeTally(tally: Tally): void
  /** Writes a row, or deletes it with `value: undefined`. */
  writeRow(key: RecordKey, version: number, value: Uint8Array | undefined): void
  append(seq: number, entry: Uint8Array): void
  /** A location has one value; to give it another one, delete it first. */
  writeValue(location: Location, value: StoredValue): void
  /** Its mark as damaged goes, too. */
  deleteValue(location: Location): void
  markDamaged(location: Location): void
  /** Forgets the log's entries up to this seq, which is at most the last one. */
  trimLog(upto: number): void
}
