/**
 * The symbolic links of a tree. They are made after everything else, so that nothing is ever
 * written through one (R008-64).
 */
import type { Key } from '../../hash/key.ts'
import type { Listings } from '../read/listings.ts'
import { walkTree } from '../read/walk.ts'
import type { Folder } from './folder.ts'

/** Links that are remembered; of more of them, a second walk of the tree finds all. */
const REMEMBERED = 50_000

interface Link {
  /** The folders on the way to it. */
  readonly folders: readonly string[]
  readonly name: string
  readonly target: string
}

export class Links {
  #all: Link[] | undefined = []

  /** Remembers one; `folders` must not be changed afterwards. */
  add(folders: readonly string[], name: string, target: string): void {
    this.#all?.push({ folders, name, target })
    if (this.#all !== undefined && this.#all.length > REMEMBERED) this.#all = undefined
  }

  /** Calls `make` for each of them, with its folder open, and `done` for each folder. */
  async each(
    top: Folder,
    listings: Listings,
    root: Key,
    make: (folder: Folder, name: string, target: string) => void,
    done: (folder: Folder) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    let open: { readonly folders: readonly string[]; readonly folder: Folder } | undefined
    try {
      for await (const { folders, name, target } of this.#all ?? linksIn(listings, root)) {
        if (open?.folders !== folders) {
          if (open !== undefined) await done(open.folder)
          open?.folder.release()
          open = undefined
          open = { folders, folder: folderAt(top, folders) }
        }
        make(open.folder, name, target)
      }
      if (open !== undefined) await done(open.folder)
    } finally {
      open?.folder.release()
    }
  }
}

async function* linksIn(listings: Listings, root: Key): AsyncGenerator<Link, void, undefined> {
  let folders: readonly string[] = []
  for await (const step of walkTree(listings, root)) {
    if (step.type === 'enter') folders = [...folders, step.name]
    else if (step.type === 'leave') folders = folders.slice(0, -1)
    else if (step.entry.type === 'link') {
      yield { folders, name: step.name, target: step.entry.target }
    }
  }
}

function folderAt(top: Folder, folders: readonly string[]): Folder {
  let folder = top.hold()
  for (const name of folders) {
    try {
      const below = folder.enter(name)
      folder.release()
      folder = below
    } catch (error) {
      folder.release()
      throw error
    }
  }
  return folder
}
