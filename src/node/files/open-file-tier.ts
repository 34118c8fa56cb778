/** Opens the tier of files of a Local's cache. */
import type { Log } from '../../log.ts'
import { openCacheFolder, type CacheFolderOptions } from '../../store/cached/cache-folder.ts'
import { deleteFolders } from '../../store/cached/earlier-boots.ts'
import type { CacheBudget } from '../cache/cache-budget.ts'
import { CacheFiles } from './cache-files.ts'
import type { FileTier, FileValue } from './file-tier.ts'

export interface FileTierOptions extends CacheFolderOptions {
  /** Of this tier, or of both. */
  readonly budget: CacheBudget
  /** Whether memory charges the same budget. */
  readonly isShared: boolean
  /** Called with every entry that is evicted or removed. */
  readonly onEvicted?: (value: FileValue) => void
  readonly log: Log
}

/**
 * Opens the tier in a folder that no other process uses for one. Errors: `unwritable`,
 * `not-permitted` if the folder belongs to another user.
 */
export async function openFileTier(options: FileTierOptions): Promise<FileTier> {
  const { folder, earlier } = openCacheFolder(options)
  await deleteFolders(earlier)
  return new CacheFiles({ ...options, folder })
}
