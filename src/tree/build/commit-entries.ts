/** Commits a tree of values that are stored (specs/007, R007-224). */
import type { Entry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { CommitTreeOptions, HoldId, Node, PutResult, ValueFacts } from '../../node/node.ts'
import { buildTree, type PathEntry } from './build-tree.ts'
import { commitBuilt, type TreeNode } from './commit-built.ts'

/** What is to be at a path. A path that ends in a slash is an empty directory. */
export type TreeEntry =
  | { readonly path: string; readonly key: Key; readonly executable: boolean }
  | { readonly path: string; readonly target: string }
  | { readonly path: string }

export interface CommitEntriesOptions extends CommitTreeOptions {
  /** Keeps values that were put for this tree; without one, each is kept already. */
  readonly hold?: HoldId | undefined
  /** Called with each key that exists under the hold, before its facts are asked for. */
  readonly onPresent?: (key: Key) => void
}

/**
 * Makes directories of these entries, and commits their root, which ends the hold. Errors: those of
 * `buildTree` and of `NodeTrees`; `not-found` for a key that does not exist, with its path.
 */
export async function commitEntries(
  node: TreeNode & Pick<Node, 'index'>,
  entries: readonly TreeEntry[],
  { name, naming, hold: given, onPresent, ...options }: CommitEntriesOptions = {},
): Promise<PutResult> {
  const { trees } = node
  const hold = given ?? (await trees.openHold(options))
  try {
    const keyed = entries.filter((one) => 'key' in one)
    const keys = keyed.map(({ key }) => key)
    const present = await trees.present(hold, keys, options)
    if (onPresent !== undefined) keys.filter((_, i) => present[i]).forEach(onPresent)
    const facts = await node.index.statMany(keys, options)
    const values = keyed.map((one, i) => valueOf(one, present[i] ? facts[i] : undefined))
    const others = entries.filter((one) => !('key' in one)).map(otherOf)
    const built = buildTree([...values, ...others])
    const as = { ...(name !== undefined && { name }), ...(naming && { naming }) }
    return await commitBuilt(node, hold, built, { ...options, ...as })
  } catch (error) {
    // Nothing of it is worth keeping: a repeat sends no more than the list.
    if (given === undefined) await trees.releaseHold(hold).catch(() => undefined)
    throw error
  }
}

function valueOf(
  { path, key, executable }: Extract<TreeEntry, { readonly key: Key }>,
  facts: ValueFacts | undefined,
): PathEntry {
  const { digest, kind } = key
  if (facts === undefined || (kind === 'directory' && facts.directory === undefined)) {
    throw new DstoreError('not-found', `no such key: ${key.toString()}, which is to be ${path}`)
  }
  if (kind === 'bytes') {
    return { path, entry: { type: 'file', digest, size: facts.size, executable } }
  }
  if (executable) throw new DstoreError('usage', `a directory cannot be executable: ${path}`)
  const { totalSize: size, files } = facts.directory!
  return { path, entry: { type: 'directory', digest, size, files } }
}

function otherOf(one: Exclude<TreeEntry, { readonly key: Key }>): PathEntry {
  if (!('target' in one)) return { path: one.path.replace(/\/$/, ''), entry: undefined }
  const entry: Entry = { type: 'link', target: one.target }
  return { path: one.path, entry }
}
