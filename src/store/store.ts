/**
 * Where values live, and the one ordered log of changes (specs/005-storage.md).
 *
 * A value is *staged* as a stream, then *sealed* under a location that is never reused: complete,
 * and as durable as the store can make it. A transaction *adopts* the location together with the
 * record that names it; a sealed value that is never adopted does not survive a restart. A later
 * transaction *releases* the location together with the record, and then the bytes are freed.
 */
import type { Hashed } from '../hash/hasher.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { StoreUsage } from './usage.ts'

export type { ArchivedUsage, StoreUsage } from './usage.ts'

/** Where a sealed value is. Opaque outside the store that issued it; never reused. */
export type Location = string

/**
 * A value being written, invisible until it is sealed. One call at a time, except that `discard`
 * may be called at any moment. A `write` or `seal` that fails discards the staging.
 */
export interface Staging {
  /** Appends bytes; the array may be reused when the promise resolves. Rejects with `no-space`. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * In place of any `write`: writes an open file, whole, by threads that hash it on the way. In a
   * store that can. The bytes that are hashed are those that are written, whatever is done to the
   * file; the caller must check that it did not change. Errors: those of `write`, `unreadable`,
   * `changed`, `cancelled`.
   */
  copyFrom?(file: FileContent): Promise<Hashed>
  /**
   * Completes the value with its outboard, which the store keeps and the caller must not change.
   * The value can then be read and adopted. In a durable store it is durable no later than when the
   * transaction that adopts it resolves.
   */
  seal(outboard: Uint8Array): Promise<Location>
  /** Frees everything, sealed or not. Does nothing once the location is adopted. */
  discard(): Promise<void>
  /**
   * Keeps what was written for a later resumption, if it was staged with one; else as `discard`.
   */
  suspend(): Promise<void>
  /**
   * The bytes of the partial upload that this staging resumes. To be read before the first write.
   */
  resumedBytes(): AsyncIterable<Uint8Array>
}

/** An open file of a caller. */
export interface FileContent {
  readonly fd: number
  /** Its name in messages. */
  readonly path: string
  /** Bytes; more than `PIECE_BYTES`. */
  readonly size: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: (doneBytes: number) => void
}

/** Makes a staging resumable, or resumes one. */
export interface Resumption {
  /** 32 bytes. Of concurrent stagings with one id only the first can be resumed later. */
  readonly id: Uint8Array
  /** Bytes of the partial upload to keep, in whole groups; 0 starts over. */
  readonly from: number
}

/** A table, and a row's id in it: 1 to `RECORD_ID_BYTES` bytes, ordered bytewise. */
export interface RecordKey {
  readonly table: Table
  readonly id: Uint8Array
}

/** `keys`: by digest. `names`: by UTF-8 name. `meta`: the index's own state. */
export type Table = 'keys' | 'names' | 'meta'

/** A committed record. Callers must not change its bytes. */
export interface Row {
  readonly id: Uint8Array
  readonly value: Uint8Array
  /** In `keys` and `names` the seq of the change that wrote it; in `meta` unique to the write. */
  readonly version: number
}

/** Consecutive rows of one snapshot, without their versions. Callers must not change it. */
export interface RowPage {
  /** Number of rows. */
  readonly count: number
  /** For each row its id, then its value, one after the other. */
  readonly bytes: Uint8Array
  /** Two numbers a row: where its id ends in `bytes`, and where its value does. */
  readonly ends: Uint32Array
  /** More rows follow. */
  readonly more: boolean
}

/** A transaction commits only if each of its conditions holds, at the moment it is applied. */
export type Condition = VersionCondition | PresenceCondition | RangeCondition

/** The record has this version; 0 means absent. */
export interface VersionCondition {
  readonly key: RecordKey
  readonly version: number
}

/** The record exists, whatever its version. */
export interface PresenceCondition {
  readonly present: RecordKey
}

/** No record of the table has an id that begins with these bytes, at most `RECORD_ID_BYTES`. */
export interface RangeCondition {
  readonly table: Table
  readonly noneWithPrefix: Uint8Array
}

/**
 * Adds to a counter: a record of `meta` of 8 bytes, a big-endian unsigned integer below 2^53. An
 * absent one counts 0, and one that gets to 0 is deleted. The increments of one transaction to one
 * counter count as their sum. If a counter would leave its bounds, or is no counter, the commit
 * throws `integrity`, and the transaction has no effect (specs/005-storage.md, R005-79, R005-82).
 */
