/** Stores the directories of a tree as they are made, and commits its root. */
import { BATCH_ITEMS, MIB } from '../../../limits.ts'
import type { CommitTreeOptions, HoldId, PutResult } from '../../../node/node.ts'
import { totalsOf, type Totals } from '../../../directory/directory.ts'
import { decodeDirectory } from '../../../directory/reader.ts'
import { makeLevel, type TreeNode } from '../commit-built.ts'
import type { SpooledDirectory } from './spooled-tree.ts'

/** Directories that wait for others to be made with, and their bytes. */
const WAITING = BATCH_ITEMS
const WAITING_BYTES = 4 * MIB

/**
 * Puts and makes what does not exist of the directories, of which each comes after all that are
 * below it and the root comes last, and commits the root. Errors: as `commitBuilt`.
 */
export async function commitSpooled(
  node: TreeNode,
  hold: HoldId,
  directories: Iterable<SpooledDirectory>,
  { name, naming, ...calls }: CommitTreeOptions,
): Promise<PutResult & Totals> {
  /** By height, then by key. */
  let waiting: Map<string, SpooledDirectory>[] = []
  let [count, bytes] = [0, 0]
  let root: SpooledDirectory | undefined
  const make = async (): Promise<void> => {
    const levels = waiting
    waiting = []
    ;[count, bytes] = [0, 0]
    for (const level of levels) {
      if (level !== undefined) await makeLevel(node, hold, [...level.values()], calls)
    }
  }
  for (const directory of directories) {
    root = directory
    const level = (waiting[directory.height] ??= new Map())
    level.set(directory.key.toHex(), directory)
    count++
    bytes += directory.bytes.byteLength
    if (count >= WAITING || bytes >= WAITING_BYTES) await make()
  }
  await make()
  const { key, bytes: value } = root!
  const as = { ...(name !== undefined && { name }), ...(naming && { naming }) }
  const options = { ...calls, ...as }
  const put = await node.trees.commitTree(hold, key, options)
  return { ...put, ...totalsOf(decodeDirectory(value)) }
}
