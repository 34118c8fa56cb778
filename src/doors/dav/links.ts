/**
 * Symbolic links of directories. A client sees the file that one leads to, as it cannot follow it:
 * only files inside the same directory count, and links to directories none, as those make circles.
 */
import type { Entry, FileEntry } from '../../directory/directory.ts'
import type { Key } from '../../hash/key.ts'
import { DAV_LINK_STEPS } from '../../limits.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { entryNamed, keyOf } from '../../tree/read/entry-at.ts'
import type { Directories } from './directories.ts'

/** How many names may still be followed for one listing. */
export interface StepsLeft {
  steps: number
}

/**
 * The file behind a link in the last of these directories, which lie in each other; undefined if it
 * leads elsewhere, or is too long.
 */
export async function fileBehind(
  call: Pick<DoorCall, 'reach'>,
  directories: Directories,
  within: readonly [Key, ...Key[]],
  target: string,
  left: StepsLeft = { steps: DAV_LINK_STEPS },
): Promise<FileEntry | undefined> {
  const keys: Key[] = [...within]
  const names = namesOf(target)
  if (names === undefined) return undefined
  let last: Entry | undefined
  for (let step = 0; names.length > 0; step++) {
    if (step === DAV_LINK_STEPS || left.steps-- <= 0) return undefined
    const name = names.shift()!
    // What lies behind a file, or above the outermost directory, is not there.
    if (last?.type === 'file') return undefined
    if (name === '..') {
      keys.pop()
      if (keys.length === 0) return undefined
      continue
    }
    const { entries } = await directories.get(keys.at(-1)!)
    last = entryNamed(entries, name)
    if (last === undefined) return undefined
    if (last.type === 'directory') {
      call.reach(keyOf(last))
      keys.push(keyOf(last))
    } else if (last.type === 'link') {
      const more = namesOf(last.target)
      if (more === undefined) return undefined
      names.unshift(...more)
      last = undefined
    }
  }
  return last?.type === 'file' ? last : undefined
}

/** The names in a target; undefined if it begins at the root of a file system. */
const namesOf = (target: string): string[] | undefined =>
  target.startsWith('/')
    ? undefined
    : target.split('/').filter((name) => name !== '' && name !== '.')
