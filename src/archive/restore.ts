/** Makes a store from its archive, and fences the node that had it (specs/011-archive.md). */
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ArchiveComponents } from './archive.ts'
import type { Restored } from './restored.ts'

export type { Restored } from './restored.ts'

export interface RestoreOptions {
  readonly objects: ObjectStore
  /** Where the store is to be: created if missing, else without a store. */
  readonly directory: string
  /** The clock that the archive is opened with. */
  readonly elapsed: () => number
  readonly log: Log
  /** Aborted, it leaves nothing but what the next restore replaces. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RestoreProgress) => void
}

export interface RestoreProgress {
  /** Loads the records, then the entries after them; then the other node is fenced. */
  readonly step: 'snapshot' | 'journal' | 'fence'
  /** Bytes of the snapshot, entries of the journal. */
  readonly done: number
  readonly total: number
}

/**
 * The store is complete in its directory when it resolves; open it with the archive. Errors:
 * `not-found` where there is no archive, or its first copy was not completed; `conflict` where the
 * directory has a store; `integrity`, `incompatible`, `unreachable`, `no-space`, `cancelled`.
 */
export async function restore(
  options: RestoreOptions,
  _components: ArchiveComponents = {},
): Promise<Restored> {
  throw new DstoreError('internal', `no archive in ${options.objects.place} yet`)
}
