/** The directory that the path of a request begins at (specs/007, R007-220, R007-223). */
import { isName } from '../../../index/name.ts'
import {
  resolveTreeWord,
  splitKey,
  splitPath,
  type TreeWord,
} from '../../../tree/read/tree-word.ts'
import { callOptions, type HttpCall } from '../call.ts'

/** The word by itself, if it is a key or a bound name; else the longest name that the path has. */
export async function treeWordIn(call: HttpCall): Promise<TreeWord> {
  const { node, parameters } = call
  const { word = '', rest = '' } = parameters
  const options = callOptions(call)
  const below = (): string[] => (rest === '' ? [] : splitPath(rest))
  const keyed = splitKey(word)
  if (keyed?.path.length === 0) return { ...keyed, path: below() }
  const bound = isName(word) ? await node.index.lookup(word, options) : undefined
  if (bound !== undefined) return { key: bound.key, path: below(), root: word }
  return resolveTreeWord(node, rest === '' ? word : `${word}/${rest}`, options)
}
