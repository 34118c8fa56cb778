/** Opens the file tier of a Local: in the folder that its user named, else on shared memory. */
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { memoryLeft } from '../../store/cached/control-group.ts'
import {
  deleteIfEmpty,
  leaveSharedMemory,
  makeCacheFolder,
  nodeFolder,
  sharedMemory,
  type SharedMemory,
} from '../../store/cached/place.ts'
import { mountUse } from '../../store/cached/mount.ts'
import { CacheBudget } from '../cache/cache-budget.ts'
import type { FileTier, FileValue } from '../files/file-tier.ts'
import { openFileTier } from '../files/open-file-tier.ts'
import { threadedChecker } from '../swarm/verify-thread.ts'

export interface FilesOptions {
  /** Absolute path, or `none`. Default: a private folder on shared memory. */
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
  /** Default: what the system has. */
  readonly memory?: { readonly root?: string; readonly left?: () => number } | undefined
}

/** A file tier, or why there is none. */
export interface OpenedFiles {
  readonly tier?: FileTier
  /** The group that may read its files, too. */
  readonly groupId?: number | undefined
  /** Its budget in bytes, unless it shares that of memory. */
  readonly ownBytes?: number | undefined
  readonly none?: string
  /** Called once the tier is closed. */
  readonly onClosed?: () => void
}

/**
 * Without `cacheDir` a folder on shared memory, if twice the cache is free there and allowed.
 * Errors: `usage` on a disk without a size; `unwritable`, `not-permitted` for the folder.
 */
export async function openFiles(options: OpenFilesOptions): Promise<OpenedFiles> {
  const { cacheDir, cacheDirBytes, groupId } = options
  if (cacheDir === 'none') return { none: '--cache-dir is none' }
  if (cacheDir === undefined) return openDefault(options)
  makeCacheFolder(cacheDir, groupId)
  const { kind } = mountUse(cacheDir)
  if (kind === 'disk' && cacheDirBytes === undefined) {
    throw new DstoreError('usage', `${cacheDir} is on a disk: say how much of it files may take`, {
      hint: 'add --cache-dir-size SIZE',
    })
  }
  return await openIn(cacheDir, options)
}

/** A node without it works: what is wrong with the folder is why there is no tier. */
async function openDefault(options: OpenFilesOptions): Promise<OpenedFiles> {
  const { groupId, peerId, memory = {} } = options
  const place = sharedMemory(peerId, groupId, memory.root)
  if (typeof place === 'string') return { none: place }
  const leave = (): void => leaveSharedMemory(place, peerId)
  const none = tooSmall(place, options)
  if (none === undefined) {
    try {
      return { ...(await openIn(place.folder, options)), onClosed: leave }
    } catch (error) {
      leave()
      return { none: asDstoreError(error).message }
    }
  }
  leave()
  return { none }
}

/** Why shared memory has no room for the files. */
function tooSmall(
  { folder, freeBytes }: SharedMemory,
  { cacheDirBytes, budget, memory = {} }: OpenFilesOptions,
): string | undefined {
  const wanted = cacheDirBytes ?? 2 * budget.budgetBytes
  const what = cacheDirBytes === undefined ? 'twice the cache' : 'the size of the files'
  if (freeBytes < wanted) return `${folder} has ${freeBytes} bytes free; ${what} is ${wanted}`
  const left = (memory.left ?? memoryLeft)()
  return left < wanted
    ? `the control group leaves ${left} bytes of memory; ${what} is ${wanted}`
    : undefined
}

/** Without a size of its own the tier shares the budget of memory. */
async function openIn(cacheDir: string, options: OpenFilesOptions): Promise<OpenedFiles> {
  const { cacheDirBytes, groupId, budget, peerId, random, onEvicted, log } = options
  const own = cacheDirBytes === undefined ? undefined : new CacheBudget(cacheDirBytes)
  const directory = nodeFolder(cacheDir, peerId)
  const shared = { budget: own ?? budget, isShared: own === undefined }
  const checker = threadedChecker
  const given = { directory, groupId, ...shared, random, onEvicted, checker, log }
  const tier = await openFileTier(given)
  const onClosed = (): void => deleteIfEmpty(directory)
  return { tier, groupId, ownBytes: cacheDirBytes, onClosed }
}
