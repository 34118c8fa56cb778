/** The key of a folder, for `dstore cid`: what `put` would print, without a daemon (R007-281). */
import { hashTree } from '../../src/tree/put/hash-tree.ts'
import type { IgnoreRules } from '../../src/tree/put/walk/ignore-rules.ts'
import type { Invocation } from '../command.ts'
import { withFlagsInHints } from './flags-in-hints.ts'
import { showFolder } from './folder-progress.ts'

export interface FolderKey {
  readonly key: string
  /** Bytes of all files below it. */
  readonly totalSize: number
  readonly files: number
}

export async function keyOfFolder(
  { flags, signal, terminal }: Invocation,
  folder: string,
  ignore: IgnoreRules | undefined,
): Promise<FolderKey> {
  const { follow = false } = flags
  return terminal.withProgress(folder, async (line) => {
    const onTreeProgress = showFolder(line, folder)
    const tree = await withFlagsInHints(() =>
      hashTree(folder, { label: folder, follow, ignore, signal, onTreeProgress }),
    )
    const { key, size, files } = tree.root
    tree.close()
    return { key: key.toString(), totalSize: size, files }
  })
}
