/** A revision that is a directory of dstore. */
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { keptListings } from '../../daemon/http/trees/kept-listings.ts'
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'
import { sendValue } from '../../daemon/http/value-handlers.ts'
import type { Entry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { HF_PATH_BYTES } from '../../limits.ts'
import { entryNamed, firstFrom, keyOf } from '../../tree/read/entry-at.ts'
import type { Listing } from '../../tree/read/listing.ts'
import { Turns } from '../../tree/turns.ts'
import type { HfEntry, HfFile, Snapshot, WalkOptions } from './snapshot.ts'

/** Links in a row that are followed. */
const LINKS = 8

/** The digits that clients have for a commit, a blob and a tree. */
export const oidOf = (key: Key): string => key.toHex().slice(0, 40)

interface Frame {
  readonly key: Key
  /** Its path, with a slash at its end unless it is empty. */
  readonly at: string
  /** Of the next entry. */
  position: number
}

export class TreeSnapshot implements Snapshot {
  readonly commit: string
  readonly modifiedAt: string | undefined
  readonly #call: DoorCall
  readonly #root: Key

  /** A directory as this request sees it. `commit`: what its revision is called instead. */
  constructor(call: DoorCall, root: Key, about: { commit?: string; modifiedAt?: string } = {}) {
    this.#call = call
    this.#root = root
    this.commit = about.commit ?? oidOf(root)
    this.modifiedAt = about.modifiedAt
  }

  async at(path: string): Promise<HfEntry | undefined> {
    const found = await this.#find(path)
    return found && entryOf(path, found)
  }

  async *walk(folder: string, { recursive, after }: WalkOptions): AsyncGenerator<HfEntry> {
    const start = await this.#find(folder)
    if (start?.type !== 'directory') return
    const base = folder === '' ? '' : `${folder}/`
    const stack: Frame[] = [{ key: keyOf(start), at: base, position: 0 }]
    if (after?.startsWith(base) === true) {
      await this.#resume(stack, after.slice(base.length).split('/'), recursive)
    }
    const turns = new Turns(this.#call.signal)
    // Of the folders on the way it keeps only how far it is in them.
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const { entries } = await this.#listing(frame.key)
      let below: Frame | undefined
      while (below === undefined && frame.position < entries.length) {
        // Where all is in memory, nothing else would wait.
        if (turns.isDue) await turns.pause()
        const [name, entry] = entries[frame.position++]!
        // No request leads there, and one such file would fail the download of all.
        if (/\p{Cc}/u.test(name)) continue
        const path = `${frame.at}${name}`
        const shown = await this.#shown(path, entry)
        if (shown === undefined) continue
        checkLength(path)
        yield entryOf(path, shown)
        if (entry.type !== 'directory' || !recursive) continue
        below = { key: keyOf(entry), at: `${path}/`, position: 0 }
      }
      if (below === undefined) stack.pop()
      else stack.push(below)
    }
  }

  async send(call: DoorCall, { path }: HfFile): Promise<void> {
    const found = await this.#find(path)
    if (found?.type !== 'file') throw new DstoreError('not-found', `no such file: ${path}`)
    const key = keyOf(found)
    call.reach(key)
    await sendValue(call, key, mediaTypeOf(path))
  }

  /** Frames behind the entry with this path, as far as it is there. */
  async #resume(stack: Frame[], path: readonly string[], recursive: boolean): Promise<void> {
    for (const [i, name] of path.entries()) {
      const frame = stack.at(-1)!
      const { entries } = await this.#listing(frame.key)
      frame.position = firstFrom(entries, name)
      const [found, entry] = entries[frame.position] ?? []
      if (found !== name) return
      frame.position++
      if (entry?.type !== 'directory' || !recursive) return
      stack.push({ key: keyOf(entry), at: `${frame.at}${name}/`, position: 0 })
      if (i === path.length - 1) return
    }
  }

  /** A file or directory at this path; a link is followed. */
  async #find(path: string): Promise<Exclude<Entry, { type: 'link' }> | undefined> {
    if (path === '') return { type: 'directory', digest: this.#root.digest, size: 0, files: 0 }
    const entry = await this.#entryAt(path)
    if (entry?.type !== 'link') return entry
    return this.#shown(path, entry)
  }

  /**
   * What a client sees of an entry: of a link, the file in this revision that it leads to. Clients
   * know no links, and one to a folder could lead round in circles.
   */
  async #shown(path: string, entry: Entry): Promise<Exclude<Entry, { type: 'link' }> | undefined> {
    let at: string | undefined = path
    let found: Entry | undefined = entry
    for (let hops = 0; found?.type === 'link'; hops++) {
      if (hops === LINKS) return undefined
      at = targetOf(at, found.target)
      if (at === undefined) return undefined
      found = await this.#entryAt(at)
      if (found?.type === 'directory') return undefined
    }
    return found
  }

  async #entryAt(path: string): Promise<Entry | undefined> {
    let entry: Entry | undefined = {
      type: 'directory',
      digest: this.#root.digest,
      size: 0,
      files: 0,
    }
    for (const name of path.split('/')) {
      if (entry?.type !== 'directory') return undefined
      const { entries } = await this.#listing(keyOf(entry))
      entry = entryNamed(entries, name)
    }
    return entry
  }

  async #listing(key: Key): Promise<Listing> {
    const { node, reach, signal } = this.#call
    if (!key.equals(this.#root)) reach(key)
    return keptListings.get(node, key, { signal })
  }
}

function entryOf(path: string, entry: Exclude<Entry, { type: 'link' }>): HfEntry {
  const key = keyOf(entry)
  const oid = oidOf(key)
  if (entry.type === 'directory') return { type: 'folder', path, oid }
  const text = key.toString()
  return { type: 'file', path, size: entry.size, oid, etag: text, key: text }
}

/** The path in the repository that a link leads to; undefined if it leads out. */
function targetOf(path: string, target: string): string | undefined {
  if (target.startsWith('/')) return undefined
  const parts = path.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.length === 0 ? undefined : parts.join('/')
}

function checkLength(path: string): void {
  if (Buffer.byteLength(path) <= HF_PATH_BYTES) return
  const start = path.slice(0, 100)
  throw new DstoreError('too-large', `a path has more than ${HF_PATH_BYTES} bytes: ${start}...`)
}
