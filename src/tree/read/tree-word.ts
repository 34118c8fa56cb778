/** What a word leads to, by a node (specs/008-directories.md, "Rules: reading"). */
import type { Key } from '../../hash/key.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import { hintAtKey, resolveKey } from '../../node/calls/resolve-key.ts'
import type { CallOptions, Node } from '../../node/node.ts'
import { findTreeWord, type TreeWord } from '../../node/words/tree-word.ts'

export { findTreeWord, splitKey, splitPath, type TreeWord } from '../../node/words/tree-word.ts'

/** What a word leads to; `not-found` if no such name is bound. */
export async function resolveTreeWord(
  node: Pick<Node, 'role' | 'index' | 'inactive'>,
  text: string,
  options?: CallOptions,
): Promise<TreeWord> {
  const lookup = async (name: string): Promise<Key | undefined> =>
    (await node.index.lookup(name, options))?.key
  const found = await findTreeWord(text, lookup)
  if (found !== undefined) return found
  // A text that looks like a key has an error of its own.
  if (!text.includes('/'))
    return { key: await resolveKey(node, text, options), path: [], root: text }
  throw await noSuch('name', text, node, hintAtKey(text))
}
