/**
 * What keeps a copy of a store off its disk (specs/005-storage.md, "An archive"): the journal that
 * its entries go through, and the objects that its large values are. `src/archive` implements it.
 */
import type { ChainPosition } from '../../journal/chain.ts'
import type { Journal } from '../../journal/journal.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Location } from '../store.ts'
import type { StoredValue } from './records/file-row.ts'

export interface StoreArchive {
  /**
   * Compares the store's own journal with the bucket's, and gives the journal to append to, which
   * ends up in both. Called once, before anything is replayed. Errors: `integrity` where they part,
   * with the number of entries that only one of them has; `unreachable`.
   */
  join(own: Journal): Promise<Journal>

  /** The least epoch that the next opening may begin. Known once `join` has resolved. */
  readonly leastEpoch: number

  /** The objects of values. */
  readonly values: ArchivedValues

  /**
   * The store is open: its entry `begin` is in its own journal. Resolves when that is in the
   * bucket; then uploads begin. Errors: as for `archived`.
   */
  opened(source: ArchiveSource): Promise<void>

  /**
   * Resolves when every entry up to this position is in the bucket. Rejects with `unreachable` after
   * a while, and with `unwritable` once another node has taken over.
   */
  archived(position: number): Promise<void>

  /** Waits, for a while, for what is on its way. */
  close(): Promise<void>
}

/** What the archive asks of the open store. */
export interface ArchiveSource {
  /** Appends an entry without changes. */
  say(kind: 'heartbeat'): Promise<unknown>
  /** Copies the records, as of one position, to a new file, without the pages not in use. */
  copyRecords(path: string): Promise<ChainPosition>
  /** Every adopted value in a file, by location. */
  files(): Iterable<{ readonly location: Location; readonly value: StoredValue }>
  /** Does a record or a sealed value name this file? */
  isNamed(file: Location): boolean
  /** A file of the value on this disk, value then outboard; undefined if it has been given up. */
  open(value: StoredValue): Promise<UploadSource | undefined>
}

/** Reads what is to be uploaded. */
export interface UploadSource {
  /** Exactly these bytes. */
  read(range: ByteRange): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * The object of a value has the value, then its outboard; its name is that of the value's file.
 */
export interface ArchivedValues {
  /** Does every adopted value in a file have its object? False while a store is first copied. */
  readonly isComplete: boolean

  /** Begins to upload a value that is being written to a file. */
  upload(file: Location): ValueUpload

  /**
   * A range of an object, in pieces of at most `PIECE_BYTES`. Errors: `unreachable`; `integrity`
   * where it is missing or too short.
   */
  read(file: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>

  /** Deletes an object, once the entry that was appended last is in the bucket. */
  remove(file: Location): void
}

/** One call of `grow`, `complete` at a time; `abort` at any moment. */
export interface ValueUpload {
  /**
   * The source has this many bytes now. Uploads whole parts meanwhile; waits only where too many
   * are under way.
   */
  grow(source: UploadSource, bytes: number): Promise<void>
  /** Uploads what is left and the outboard, and completes the object: it is there durably. */
  complete(source: UploadSource, bytes: number, outboard: Uint8Array): Promise<void>
  /** Leaves nothing in the bucket, as far as that answers. */
  abort(): Promise<void>
}
