/** Versions of a tree that share all files but one, and what a putter of them does. */
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import { totalsOf, type Entry } from '../../../src/directory/directory.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { Node } from '../../../src/node/node.ts'
import { putValues } from '../../node/put-tree.ts'

/** Versions that processes put and remove. */
export const VERSIONS = 4

const FOLDER_FILES = 50

export interface Version {
  readonly root: Key
  readonly files: readonly Uint8Array[]
  /** Children before parents. */
  readonly directories: readonly { readonly key: Key; readonly bytes: Uint8Array }[]
}

/** A tree of this many files in folders, of which the middle one is that of the version alone. */
export function versionOf(version: number, files: number): Version {
  const values: Uint8Array[] = []
  const directories: { key: Key; bytes: Uint8Array }[] = []
  const directory = (entries: readonly (readonly [string, Entry])[]): Entry => {
    const bytes = encodeDirectory(entries)
    const { digest } = hash(bytes)
    directories.push({ key: new Key(digest, 'directory'), bytes })
    return { type: 'directory', digest, ...totalsOf(new Map(entries)) }
  }
  const folders: [string, Entry][] = []
  for (let start = 0; start < files; start += FOLDER_FILES) {
    const entries: [string, Entry][] = []
    for (let i = start; i < Math.min(files, start + FOLDER_FILES); i++) {
      const own = i === files >> 1 ? ` of version ${version}` : ''
      const bytes = Buffer.from(`file ${i}${own}`)
      const { digest, size } = hash(bytes)
      values.push(bytes)
      entries.push([`${i}`, { type: 'file', digest, size, executable: false }])
    }
    folders.push([`folder ${start}`, directory(entries)])
  }
  directory(folders)
  return { root: directories.at(-1)!.key, files: values, directories }
}

/** Puts all of it under a hold, and commits it with a name. */
export async function putVersion(node: Node, version: Version, name: string): Promise<void> {
  const trees = node.trees
  const { root, files, directories } = version
  const hold = await trees.openHold()
  const bytes = [...files, ...directories.map((one) => one.bytes)]
  const keys = bytes.map((one) => new Key(hash(one).digest))
  const there = await trees.present(hold, keys)
  await putValues(
    node,
    hold,
    bytes.filter((_, i) => !there[i]!),
  )
  const level = directories.slice(0, -1).map(({ key }) => key)
  for (const keysOfLevel of [level, [root]]) {
    for (const { key, missing } of await trees.makeDirectories(hold, keysOfLevel)) {
      if (missing.length > 0) throw new Error(`${key.toString()} lacks ${missing.join(', ')}`)
    }
  }
  await trees.commitTree(hold, root, { name })
}