export interface Increment {
  /** In `meta`. */
  readonly key: RecordKey
  /** From -(2^53 - 1) to 2^53 - 1. */
  readonly by: number
}

/** Writes at most `RECORD_VALUE_BYTES`, or deletes the record with `value: undefined`. */
export interface Write {
  readonly key: RecordKey
  readonly value: Uint8Array | undefined
}

/**
 * All or nothing: if every condition holds, the store does every write in order and appends one
 * entry to the log. If the conditions hold, adopting what is not sealed, or releasing what is not
 * adopted, throws a `RangeError`.
 */
export interface Transaction {
  readonly conditions: readonly Condition[]
  readonly writes: readonly Write[]
  /** Applied after the writes, which they see. */
  readonly increments?: readonly Increment[]
  /**
   * The log entry, at most `RECORD_VALUE_BYTES`. Undefined appends nothing and takes no seq; such a
   * transaction writes only `meta`, and neither adopts nor releases.
   */
  readonly entry: Uint8Array | undefined
  /** Sealed values to keep. */
  readonly adopt?: readonly Location[]
  /** Adopted values to free, after the commit and before it resolves. */
  readonly release?: readonly Location[]
}

export type CommitResult =
  | {
      readonly ok: true
      /** Of the appended entry; without one, the last seq. */
      readonly seq: number
    }
  | { readonly ok: false; /** The first condition that did not hold. */ readonly failed: Condition }

export interface LogEntry {
  /** Position in the order of changes, from 1, without gaps. */
  readonly seq: number
  readonly entry: Uint8Array
}

export interface ScanOptions {
  /** Return only ids that begin with these bytes. */
  readonly prefix?: Uint8Array
  /** Return only ids greater than this one. */
  readonly after?: Uint8Array
  /** Maximum number of rows. */
  readonly limit: number
}

/** The file of a value, lent to threads that read it by its path. */
export interface LentFile {
  /** Its first bytes are the value's. */
  readonly path: string
  /** Aborted, with the reason, when the value is released: stop reading, then `giveBack`. */
  readonly signal: AbortSignal
  /** Nothing reads the file any more. The release of the value waits for it, up to 5 s. */
  giveBack(): void
}

/**
 * Reads that wait for nothing, of what lies in memory or in a mapped file. Undefined means only
 * that the ordinary call has to answer: what is absent, damaged or large, and everything after
 * `close`.
 */
export interface ImmediateReads {
  /** The row for this key. */
  row(key: RecordKey): Row | undefined
  /** The bytes at a location, which must not be changed, if they are at most `mostBytes`. */
  value(location: Location, mostBytes: number): Uint8Array | undefined
}

/**
 * Absence is `undefined`; a fault is a `DstoreError`; misuse is a `TypeError` or `RangeError`.
 * After `close`, every call except `close` and `discard` fails with `unreachable`.
 */
export interface Store {
  /** A `memory` store ends with its process. */
  readonly kind: 'memory' | 'disk'

  /** Missing in a store that must wait for each read. */
  readonly immediate?: ImmediateReads

  /**
   * Starts writing a value. A known `size` reserves the space, so that the store can refuse early
   * (`no-space`); a value that turns out shorter or longer is no error here. Resuming fails with
   * `busy` if the partial upload is shorter than `from` or is being written already.
   */
  stage(size: number | undefined, resumption?: Resumption): Promise<Staging>

  /**
   * Stages and seals many small values without outboards at once, as `stage`, `write` and `seal` do
   * with each: all of them, or with `no-space` none. Each has at most `SMALL_VALUE_BYTES`; the
   * arrays may be reused when the promise resolves. `storedBytes` of them are of values that are
   * stored already: they need no room.
   */
  sealSmall(values: readonly Uint8Array[], storedBytes?: number): Promise<readonly Location[]>

  /** Frees a sealed value; does nothing once it is adopted, or if there is none. */
  discard(location: Location): Promise<void>

  /** Bytes of the partial upload with this id, in whole chunk groups; 0 if there is none. */
  partialBytes(id: Uint8Array): Promise<number>

  /** Deletes partial uploads that were too old to be kept at this wall time (R005-43). */
  expire(wallMs: number): Promise<void>

