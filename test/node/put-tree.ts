/** Puts a tree by the calls of a node, as simply as they allow. */
import { encodeDirectory } from '../../src/directory/encoder.ts'
import type { Entry } from '../../src/directory/directory.ts'
import { totalsOf } from '../../src/directory/directory.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { INLINE_VALUE_BYTES } from '../../src/limits.ts'
import type { CommitTreeOptions, HoldId, Node, PutResult } from '../../src/node/node.ts'
import { once } from '../../src/bytes.ts'

/** Files, directories, and links, which are texts. */
export interface Tree {
  readonly [name: string]: Uint8Array | Tree | string
}

/** A tree's values, directories after what is below them. */
export interface TreeValues {
  readonly root: Key
  readonly files: readonly Uint8Array[]
  readonly directories: readonly { readonly key: Key; readonly bytes: Uint8Array }[]
}

export function valuesOf(tree: Tree): TreeValues {
  const files: Uint8Array[] = []
  const directories: { key: Key; bytes: Uint8Array }[] = []
  const visit = (one: Tree): Entry & { type: 'directory' } => {
    const entries = Object.entries(one).map(([name, value]): [string, Entry] => {
      if (typeof value === 'string') return [name, { type: 'link', target: value }]
      if (!(value instanceof Uint8Array)) return [name, visit(value)]
      files.push(value)
      const { digest, size } = hash(value)
      return [name, { type: 'file', digest, size, executable: name.endsWith('.sh') }]
    })
    const bytes = encodeDirectory(entries)
    const { digest } = hash(bytes)
    directories.push({ key: new Key(digest, 'directory'), bytes })
    return { type: 'directory', digest, ...totalsOf(new Map(entries)) }
  }
  return { root: new Key(visit(tree).digest, 'directory'), files, directories }
}

/** Puts everything, and commits it. */
export async function putTree(
  node: Node,
  tree: Tree,
  name?: string,
  naming?: CommitTreeOptions['naming'],
): Promise<PutResult> {
  const trees = node.trees
  const hold = await trees.openHold()
  const { root, files, directories } = valuesOf(tree)
  await putValues(node, hold, [...files, ...directories.map(({ bytes }) => bytes)])
  for (const { key } of directories) {
    const [made] = await trees.makeDirectories(hold, [key])
    if (made!.missing.length > 0) throw new Error(`missing: ${made!.missing.join()}`)
  }
  return trees.commitTree(hold, root, {
    ...(name !== undefined && { name }),
    ...(naming && { naming }),
  })
}

export async function putValues(
  node: Node,
  hold: HoldId,
  values: readonly Uint8Array[],
): Promise<void> {
  await node.putMany(
    values.filter(({ byteLength }) => byteLength <= INLINE_VALUE_BYTES),
    { hold },
  )
  for (const bytes of values) {
    if (bytes.byteLength <= INLINE_VALUE_BYTES) continue
    await node.put({ bytes: once(bytes), size: bytes.byteLength }, { hold })
  }
}
