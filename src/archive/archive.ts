/**
 * The archive of a store in a bucket (specs/011-archive.md): what a daemon opens beside its store,
 * asks for its state, and restores a store from.
 */
import type { Archive, ArchiveComponents, ArchiveOptions } from './interface.ts'
import { makeArchive } from './open-archive.ts'

export type { Archive, ArchiveComponents, ArchiveOptions, ArchiveStatus } from './interface.ts'
export type { ArchiveState } from './state.ts'

/**
 * Races the bucket's conditions, and compares the store in the directory with the archive. Nothing
 * is changed in either before the store begins. Errors: `incompatible` for a bucket that ignores
 * conditions, what a later version left there, or another store; `integrity`, `not-permitted`,
 * `unreachable`.
 */
export async function openArchive(
  options: ArchiveOptions,
  components: ArchiveComponents = {},
): Promise<Archive> {
  return makeArchive(options, components)
}
