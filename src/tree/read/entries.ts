/** The entries of a stored directory as facts, for lists (specs/008-directories.md). */
import type { Entry } from '../../directory/directory.ts'
import type { Key } from '../../hash/key.ts'
import { keyOf } from './entry-at.ts'
import type { Listings } from './listings.ts'
import { walkTree } from './walk.ts'

/** An entry below a directory. */
export type EntryFacts = { readonly path: string } & (
  | {
      readonly type: 'file'
      readonly key: Key
      /** Bytes. */
      readonly size: number
      readonly executable: boolean
    }
  | {
      readonly type: 'directory'
      readonly key: Key
      /** Bytes of all files below it. */
      readonly size: number
      /** Number of files below it. */
      readonly files: number
    }
  | { readonly type: 'link'; readonly target: string }
)

export function factsOf(path: string, entry: Entry): EntryFacts {
  switch (entry.type) {
    case 'link':
      return { path, type: 'link', target: entry.target }
    case 'file': {
      const { size, executable } = entry
      return { path, type: 'file', key: keyOf(entry), size, executable }
    }
    case 'directory': {
      const { size, files } = entry
      return { path, type: 'directory', key: keyOf(entry), size, files }
    }
  }
}

/**
 * The entries of a directory in bytewise order of their names, with `recursive` those below each
 * directory right after it; `path` is relative to `directory`. Errors: as `Listings.get`.
 */
export async function* entriesOf(
  listings: Listings,
  directory: Key,
  recursive: boolean = false,
): AsyncGenerator<EntryFacts, void, undefined> {
  if (!recursive) {
    const { entries } = await listings.get(directory)
    for (const [name, entry] of entries) yield factsOf(name, entry)
    return
  }
  const above: string[] = []
  const pathOf = (name: string): string => [...above, name].join('/')
  for await (const step of walkTree(listings, directory)) {
    if (step.type === 'entry') yield factsOf(pathOf(step.name), step.entry)
    else if (step.type === 'leave') above.pop()
    else {
      yield factsOf(pathOf(step.name), step.entry)
      above.push(step.name)
    }
  }
}
