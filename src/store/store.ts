/**
 * Where values live, and the one ordered log of changes (specs/005-storage.md).
 *
 * A value is *staged* as a stream, then *sealed* (whole, verified and as durable as the store can make it) under a
 * location that is used once and never again, and lives on only if a transaction *adopts* that location together with
 * the record that names it. Deleting goes the other way: a transaction *releases* the location together with the
 * record, and only then are the bytes freed. What was sealed and never adopted is gone after a restart.
 */
import type { ByteRange } from '../hash/tree/tree.ts'

/** Where a sealed value is. Opaque to all but the store that gave it; never used twice. */
export type Location = string

/**
 * A value on its way in. Nobody sees it until it is sealed and a record names it. One call at a time, except that
 * `discard` may come at any moment. A `write` or `seal` that fails has discarded it.
 */
export interface Staging {
  /** Append bytes; the array may be reused when the promise resolves. Rejects with `no-space`. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * All bytes are in: keep them with this outboard (handed over: not to be changed any more), ready to be read and
   * to be adopted. Where the store is durable, the value is at the latest when the transaction that adopts it
   * resolves.
   */
  seal(outboard: Uint8Array): Promise<Location>
  /** Give up and free everything, sealed or not. Does nothing once the location was adopted. */
  discard(): Promise<void>
  /** Give up for now: where it was staged under an id, what was written may be gone on from. Else as `discard`. */
  suspend(): Promise<void>
  /** What it began with: the bytes of an unfinished value that it goes on from. Before the first write. */
  begun(): AsyncIterable<Uint8Array>
}

/** A value that may be finished later, if it breaks off. */
export interface Resumption {
  /** 32 bytes that name it; of stagings under one id at the same time only one can be resumed. */
  readonly id: Uint8Array
  /** Go on after so many bytes of what is unfinished; 0 begins anew. */
  readonly from: number
}

/** A record's name: a table and the row's id within it, 1 to `RECORD_ID_BYTES` bytes, ordered bytewise. */
export interface RecordKey {
  readonly table: Table
  readonly id: Uint8Array
}

/** `keys`: by digest. `names`: by UTF-8 name. `meta`: the index's own state. */
export type Table = 'keys' | 'names' | 'meta'

/** A record as it stands. Its bytes are the caller's to read, not to change. */
export interface Row {
  readonly id: Uint8Array
  readonly value: Uint8Array
  /** In `keys` and `names` the seq of the change that wrote it; in `meta` a number that no other write had. */
  readonly version: number
}

/** What must hold for a transaction to be committed: the record's version, 0 for "absent". */
export interface Condition {
  readonly key: RecordKey
  readonly version: number
}

/** A record to write, of at most `RECORD_VALUE_BYTES`, or with `value: undefined` to delete. */
export interface Write {
  readonly key: RecordKey
  readonly value: Uint8Array | undefined
}

/**
 * All or nothing: if every condition holds, every write is done in order and one entry is appended to the log. To
 * adopt what is not sealed, or to release what is not adopted, is a `RangeError` where the conditions hold.
 */
export interface Transaction {
  readonly conditions: readonly Condition[]
  readonly writes: readonly Write[]
  /**
   * What the log remembers of this change, at most `RECORD_VALUE_BYTES`. Undefined appends nothing and takes no seq,
   * and is for `meta` alone: such a transaction neither writes other tables nor adopts nor releases.
   */
  readonly entry: Uint8Array | undefined
  /** Sealed values that live from this change on. */
  readonly adopt?: readonly Location[]
  /** Adopted values that this change lets go of: freed after it is committed, and before it resolves. */
  readonly release?: readonly Location[]
}

export type CommitResult =
  | {
      readonly ok: true
      /** Seq of the appended entry, or of the last one where none was. */ readonly seq: number
    }
  | { readonly ok: false; /** The first condition that did not hold. */ readonly failed: Condition }

export interface LogEntry {
  /** Position in the order of changes, from 1, without gaps. */
  readonly seq: number
  readonly entry: Uint8Array
}

