/** Makes the directories of a list of paths (specs/008-directories.md, "Format"). Pure. */
import { encodeDirectory } from '../../directory/encoder.ts'
import { faultOfName } from '../../directory/names.ts'
import { totalsOf, type DirectoryEntry, type Entry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { DIRECTORY_DEPTH } from '../../limits.ts'

/** What is at a path. The names in it are joined by slashes. */
export interface PathEntry {
  readonly path: string
  /** Undefined for a directory without entries of its own. */
  readonly entry: Entry | undefined
}

export interface BuiltDirectory {
  readonly key: Key
  readonly bytes: Uint8Array
}

export interface BuiltTree {
  readonly root: Key
  /** Each once, in groups: those of a group come after all that are below them. */
  readonly levels: readonly (readonly BuiltDirectory[])[]
}

/** A folder that is being filled: an entry or another folder under each name. */
type Folder = Map<string, Entry | Folder>

/**
 * The directories of these entries, in any order. Errors: `usage` for a path that is none, or is
 * there twice, or goes on below a file; `too-large`.
 */
export function buildTree(entries: Iterable<PathEntry>): BuiltTree {
  const root: Folder = new Map()
  for (const { path, entry } of entries) add(root, path, entry)
  const levels: Map<string, BuiltDirectory>[] = []
  const { digest } = build(root, levels).entry
  const groups = levels.map((level) => [...level.values()])
  return { root: new Key(digest, 'directory'), levels: groups }
}

function add(root: Folder, path: string, entry: Entry | undefined): void {
  const names = path.split('/')
  // The root is a level, and a directory at the end of the path is another.
  const depth = names.length + Number(entry === undefined)
  if (depth > DIRECTORY_DEPTH) {
    throw new DstoreError('too-large', `a tree has at most ${DIRECTORY_DEPTH} levels: ${path}`)
  }
  let folder = root
  for (const [at, name] of names.entries()) {
    const fault = faultOfName(name)
    if (fault !== undefined) {
      throw new DstoreError('usage', `not a path in a directory: ${path}: a name in it: ${fault}`)
    }
    const isLast = at === names.length - 1
    const before = folder.get(name)
    if (isLast && entry !== undefined) {
      if (before !== undefined) throw twice(path)
      folder.set(name, entry)
    } else if (before === undefined) {
      const next: Folder = new Map()
      folder.set(name, next)
      folder = next
    } else if (before instanceof Map) folder = before
    else throw twice(names.slice(0, at + 1).join('/'))
  }
}

/** Its entry in the folder above, and how many levels are below it. */
function build(
  folder: Folder,
  levels: Map<string, BuiltDirectory>[],
): { readonly entry: DirectoryEntry; readonly height: number } {
  let height = 0
  const entries = [...folder].map(([name, one]): [string, Entry] => {
    if (!(one instanceof Map)) return [name, one]
    const below = build(one, levels)
    height = Math.max(height, below.height + 1)
    return [name, below.entry]
  })
  const bytes = encodeDirectory(entries)
  const key = new Key(hash(bytes).digest, 'directory')
  levels[height] ??= new Map()
  levels[height]!.set(key.toHex(), { key, bytes })
  return { entry: { type: 'directory', digest: key.digest, ...totalsOf(new Map(entries)) }, height }
}

const twice = (path: string): DstoreError =>
  new DstoreError('usage', `two entries are at one path: ${path}`)
