/**
 * The archive of a store in a bucket (specs/011-archive.md): what a daemon opens beside its store,
 * asks for its state, and restores a store from.
 */
import type { Archive, ArchiveComponents, ArchiveOptions } from './interface.ts'
import { makeArchive } from './open-archive.ts'

export type {
  Archive,
  ArchiveComponents,
  ArchiveOptions,
  ArchiveState,
  ArchiveStatus,
} from './interface.ts'

/**
 * Races the bucket's conditions, and makes the place an archive if it is none. Errors:
 * `incompatible` for a bucket that ignores conditions, or what a later version left there;
 * `integrity`, `not-permitted`, `unreachable`.
 */
export async function openArchive(
  options: ArchiveOptions,
  components: ArchiveComponents = {},
): Promise<Archive> {
  return makeArchive(options, components)
}
