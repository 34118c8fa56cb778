/** One directory of many: to a folder named after its key (R007-262). */
import { lstatSync } from 'node:fs'
import type { Client } from '../../src/daemon/client/client.ts'
import type { SmallValues } from '../../src/daemon/client/small-values.ts'
import { parseKey } from '../../src/hash/key.ts'
import { extractTree } from '../../src/tree/extract/extract-tree.ts'
import { updateTree } from '../../src/tree/extract/update-tree.ts'
import type { ValueReader } from '../../src/tree/read/value-reader.ts'
import { withFlagsInHints } from './flags-in-hints.ts'
import { extractOptions } from './get-tree.ts'

export interface FolderCalls {
  readonly client: Client
  readonly small: SmallValues
  readonly signal: AbortSignal
}

/** A new folder appears whole; one that is there is brought to the state of the directory. */
export async function getFolder(
  { client, small, signal }: FolderCalls,
  key: string,
  path: string,
): Promise<void> {
  const reader: ValueReader = {
    get: (of, { range } = {}) => client.get(of.toString(), range),
    getSmall: (of, size) => small.get(of.toString(), size),
  }
  const options = await extractOptions(undefined, key, signal)
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined
  const write = isThere ? updateTree : extractTree
  await withFlagsInHints(() => write(reader, parseKey(key), path, options), path)
}
