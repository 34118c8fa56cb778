/** A directory in which one command writes values to files named after their keys (R007-94). */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import { fileOutput, type Output } from './output.ts'

export class OutputFolder {
  readonly #path: string
  /** The key of each file that this command has written, by the file's device and inode. */
  readonly #keys = new Map<string, string>()

  /** Creates the directory if it is missing; else `unwritable`. */
  constructor(path: string) {
    this.#path = path
    try {
      mkdirSync(path, { recursive: true })
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new DstoreError('unwritable', `cannot create the directory ${path} (${code})`, {
        cause,
      })
    }
  }

  /** Has this command written the value? A key may be asked for by several names and spellings. */
  has(key: string): boolean {
    return this.#keys.get(fileAt(join(this.#path, key))) === key
  }

  /**
   * The file for a value. `conflict` if it has another value of this command: a link in the
   * directory, or a file system that takes two names for one, can lead both to one file.
   */
  async open(key: string): Promise<Output> {
    const path = join(this.#path, key)
    const other = this.#keys.get(fileAt(path))
    if (other !== undefined) {
      throw new DstoreError('conflict', `cannot write to ${path}: it has the value of ${other}`)
    }
    const output = await fileOutput(path)
    const commit = async (): Promise<void> => {
      await output.commit()
      const file = fileAt(path)
      if (file !== '') this.#keys.set(file, key)
    }
    return {
      write: (bytes) => output.write(bytes),
      commit,
      discard: () => output.discard(),
    }
  }
}

/** What tells the regular file at a path from every other; empty if there is none. */
function fileAt(path: string): string {
  try {
    const found = statSync(path, { bigint: true })
    return found.isFile() ? `${found.dev}:${found.ino}` : ''
  } catch {
    return ''
  }
}
