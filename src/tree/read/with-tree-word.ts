/** Calls on what a word leads to, where its name may have moved (specs/004-index.md, R004-87). */
import { asDstoreError } from '../../errors.ts'
import { isName } from '../../index/name.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import type { CallOptions, Node } from '../../node/node.ts'
import type { TreeWord } from './tree-word.ts'

/**
 * Calls `use` with a word. If the value of its name is gone, asks Global for the name, and calls
 * `use` once more where it is bound to another key, unless `canRepeat` says that it is too late.
 * Errors: `not-found` for a name that is no longer bound; those of `use`.
 */
export async function withTreeWord<T>(
  node: Pick<Node, 'role' | 'index' | 'inactive'>,
  word: TreeWord,
  options: CallOptions,
  use: (word: TreeWord) => Promise<T>,
  canRepeat: () => boolean = () => true,
): Promise<T> {
  try {
    return await use(word)
  } catch (error) {
    const { code } = asDstoreError(error)
    const isGone = code === 'not-found' || code === 'removed'
    if (!isGone || !isName(word.root) || !canRepeat()) throw error
    const bound = await node.index.lookup(word.root, { ...options, fresh: true })
    if (bound === undefined) throw await noSuch('name', word.root, node)
    if (bound.key.equals(word.key)) throw error
    return use({ ...word, key: bound.key })
  }
}