export interface StoreUsage {
  /** Bytes of adopted values, without outboards and records. */
  readonly valueBytes: number
  /** Number of adopted values. */
  readonly values: number
  /** Bytes of values that may still be staged by the store's bound; undefined where it sets none. */
  readonly headroomBytes: number | undefined
  /** Number of adopted values that are known to be damaged. */
  readonly damaged: number
  /** Bytes of unfinished values that wait to be gone on with. */
  readonly unfinishedBytes: number
}

export interface ScanOptions {
  /** Only ids that begin with these bytes. */
  readonly prefix?: Uint8Array
  /** Only ids after this one. */
  readonly after?: Uint8Array
  /** At most this many rows. */
  readonly limit: number
}

/**
 * Absence is `undefined`; a fault is a `DstoreError`; misuse is a `TypeError` or `RangeError`. After `close` every
 * call but `close` and `discard` is `unreachable`.
 */
export interface Store {
  /** `memory` keeps nothing beyond the process. */
  readonly kind: 'memory' | 'disk'

  /**
   * Begin to take in a value. `size`, where it is known, reserves the space, so that the store refuses early
   * (`no-space`); a value that turns out shorter or longer is no error here. With a resumption it is `busy` where
   * less than that is unfinished, or somebody else goes on with it.
   */
  stage(size: number | undefined, resumption?: Resumption): Promise<Staging>

  /** How many bytes are there of the value that broke off under this id, in whole chunk groups; else 0. */
  unfinished(id: Uint8Array): Promise<number>

  /**
   * What is at an adopted location is not the value any more: never give a byte of it again, also after a restart.
   * Reading it, now and from then on, is `integrity`. Does nothing where nothing is adopted.
   */
  quarantine(location: Location): Promise<void>

  /** Is the adopted value there known to be damaged? False for what is not there. */
  isDamaged(location: Location): Promise<boolean>

  /**
   * Let a sealed value, not adopted, take the place of the adopted one at `location`: the same bytes, stored anew.
   * Durable when it resolves, and `by` is no location any more. A `RangeError` where either is not so, or their sizes
   * differ.
   */
  replace(location: Location, by: Location): Promise<void>

  /**
   * The bytes of a range of a sealed value, in order, in pieces of at most `PIECE_BYTES`. The pieces are the
   * caller's to read, not to change. All errors come out of the iteration. A range beyond the value is a
   * `RangeError`; a location that was released, discarded or never there is `removed`, also in the middle of a
   * read; a value that is adopted but missing or shorter than it was is `integrity`. Other damage is *not* looked
   * for here: the reader verifies. Fails with the signal's reason once that is aborted.
   */
  read(location: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>

  /** The outboard that the value was sealed with, or the part of it in `range`; errors as for `read`. */
  outboard(location: Location, range?: ByteRange): Promise<Uint8Array>

  /** The rows for these keys, in the same order, all as of one moment. */
  rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]>

  /** Rows of a table in the bytewise order of their ids, at most `limit` of them. */
  scan(table: Table, options: ScanOptions): Promise<readonly Row[]>

  /**
   * Commit one transaction. Durable when it resolves, where the store is. Transactions never interleave, and are done in
   * the order of the calls.
   */
  commit(transaction: Transaction): Promise<CommitResult>

  /** The last seq given out, 0 before the first. */
  lastSeq(): Promise<number>

  /** Entries with `after` < seq, oldest first, at most `limit`; it begins later where older ones were trimmed. */
  log(after: number, limit: number): Promise<readonly LogEntry[]>

  /** Forget the log's entries up to and with this seq. No seq is ever given out again. */
  trim(upto: number): Promise<void>

  usage(): Promise<StoreUsage>

  /** Bytes that the medium has room for, the bound aside; undefined where there is no telling. */
  freeBytes(): Promise<number | undefined>

  /** Let go of everything, after the commits in progress. Reads in progress end with `unreachable`. */
  close(): Promise<void>
}
