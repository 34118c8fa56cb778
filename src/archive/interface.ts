/** What a daemon asks of the archive of its store, and what the archive is made from. */
import type { RequestCounts, ObjectStore } from '../bucket/object-store.ts'
import type { DstoreError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StoreArchive } from '../store/disk/archive.ts'
import type { Files } from '../store/disk/files.ts'
import type { Restored } from './restored.ts'
import type { ArchiveState } from './state.ts'

/** The archive of one store; `openDiskStore` is given it. */
export interface Archive extends StoreArchive {
  status(): ArchiveStatus

  /**
   * Has an entry that was sent less than `ARCHIVE_LAG_MS` ago reached the bucket? Otherwise another
   * node may have taken over: no lease is renewed, and no change acknowledged (R011-60).
   */
  mayServe(): boolean

  /** Has `opened` resolved? From then on the archive is that of the store, whatever follows. */
  readonly isOpen: boolean

  /** Resolves once another node has taken over: this one must end. Never rejects. */
  readonly lost: Promise<DstoreError>
}

export interface ArchiveOptions {
  /** Closed by the caller, after the store and the archive. */
  readonly objects: ObjectStore
  /** That of the store. Holds copies of the records while they are uploaded. */
  readonly directory: string
  /** `--archive-ack`: a change is acknowledged when it is in the bucket. */
  readonly acknowledges: boolean
  /**
   * Called once the place is an archive, and before anything of the store is in it: nothing that
   * the start can know refuses it any more (R011-92).
   */
  readonly onBeginning?: (() => Promise<void>) | undefined
  /** The store had this archive before: a place without it is refused with `integrity`. */
  readonly isBegun?: boolean | undefined
  /** What `restore` said, if it has just made the store. */
  readonly restored?: Restored
  /**
   * Milliseconds that never lag, with the time that the machine sleeps (specs/004-index.md,
   * "Clocks", the holder's).
   */
  readonly elapsed: () => number
  readonly log: Log
}

/** What an archive is built from; tests pass in others. */
export interface ArchiveComponents {
  readonly files?: Files
  readonly random?: (length: number) => Uint8Array
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: Sleep
}

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

export interface ArchiveStatus {
  readonly state: ArchiveState
  /** `s3://BUCKET/PREFIX`. */
  readonly place: string
  readonly acknowledges: boolean
  /** The last entry of the store's own journal, and of the bucket's. */
  readonly own: number
  readonly archived: number
  /** What the bucket lacks. */
  readonly lag: { readonly entries: number; readonly bytes: number; readonly ms: number }
  readonly requests: RequestCounts
  /** The newest snapshot; undefined until the first copy is complete. */
  readonly snapshot: { readonly position: number; readonly ageMs: number } | undefined
  /** Values in files; undefined unless the state is `first-copy`. */
  readonly firstCopy: { readonly done: number; readonly total: number } | undefined
  readonly lastFault: { readonly fault: DstoreError; readonly agoMs: number } | undefined
}
