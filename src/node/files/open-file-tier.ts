/** Opens the tier of files of a Local's cache. */
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import type { Log } from '../../log.ts'
import { openCacheFolder, type CacheFolderOptions } from '../../store/cached/cache-folder.ts'
import { deleteFolders, takeFound } from '../../store/cached/earlier-boots.ts'
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
  /** Values that have room. Default: `CACHED_FILES`. */
  readonly mostFiles?: number
  /** Hashes on another thread. */
  readonly checker?: GroupChecker | undefined
  readonly log: Log
}

/**
 * Opens the tier in a folder that no other process uses for one. On a disk it has the files of
 * earlier boots, void until their keys are confirmed; in shared memory they are deleted. Errors:
 * `unwritable`, `not-permitted` if the folder belongs to another user.
 */
export async function openFileTier(options: FileTierOptions): Promise<FileTier> {
  const { folder, earlier } = openCacheFolder(options)
  const keeps = folder.use().kind === 'disk'
  const tier = new CacheFiles({ ...options, folder, keeps })
  if (keeps) tier.addFound(await takeFound(folder.path, earlier))
  else await deleteFolders(earlier)
  return tier
}
