/** Entries of a tree that come one after another, such as those of a tar file. */
import type { Entry, FileEntry } from '../../directory/directory.ts'
import { faultOfName, faultOfTarget } from '../../directory/names.ts'
import { DstoreError } from '../../errors.ts'
import { SpooledTree, type SpooledDirectory } from './spooled/spooled-tree.ts'

/** What a stream has at a path, whose names are joined by slashes; empty for the root. */
export type StreamEntry = { readonly path: string } & (
  | {
      readonly type: 'file'
      /** Bytes. */
      readonly size: number
      readonly executable: boolean
      /** To be read before the next entry is asked for. Their pieces stay as they are. */
      readonly bytes: AsyncIterable<Uint8Array>
    }
  | { readonly type: 'directory' }
  | { readonly type: 'link'; readonly target: string }
  /** The file that came at another path before. */
  | { readonly type: 'same'; readonly as: string }
)

/** Links on the way to one target; file systems follow no more, either. */
const LINKS = 40

/** The entries that came, as a tree: of two at one path the later one counts. To be closed. */
export class StreamedTree {
  readonly #tree = new SpooledTree()

  /** Entries and folders. */
  get size(): number {
    return this.#tree.size
  }

  /** Errors: `usage` for a path that is none; those of `SpooledTree.set`. */
  set(path: string, entry: Exclude<Entry, { readonly type: 'directory' }> | undefined): void {
    if (path === '' && entry === undefined) return
    checkPath(path)
    this.#tree.set(path, entry)
  }

  /** The file at a path; undefined for anything else. */
  file(path: string): FileEntry | undefined {
    const entry = this.#tree.get(path.split('/'))
    return typeof entry === 'object' && entry.type === 'file' ? entry : undefined
  }

  /** Errors: `usage` for a link that leads out of the tree. */
  checkLinks(): void {
    for (const { names, target } of this.#tree.links()) {
      if (this.#leads(names, target) === 'in') continue
      const message = `${names.join('/')} is a link out of the directory: ${target}`
      throw new DstoreError('usage', message, {
        hint: 'leave it out, or store what it points to: tar has --exclude and --dereference',
      })
    }
  }

  /** As `SpooledTree.directories`. */
  directories(): Iterable<SpooledDirectory> {
    return this.#tree.directories()
  }

  close(): void {
    this.#tree.close()
  }

  /** Where a link leads that stands at a path, through other links as a file system would. */
  #leads(path: readonly string[], target: string): 'in' | 'out' {
    const at = path.slice(0, -1)
    const rest = target.split('/').toReversed()
    if (target.startsWith('/')) return 'out'
    for (let links = 0; rest.length > 0;) {
      const part = rest.pop()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (at.pop() === undefined) return 'out'
        continue
      }
      at.push(part)
      const next = this.#tree.get(at)
      if (typeof next !== 'object' || next.type !== 'link') continue
      if (next.target.startsWith('/')) return 'out'
      // A loop leads nowhere, so not out of the tree.
      if (++links > LINKS) return 'in'
      at.pop()
      rest.push(...next.target.split('/').toReversed())
    }
    return 'in'
  }
}

function checkPath(path: string): void {
  for (const name of path.split('/')) {
    const fault = faultOfName(name)
    if (fault === undefined) continue
    throw new DstoreError(
      'usage',
      `not a path in a directory: ${shown(path)}: a name in it: ${fault}`,
    )
  }
}

/** Errors: `usage` for a text that no link in a directory has. */
export function checkTarget(path: string, target: string): void {
  const fault = faultOfTarget(target)
  if (fault === undefined) return
  throw new DstoreError('usage', `${shown(path)} is a link that no directory can have: ${fault}`)
}

/** Halves of surrogate pairs stand for bytes that are not UTF-8. */
export const shown = (path: string): string => Buffer.from(path).toString()
