/**
 * Computes the key of a folder with all that is below it, as `put` stores it (R008-40 to R008-51).
 * Needs no node.
 */
import { realpathSync } from 'node:fs'
import { isLossy } from '../../utf8.ts'
import { DirectoryValues } from './directory-values.ts'
import type { Folder } from './walk/folder.ts'
import type { HashedTree } from './hashed-tree.ts'
import { StatCache } from './cache/stat-cache.ts'
import { TreeCounter } from './tree-progress.ts'
import type { OnTreeProgress } from './tree-progress.ts'
import { TreeHasher } from './tree-hasher.ts'
import { Walk } from './walk/walk.ts'
import type { WalkOptions } from './walk/walk.ts'

export interface HashTreeOptions extends WalkOptions {
  /** What messages call the folder; default: its path. */
  readonly label?: string | undefined
  /** The folder where keys are remembered for the next time; default: nowhere. */
  readonly cacheFolder?: string | undefined
  readonly onTreeProgress?: OnTreeProgress | undefined
}

/**
 * Walks the folder twice: first to refuse what can't be stored, before any work is done. The caller
 * closes the tree. Errors: `unreadable`, `changed`, `usage`, `too-large`, each naming the path;
 * `cancelled`.
 */
export async function hashTree(path: string, options: HashTreeOptions = {}): Promise<HashedTree> {
  const { label = path, cacheFolder, onTreeProgress, signal } = options
  const walk = new Walk(options)
  const counter = new TreeCounter('scan', onTreeProgress)
  await survey(walk, walk.root(path, label), counter)
  const cache = cacheFor(path, cacheFolder)
  const values = new DirectoryValues()
  const hashing = new TreeCounter('hash', onTreeProgress, counter)
  try {
    return await new TreeHasher({ walk, values, cache, counter: hashing, signal }).hash(
      walk.root(path, label),
    )
  } catch (error) {
    values.close()
    throw error
  }
}

/** None for a path that is not UTF-8: another could have the same text. */
function cacheFor(path: string, folder: string | undefined): StatCache | undefined {
  if (folder === undefined) return undefined
  try {
    const real = realpathSync(path)
    return isLossy(real) ? undefined : new StatCache(folder, real)
  } catch {
    return undefined
  }
}

/** Looks at everything, and keeps nothing. */
async function survey(walk: Walk, folder: Folder, counter: TreeCounter): Promise<void> {
  const folders = []
  for (const one of await walk.list(folder)) {
    if (one.type === 'folder') folders.push(one)
    if (one.type === 'file') counter.add(1, one.size)
  }
  for (const one of folders) await survey(walk, walk.enter(folder, one), counter)
}
