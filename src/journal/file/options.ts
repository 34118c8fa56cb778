/** What a journal in files is opened with, and what it can do beyond other journals. */
import type { Platform } from '../../platform.ts'
import type { ChainPosition } from '../chain.ts'
import type { Journal } from '../journal.ts'
import type { JournalFiles } from './files.ts'

export interface FileJournalOptions {
  /** Below one that exists. Only one process may have it open: the caller holds a lock. */
  readonly directory: string
  readonly segmentBytes?: number
  readonly firstSegmentBytes?: number
  /**
   * Where a journal without segments begins: after that position, with that chain. Nothing of it is
   * written before the first append.
   */
  readonly start?: ChainPosition
  /** Writes nothing, not even what an opening does: what it finds may not be durable. */
  readonly readOnly?: boolean
  /** Called with the path of each new segment before anything is appended to it (R005-56). */
  readonly onSegment?: (path: string) => Promise<void>
}

/** What the journal is built from; tests pass in others that fail. */
export interface FileJournalComponents {
  readonly files?: JournalFiles
  readonly random?: (length: number) => Uint8Array
  readonly platform?: Pick<Platform, 'flushesDrive'>
}

/** A journal that says how much fits into it on a disk that is full. */
export interface FileJournal extends Journal {
  /** Does a record of so many bytes fit in, and so many files are left to be used next? */
  hasRoom(bytes: number, left: 0 | 1): boolean
  /** Makes more files. Errors: `no-space`, `unwritable`. */
  makeRoom(): Promise<void>
}
