/** A tree whose keys are known, before anything of it is sent. */
import { readEntries } from '../../directory/reader.ts'
import type { Entry, Totals } from '../../directory/directory.ts'
import type { Key } from '../../hash/key.ts'
import type { DirectoryValues, Kept } from './directory-values.ts'

/** A directory of the tree. */
export interface HashedDirectory extends Totals {
  /** Its path below the root, its parts joined by slashes; empty for the root. */
  readonly relative: string
  readonly key: Key
  /** Bytes of the directory value. */
  readonly bytes: number
  /** Levels below it: 0 where it has no directories. */
  readonly height: number
  readonly children: readonly HashedDirectory[]
  readonly kept: Kept
}

interface Parts {
  readonly root: HashedDirectory
  readonly directories: number
  readonly readFiles: number
  readonly values: DirectoryValues
  readonly distrust: () => void
}

/** To be closed. */
export class HashedTree {
  readonly root: HashedDirectory
  /** Number of directories, the root included. */
  readonly directories: number
  /** Files that were read: the keys of the others were remembered. */
  readonly readFiles: number
  /** Forgets the keys of its files: one of them is wrong. */
  readonly distrust: () => void
  readonly #values: DirectoryValues

  constructor({ root, directories, readFiles, values, distrust }: Parts) {
    this.root = root
    this.directories = directories
    this.readFiles = readFiles
    this.distrust = distrust
    this.#values = values
  }

  valueOf({ kept }: HashedDirectory): Uint8Array {
    return this.#values.read(kept)
  }

  entriesOf(directory: HashedDirectory): Iterable<readonly [string, Entry]> {
    return readEntries(this.valueOf(directory))
  }

  close(): void {
    this.#values.close()
  }
}
