/** A commit of the upstream as the handlers serve it: folders are those that its files lie in. */
import { createHash } from 'node:crypto'
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import { foldersAbove } from '../../../tree/folders-above.ts'
import type { HfEntry, HfFile, HfFolder, Snapshot, WalkOptions } from '../snapshot.ts'
import { etagOf, orderOf, type ListedFile, type Listing } from './listing.ts'

export class ListingSnapshot implements Snapshot {
  readonly commit: string
  readonly modifiedAt: string | undefined
  readonly #files: readonly ListedFile[]
  readonly #send: (call: DoorCall, file: ListedFile) => Promise<void>

  constructor(
    { commit, modifiedAt, files }: Listing,
    send: (call: DoorCall, file: ListedFile) => Promise<void>,
  ) {
    this.commit = commit
    this.modifiedAt = modifiedAt
    this.#files = files
    this.#send = send
  }

  async at(path: string): Promise<HfEntry | undefined> {
    if (path === '') return this.#folder('')
    const file = this.#files[this.#firstFrom(path)]
    if (file === undefined) return undefined
    if (file.path === path) return shown(file)
    return file.path.startsWith(`${path}/`) ? this.#folder(path) : undefined
  }

  async *walk(folder: string, { recursive, after }: WalkOptions): AsyncGenerator<HfEntry> {
    const prefix = folder === '' ? '' : `${folder}/`
    const from = after === undefined ? '' : orderOf(after)
    const isNew = (path: string): boolean => after === undefined || orderOf(path) > from
    let at = this.#firstFrom(after !== undefined && !isNew(prefix) ? after : prefix)
    for (;;) {
      const file = this.#files[at]
      if (file === undefined || !file.path.startsWith(prefix)) return
      const before = this.#files[at - 1]?.path
      for (const path of foldersAbove(file.path, prefix.length)) {
        const isSeen = before?.startsWith(`${path}/`) === true
        if (!isSeen && isNew(path)) yield this.#folder(path)
        if (!recursive) break
      }
      const slash = file.path.indexOf('/', prefix.length)
      if (slash === -1 || recursive) {
        if (isNew(file.path)) yield shown(file)
        at++
      } else {
        // Behind all that lies in this folder: no path has a control character.
        at = this.#firstFrom(`${file.path.slice(0, slash)}\u0001`)
      }
    }
  }

  send(call: DoorCall, { path }: HfFile): Promise<void> {
    return this.#send(call, this.#files[this.#firstFrom(path)]!)
  }

  /** The index of the first file that is not before this path. */
  #firstFrom(path: string): number {
    const order = orderOf(path)
    let [low, high] = [0, this.#files.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (orderOf(this.#files[middle]!.path) < order) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Its id stands for this folder of this commit, and for no bytes. */
  #folder(path: string): HfFolder {
    const oid = createHash('sha1').update(`${this.commit}/${path}`).digest('hex')
    return { type: 'folder', path, oid }
  }
}

const shown = (file: ListedFile): HfFile => ({
  type: 'file',
  path: file.path,
  size: file.size,
  oid: file.oid,
  etag: etagOf(file),
  key: file.key,
  ...(file.lfs !== undefined && { lfs: file.lfs }),
})
