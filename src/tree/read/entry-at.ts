/** Finds the entry that a path leads to in a stored tree (specs/008-directories.md, R008-63). */
import type { DirectoryEntry, Entry, FileEntry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { Listing } from './listing.ts'
import type { Listings } from './listings.ts'
import type { TreeWord } from './tree-word.ts'

/** The key of what an entry stands for. */
export const keyOf = ({ digest, type }: FileEntry | DirectoryEntry): Key =>
  new Key(digest, type === 'directory' ? 'directory' : 'bytes')

/**
 * The entry at the end of a path; undefined for an empty path, which leads to the key itself.
 * Errors: `not-found`, which names the part of the path that is not there or is no directory; those
 * of `Listings.get`.
 */
export async function entryAt(
  listings: Pick<Listings, 'get'>,
  { key, path, root }: TreeWord,
): Promise<Entry | undefined> {
  let entry: Entry | undefined
  let directory: Key | undefined = key.kind === 'directory' ? key : undefined
  let here = root
  for (const name of path) {
    if (directory === undefined) throw notBelow(here, name, entry)
    const { entries } = await listings.get(directory)
    entry = entryNamed(entries, name)
    if (entry === undefined) throw new DstoreError('not-found', `no such path: ${here}/${name}`)
    directory = entry.type === 'directory' ? keyOf(entry) : undefined
    here = `${here}/${name}`
  }
  return entry
}

/** The same; a symbolic link is refused with `usage`, as what is wanted is a value. */
export async function valueAt(
  listings: Listings,
  word: TreeWord,
): Promise<FileEntry | DirectoryEntry | undefined> {
  const entry = await entryAt(listings, word)
  if (entry?.type !== 'link') return entry
  const text = `${word.root}/${word.path.join('/')}`
  throw new DstoreError(
    'usage',
    `${text} is a symbolic link to ${entry.target}, which has no value`,
  )
}

function notBelow(here: string, name: string, entry: Entry | undefined): DstoreError {
  const message = `no such path: ${here}/${name}: ${here} is no directory`
  const hint = entry?.type === 'link' ? `it is a symbolic link to ${entry.target}` : undefined
  return new DstoreError('not-found', message, hint === undefined ? {} : { hint })
}

/** The entry with this name, of a listing. */
export function entryNamed(entries: Listing['entries'], name: string): Entry | undefined {
  const [found, entry] = entries[firstFrom(entries, name)] ?? []
  return found === name ? entry : undefined
}

/** The position of the first entry whose name is this one, or comes after it. */
export function firstFrom(entries: Listing['entries'], name: string): number {
  const wanted = Buffer.from(name)
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare(Buffer.from(entries[middle]![0]), wanted) < 0) low = middle + 1
    else high = middle
  }
  return low
}
