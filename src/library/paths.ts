/** Files of values that a program may map (specs/007, "Paths"). */
import { DstoreError } from '../errors.ts'
import type { Key } from '../hash/key.ts'
import type { Node, PathOptions } from '../node/node.ts'
import { withEntry } from './directories.ts'
import type { OpenPathOptions, OpenedPath } from './path-calls.ts'

export async function openPath(
  node: Node,
  word: Key | string,
  { path = '', executable = false, ...calls }: OpenPathOptions,
): Promise<OpenedPath> {
  const { paths } = node
  if (paths === undefined) {
    throw new DstoreError('unsupported', 'this node keeps no values in files', {
      hint: 'give it a folder for them: `cacheDir`',
    })
  }
  const { splitPath } = await import('../tree/read/tree-word.ts')
  const below = path === '' ? [] : splitPath(path)
  return withEntry(node, word, calls, below, async (key, _, isExecutable) => {
    const options: PathOptions = { ...calls, executable: executable || isExecutable }
    const held = await paths.openPath(key, options)
    const release = (): Promise<void> => held.release()
    return { ...held, release, [Symbol.asyncDispose]: release }
  })
}
