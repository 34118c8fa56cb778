/** Opens the file tier of a Local, in the folder that its user named. */
import { DstoreError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { makeCacheFolder, nodeFolder } from '../../store/cached/place.ts'
import { mountUse } from '../../store/cached/mount.ts'
import { CacheBudget } from '../cache/cache-budget.ts'
import type { FileTier, FileValue } from '../files/file-tier.ts'
import { openFileTier } from '../files/open-file-tier.ts'

export interface FilesOptions {
  /** Absolute path, or `none`. Default: see the specs. */
  readonly cacheDir?: string | undefined
  /** Budget of the tier; undefined where it shares that of memory. */
  readonly cacheDirBytes?: number | undefined
  /** The group that may read the files, too. */
  readonly groupId?: number | undefined
}

export interface OpenFilesOptions extends FilesOptions {
  /** Stable names lead to the files of an earlier run. */
  readonly peerId: string
  /** Of memory, which a tier on shared memory charges as well. */
  readonly budget: CacheBudget
  readonly random: (bytes: number) => Uint8Array
  readonly onEvicted: (value: FileValue) => void
  readonly log: Log
}

/** A file tier, or why there is none. */
export interface OpenedFiles {
  readonly tier?: FileTier
  /** The group that may read its files, too. */
  readonly groupId?: number | undefined
  readonly none?: string
}

/** Errors: `usage` on a disk without a size; `unwritable`, `not-permitted` for the folder. */
export async function openFiles(options: OpenFilesOptions): Promise<OpenedFiles> {
  const { cacheDir, cacheDirBytes, groupId, budget, peerId, random, onEvicted, log } = options
  if (cacheDir === undefined) return { none: 'no --cache-dir is given' }
  if (cacheDir === 'none') return { none: '--cache-dir is none' }
  makeCacheFolder(cacheDir, groupId)
  const { kind } = mountUse(cacheDir)
  if (kind === 'disk' && cacheDirBytes === undefined) {
    throw new DstoreError('usage', `${cacheDir} is on a disk: say how much of it files may take`, {
      hint: 'add --cache-dir-size SIZE',
    })
  }
  const own = cacheDirBytes === undefined ? undefined : new CacheBudget(cacheDirBytes)
  const directory = nodeFolder(cacheDir, peerId)
  const shared = { budget: own ?? budget, isShared: own === undefined }
  const tier = await openFileTier({ directory, groupId, ...shared, random, onEvicted, log })
  return { tier, groupId }
}