  /**
   * Marks an adopted value as damaged, durably: the store never returns a byte of it again. Reads
   * of it fail with `integrity`, those in progress too. Does nothing if no value is adopted there.
   */
  quarantine(location: Location): Promise<void>

  /** Is the adopted value known to be damaged? False if there is none. */
  isDamaged(location: Location): Promise<boolean>

  /**
   * In a store with an archive: a reader that began at this time of `performance.now` found the
   * bytes of an adopted value wrong. True if they came from a copy on this disk: that is gone now,
   * and another read may succeed. False if the value itself is damaged: `quarantine` it.
   */
  dropCopy?(location: Location, beganMs: number): Promise<boolean>

  /**
   * Replaces an adopted value by a sealed, unadopted copy of the same bytes. Durable when it
   * resolves; `by` is then no longer a location. A `RangeError` if either state is wrong or the
   * sizes differ.
   */
  replace(location: Location, by: Location): Promise<void>

  /**
   * The bytes of a range of a sealed value, in order, in pieces of at most `PIECE_BYTES` that the
   * caller must not change. The iteration throws all errors: a `RangeError` for a range beyond the
   * value; `removed` for a location that was released, discarded or never issued, also in the
   * middle of a read; `integrity` for an adopted value whose bytes are missing or too short; the
   * signal's reason once it is aborted. The store does not detect other damage: the reader must
   * verify. In a `disk` store a piece above `INLINE_VALUE_BYTES` has memory of its own, which the
   * caller may transfer to a thread.
   */
  read(location: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>

  /**
   * The file of a value, not verified; undefined if it has none of its own. With `exact` it holds
   * nothing but the value, if the disk has room to move what is behind it. Errors as for `read`.
   */
  lendFile(location: Location, exact?: boolean): Promise<LentFile | undefined>

  /** The outboard that the value was sealed with, or a range of it. Errors as for `read`. */
  outboard(location: Location, range?: ByteRange): Promise<Uint8Array>

  /**
   * Locations of adopted values of exactly this size, from `PARALLEL_COPY_BYTES` on, in a store
   * that knows them. A hint: one may be missing, or be gone by now.
   */
  ofSize?(size: number): readonly Location[]

  /** The rows for these keys, in the same order, from one snapshot. */
  rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]>

  /** Rows of a table in the bytewise order of their ids, at most `limit` of them. */
  scan(table: Table, options: ScanOptions): Promise<readonly Row[]>

  /**
   * The same rows as `scan`, without their versions, in one piece of memory. A page ends after
   * `ROW_PAGE_BYTES`, too, whatever the limit.
   */
  page(table: Table, options: ScanOptions): Promise<RowPage>

  /**
   * Commits one transaction; in a durable store it is durable when the promise resolves.
   * Transactions never interleave, and run in the order of the calls.
   */
  commit(transaction: Transaction): Promise<CommitResult>

  /**
   * Commits transactions as `commit` does each, in their order, with one result for each. They
   * become durable together. A mistake in one of them rejects the call once the others are
   * committed; a fault rejects it without any effect.
   */
  commitAll(transactions: readonly Transaction[]): Promise<readonly CommitResult[]>

  /**
   * Resolves if the next opening would find what the store has now; rejects as a commit does. Call
   * it before acknowledging what needs no commit, because it exists.
   */
  confirm(): Promise<void>

  /**
   * In a store with an archive: resolves when what it has now is there, too. Rejects with
   * `unreachable` after `ARCHIVE_CONFIRM_MS`, and with `unwritable` once another node took over.
   */
  archived?(): Promise<void>

  /** The last seq assigned, 0 before the first. */
  lastSeq(): Promise<number>

  /** Entries with seq > `after` that are not trimmed, oldest first, at most `limit`. */
  log(after: number, limit: number): Promise<readonly LogEntry[]>

  /** Deletes the log's entries up to and including this seq. No seq is ever assigned twice. */
  trim(upto: number): Promise<void>

  usage(): Promise<StoreUsage>

  /** Bytes free on the medium, regardless of the quota; undefined if unknown. */
  freeBytes(): Promise<number | undefined>

  /**
   * Waits for commits in progress, ends reads in progress with `unreachable`, releases everything.
   */
  close(): Promise<void>
}
