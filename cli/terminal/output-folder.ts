/** A directory in which one command writes values to files named after their keys (R007-94). */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import { makeDirectories } from '../../src/store/file/directories.ts'
import { unwritableFile } from '../../src/store/file/file-faults.ts'
import { fileOutput } from './file-output.ts'
import { writeFault, type Output } from './output.ts'
import { createPartialFile } from './partial-file.ts'

export class OutputFolder {
  readonly #path: string
  /** The key of each file that this command has written, by the file's device and inode. */
  readonly #keys = new Map<string, string>()

  private constructor(path: string) {
    this.#path = path
  }

  /** Creates the directory if missing; `unwritable` if no file can be made in it (R007-99). */
  static async create(path: string): Promise<OutputFolder> {
    makeDirectory(path)
    const probe = await createPartialFile(path).catch((error: unknown) => {
      throw writeFault(error, path)
    })
    await probe.discard()
    return new OutputFolder(path)
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

function makeDirectory(path: string): void {
  // With a umask that takes from the owner, nothing could be written to it.
  const umask = process.umask()
  process.umask(umask & 0o077)
  try {
    makeDirectories(path, 0o777)
  } catch (cause) {
    throw unwritableFile(`create the directory ${path}`, cause)
  } finally {
    process.umask(umask)
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
