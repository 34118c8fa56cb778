/** Stores the directories of a tree whose files are stored, and commits its root. */
import { once } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { INLINE_VALUE_BYTES } from '../../limits.ts'
import { batchesOf } from '../../node/calls/batches.ts'
import type {
  CallOptions,
  CommitTreeOptions,
  HoldId,
  Node,
  NodeTrees,
  PutResult,
} from '../../node/node.ts'
import type { BuiltDirectory, BuiltTree } from './build-tree.ts'

export type TreeNode = Pick<Node, 'put' | 'putMany'> & { readonly trees: NodeTrees }

/**
 * Puts and makes what does not exist of the directories, and commits the root, which ends the hold.
 * Errors: `conflict` for a child that was removed since it was put or found; those of `NodeTrees`.
 */
export async function commitBuilt(
  node: TreeNode,
  hold: HoldId,
  { root, levels }: BuiltTree,
  { name, naming, ...calls }: CommitTreeOptions = {},
): Promise<PutResult> {
  for (const level of levels) await makeLevel(node, hold, level, calls)
  const as = { ...(name !== undefined && { name }), ...(naming && { naming }) }
  return node.trees.commitTree(hold, root, { ...calls, ...as })
}

/** Puts and makes what does not exist of directories whose children are made. */
export async function makeLevel(
  node: TreeNode,
  hold: HoldId,
  level: Iterable<BuiltDirectory>,
  options: CallOptions,
): Promise<void> {
  const { trees } = node
  for (const batch of batchesOf(level)) {
    const present = await trees.present(hold, batch.map(keyOf), options)
    const absent = batch.filter((_, i) => !present[i]!)
    if (absent.length === 0) continue
    await putDirectories(node, hold, absent, options)
    const made = await trees.makeDirectories(hold, absent.map(keyOf), options)
    for (const { key, missing } of made) {
      if (missing.length > 0) throw removedMeanwhile(key, missing[0]!)
    }
  }
}

const keyOf = ({ key }: BuiltDirectory): Key => key

async function putDirectories(
  node: TreeNode,
  hold: HoldId,
  directories: readonly BuiltDirectory[],
  options: CommitTreeOptions,
): Promise<void> {
  const isSmall = ({ bytes }: BuiltDirectory): boolean => bytes.byteLength <= INLINE_VALUE_BYTES
  const small = directories.filter(isSmall).map(({ bytes }) => bytes)
  if (small.length > 0) await node.putMany(small, { ...options, hold })
  for (const { bytes } of directories.filter((one) => !isSmall(one))) {
    await node.put({ bytes: once(bytes), size: bytes.byteLength }, { ...options, hold })
  }
}

function removedMeanwhile(key: Key, child: Key): DstoreError {
  const message = `${child.toString()} was removed while ${key.toString()} was made of it`
  return new DstoreError('conflict', message, { hint: 'repeat the put' })
}
