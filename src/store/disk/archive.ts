/**
 * What keeps a copy of a store off its disk (specs/005-storage.md, "An archive"): the journal that
 * its entries go through, and the objects that its large values are. `src/archive` implements it.
 */
import type { DstoreError } from '../../errors.ts'
import type { ChainPosition } from '../../journal/chain.ts'
import type { JournalEnd } from '../../journal/beginning.ts'
import type { Journal } from '../../journal/journal.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Location } from '../store.ts'
import type { StoredValue } from './records/file-row.ts'
import type { RowsDigest } from './records/rows-digest.ts'

export interface StoreArchive {
  /**
   * Compares the store's own journal with the bucket's, and gives the journal to append to, which
   * ends up in both. Called once, before anything is replayed. Errors: `integrity` where they part,
   * with the number of entries that only one of them has; `unreachable`. `own` is undefined where
   * the store has no journal of its own.
   */
  join(own: Journal | undefined): Promise<Journal>

  /**
   * Is the journal that `join` gives the only one? Then the store makes no journal in its
   * directory, and trims nothing. Default: false.
   */
  readonly isOnlyJournal?: boolean

  /** Bytes of changes in one entry, where the journal wants smaller ones. */
  readonly groupBytes?: number

  /** The least epoch that the next opening may begin. Known once `join` has resolved. */
  readonly leastEpoch: number

  /**
   * The store is about to begin an epoch: what could refuse it has been looked at, and nothing of
   * it is in the bucket yet. Missing: nothing is to be done.
   */
  begins?(): Promise<void>

  /** The store begins its epoch after this end. Throws to refuse that. */
  mayBegin?(end: JournalEnd): void

  /** The epoch has begun; the store is still opening. `say` appends an entry without changes. */
  begun?(say: (kind: 'heartbeat') => Promise<unknown>): void

  /** The objects of values. */
  readonly values: ArchivedValues

  /**
   * The store is open: its entry `begin` is in its own journal. Resolves when that is in the
   * bucket; then uploads begin. Errors: as for `archived`.
   */
  opened(source: ArchiveSource): Promise<void>

  /**
   * Resolves when every entry up to this position is in the bucket. Rejects with `unreachable`
   * after a while, and with `unwritable` once another node has taken over.
   */
  archived(position: number): Promise<void>

  /** Why changes are refused at this moment, before anything of them is appended. */
  readonly refusal: DstoreError | undefined

  /**
   * The store is about to close: appends that wait for a bucket that is away are given up after a
   * while, as ended. They are in the store's own journal, so the next opening has them.
   */
  closing(): void

  /** Waits, for a while, for what is on its way. */
  close(): Promise<void>
}

/** What the archive asks of the open store. */
export interface ArchiveSource {
  /** Appends an entry without changes. */
  say(kind: 'heartbeat'): Promise<unknown>
  /**
   * Copies the records, as of one position, to `data.mdb` in an existing directory that has none,
   * without the pages not in use: `Database.copyTo`, then the position that the copy states.
   */
  copyRecords(directory: string): Promise<ChainPosition>
  /**
   * The digest of all rows as of one position: every replica that applied the same entries has the
   * same. Commits go on. Error: the signal's reason.
   */
  rowsDigest(signal?: AbortSignal): Promise<RowsDigest>
  /**
   * Adopted values in files, by location, from after this one on. Read it in one turn of the event
   * loop, and as far as you need: commits go on.
   */
  files(after?: Location): Iterable<{ readonly location: Location; readonly value: StoredValue }>
  /** Does a record or a sealed value name this file? */
  isNamed(file: Location): boolean
  /**
   * An adopted value on this disk, as one source: its bytes, then its outboard. Undefined if it was
   * released or is damaged.
   */
  open(location: Location): Promise<UploadSource | undefined>
}

/** What is to be uploaded, on this disk. */
export interface UploadSource {
  /** Fills the array from this position on. Reads may overlap. */
  read(into: Uint8Array, position: number): Promise<void>
  /** Called once, when nothing reads any more. */
  close(): Promise<void>
}

/**
 * The object of a value has the value, then its outboard, wherever that is on the disk. Its name is
 * that of the value's file.
 */
export interface ArchivedValues {
  /** `s3://BUCKET/PREFIX`, for messages. */
  readonly place: string

  /** Does every adopted value in a file have its object? False while a store is first copied. */
  readonly isComplete: boolean

  /** Resolves once `isComplete` is true. */
  readonly completion: Promise<void>

  /** Has an adopted value with this file its object? Knows without asking the bucket. */
  has(file: Location): boolean

  /**
   * Begins to upload a value that is being written to a file. Nothing is opened or sent before the
   * first `grow` or `complete`. `size` is a hint.
   */
  upload(file: Location, open: () => Promise<UploadSource>, size: number | undefined): ValueUpload

  /**
   * A range of an object, in pieces of at most `PIECE_BYTES`, each with memory of its own. Errors:
   * `unreachable`; `integrity` where the object is missing or too short; the signal's reason.
   */
  read(file: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>

  /** Deletes an object, once the entry that was appended last is in the bucket. */
  remove(file: Location): void
}

/**
 * Uploads a file while it grows. It needs no memory but that of the parts under way, so nothing
 * waits before `complete`.
 */
export interface ValueUpload {
  /** Why it failed: then `complete` fails with the same. */
  readonly fault: Error | undefined
  /** The file has this many bytes now, from its beginning. */
  grow(bytes: number): void
  /**
   * Uploads what is left of these bytes, then the outboard: the object is there durably. Errors:
   * `unreachable` and those of the source.
   */
  complete(bytes: number, outboard: Uint8Array): Promise<void>
  /** Leaves nothing in the bucket, completed or not, as far as that answers. Never rejects. */
  abort(): Promise<void>
}
