/** The disk store as its opening makes it, and what it is made of. */
import type { HeldFiles } from '../file/held-files.ts'
import type { SizeIndex } from '../size-index.ts'
import type { Store } from '../store.ts'
import type { StoreArchive } from './archive.ts'
import type { FoundFiles } from './archived/opening.ts'
import type { Replica } from './commit/replica.ts'
import type { Turns } from './commit/turns.ts'
import type { Files } from './files.ts'
import type { FreeSpace } from './free-space.ts'
import type { Layout } from './layout.ts'
import type { PartialUploads } from './staged/partial-uploads.ts'
import type { Quarantine } from './quarantine.ts'
import type { Database } from './records/database.ts'
import type { Recovery } from './recovery.ts'

export interface DiskStore extends Store {
  readonly kind: 'disk'
  /** What the opening found, for the log. */
  readonly recovery: Recovery
  /** Resolves when no outboard of layout 1 is left to move, or this run can move no more. */
  readonly outboardsMoved: Promise<void>
}

export interface DiskStoreParts {
  readonly files: Files
  readonly layout: Layout
  readonly held: HeldFiles
  readonly database: Database
  readonly replica: Replica
  readonly turns: Turns
  readonly freeSpace: FreeSpace
  readonly partials: PartialUploads
  readonly quarantine: Quarantine
  readonly recovery: Recovery
  readonly hasOutboardsBehind: boolean
  readonly sizes: SizeIndex
  readonly maxBytes: number | undefined
  readonly archive: StoreArchive | undefined
  /** What the opening found on the disk of a store with an archive. */
  readonly found: FoundFiles | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly elapsed: () => number
}
