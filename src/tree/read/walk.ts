/**
 * Walks a stored tree in order, depth first. Memory does not grow with the tree: of each directory
 * on the way to the present entry it keeps only how far the walk is in it.
 */
import type { DirectoryEntry, Entry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { DIRECTORY_DEPTH } from '../../limits.ts'
import type { Listing } from './listing.ts'
import type { Listings } from './listings.ts'
import { naming } from './naming.ts'

/** Directories that are fetched before their turn. */
const AHEAD = 16

/** An entry, with `enter` and `leave` around what is below a directory. */
export type Step =
  | {
      readonly type: 'enter'
      readonly name: string
      readonly entry: DirectoryEntry
      readonly listing: Listing
    }
  | { readonly type: 'leave' }
  | {
      readonly type: 'entry'
      readonly name: string
      readonly entry: Exclude<Entry, DirectoryEntry>
    }

interface Frame {
  readonly key: Key
  /** In the directory above; empty for the root. */
  readonly name: string
  /** Of the next entry. */
  position: number
  /** Up to where subdirectories were fetched ahead. */
  ahead: number
}

/**
 * The steps from the entries of `root` on: the root itself is not entered. With `enters`, only
 * directories for which it returns true are entered. Errors: as `Listings.get`; `too-large` beyond
 * `DIRECTORY_DEPTH`.
 */
export async function* walkTree(
  listings: Listings,
  root: Key,
  enters: (name: string, entry: DirectoryEntry) => boolean = () => true,
): AsyncGenerator<Step, void, undefined> {
  const stack: Frame[] = [{ key: root, name: '', position: 0, ahead: 0 }]
  for (;;) {
    const frame = stack.at(-1)!
    const { entries } = await listings.get(frame.key)
    let below: readonly [string, DirectoryEntry] | undefined
    while (below === undefined && frame.position < entries.length) {
      const [name, entry] = entries[frame.position++]!
      if (entry.type !== 'directory') yield { type: 'entry', name, entry }
      else if (enters(name, entry)) below = [name, entry]
    }
    if (below === undefined) {
      stack.pop()
      if (stack.length === 0) return
      yield { type: 'leave' }
      continue
    }
    if (stack.length === DIRECTORY_DEPTH) {
      throw new DstoreError('too-large', `the tree has more than ${DIRECTORY_DEPTH} levels`)
    }
    fetchAhead(listings, frame, entries)
    const [name, entry] = below
    const key = new Key(entry.digest, 'directory')
    const listing = await listings.get(key).catch((error: unknown) => {
      const above = stack.slice(1).map((one) => one.name)
      throw naming([...above, name].join('/'), error)
    })
    yield { type: 'enter', name, entry, listing }
    stack.push({ key, name, position: 0, ahead: 0 })
  }
}

function fetchAhead(listings: Listings, frame: Frame, entries: Listing['entries']): void {
  let count = 0
  for (let at = frame.position; at < entries.length && count < AHEAD; at++) {
    const [, entry] = entries[at]!
    if (entry.type !== 'directory') continue
    count++
    if (at < frame.ahead) continue
    frame.ahead = at + 1
    listings.fetchAhead(entry.digest)
  }
}
