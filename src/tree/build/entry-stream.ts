/** Entries of a tree that come one after another, such as those of a tar file. */
import type { Entry } from '../../directory/directory.ts'
import { faultOfName, faultOfTarget } from '../../directory/names.ts'
import { DstoreError } from '../../errors.ts'
import type { PathEntry } from './build-tree.ts'

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

/** The entries that came, as a tree: of two at one path the later one counts. */
export class StreamedTree {
  readonly #entries = new Map<string, Entry | undefined>()

  get size(): number {
    return this.#entries.size
  }

  /** Errors: `usage` for a path that is none. */
  set(path: string, entry: Entry | undefined): void {
    if (path === '' && entry === undefined) return
    checkPath(path)
    this.#entries.set(path, entry)
  }

  /** The file at a path; undefined for anything else. */
  file(path: string): Extract<Entry, { readonly type: 'file' }> | undefined {
    const entry = this.#entries.get(path)
    return entry?.type === 'file' ? entry : undefined
  }

  /** All of them. Errors: `usage` for a link that leads out of the tree. */
  *entries(): Generator<PathEntry, void, undefined> {
    for (const [path, entry] of this.#entries) {
      if (entry?.type === 'link' && this.#leads(path, entry.target) === 'out') {
        throw new DstoreError('usage', `${path} is a link out of the directory: ${entry.target}`, {
          hint: 'leave it out, or store what it points to: tar has --exclude and --dereference',
        })
      }
      yield { path, entry }
    }
  }

  /** Where a link leads that stands at a path, through other links as a file system would. */
  #leads(path: string, target: string): 'in' | 'out' {
    const at = path.split('/').slice(0, -1)
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
      const next = this.#entries.get(at.join('/'))
      if (next?.type !== 'link') continue
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
