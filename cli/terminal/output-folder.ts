/**
 * A directory in which one command writes values to files named after their keys, many at once
 * (R007-94, R007-202).
 */
import { lstatSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import { makeDirectories } from '../../src/store/file/directories.ts'
import { unwritableFile } from '../../src/store/file/file-faults.ts'
import { foldersAbove } from '../../src/tree/folders-above.ts'
import { fileOutput, newFileOutput, syncFolder } from './file-output.ts'
import { writeFault, type Output } from './output.ts'
import { createPartialFile } from './partial-file.ts'

export class OutputFolder {
  readonly #path: string
  /** The key of each file that this command has written, by the file's device and inode. */
  readonly #keys = new Map<string, string>()
  /** Files that were written and are not in that map yet. */
  #written: { readonly key: string; readonly place: string }[] = []
  /** Folders that this command has made: the directory, what is above it, and what is below. */
  readonly #made: string[]
  /** Folders with renames that are not durable yet. */
  readonly #unsynced = new Set<string>()
  /** Outputs that are open. */
  readonly #open = new Set<Promise<void>>()
  /** The last output through a link: others wait until it is closed. */
  #exclusive: Promise<void> = Promise.resolve()

  private constructor(path: string, made: string[]) {
    this.#path = path
    this.#made = made
  }

  /** Creates the directory if missing; `unwritable` if no file can be made in it (R007-99). */
  static async create(path: string): Promise<OutputFolder> {
    const made: string[] = []
    makeDirectory(path, (one) => made.push(one))
    const probe = await createPartialFile(path).catch((error: unknown) => {
      throw writeFault(error, path)
    })
    await probe.discard()
    return new OutputFolder(path, made)
  }

  /** Has this command written the value? A key may be asked for by several names and spellings. */
  has(key: string): boolean {
    return this.#keyAt(this.pathOf(key)) === key
  }

  /**
   * Throws unless each place can be reached: what is above it is a folder, or is not there. A link
   * is refused: it may lead out of the directory.
   */
  checkPlaces(places: readonly string[]): void {
    const seen = new Set<string>()
    for (const place of places) {
      for (const above of foldersAbove(place)) {
        if (seen.has(above)) continue
        seen.add(above)
        const found = lstatSync(this.pathOf(above), { throwIfNoEntry: false })
        if (found === undefined) break
        if (found.isDirectory()) continue
        const is = found.isSymbolicLink() ? 'a link' : 'no folder'
        const what = `cannot write to ${this.pathOf(place)}: ${this.pathOf(above)} is ${is}`
        throw new DstoreError('unwritable', what, { hint: 'write to another directory' })
      }
    }
  }

  /** Makes the folders above a place. */
  makeFolders(place: string): void {
    if (!place.includes('/')) return
    this.checkPlaces([place])
    makeDirectory(dirname(this.pathOf(place)), (made) => {
      this.#made.push(made)
      this.#unsynced.add(dirname(made))
    })
  }

  /**
   * The file for a value, by default named after its key. `conflict` if it has another value of
   * this command: a link in the directory, or a file system that takes two names for one, can lead
   * both to one file. What is at a link is only known when no other file is on its way: such a file
   * is written alone.
   */
  async open(key: string, place: string = key): Promise<Output> {
    this.makeFolders(place)
    const path = this.pathOf(place)
    const before = this.#exclusive
    let close = (): void => undefined
    const closed = new Promise<void>((resolve) => (close = resolve))
    const kind = kindOf(path)
    const isAlone = kind === 'other'
    const others = [before, ...(isAlone ? this.#open : [])]
    if (isAlone) this.#exclusive = closed
    this.#open.add(closed)
    void closed.then(() => this.#open.delete(closed))
    try {
      await Promise.all(others)
      return closing(await this.#openOne(key, place, kind === 'nothing'), close)
    } catch (error) {
      close()
      throw error
    }
  }

  /** The path of a place in the directory. */
  pathOf(place: string): string {
    return join(this.#path, place)
  }

  /** Removes the folders that it has made and that nothing came to. */
  removeEmpty(): void {
    for (const folder of this.#made.toReversed()) {
      try {
        rmdirSync(folder)
        this.#unsynced.delete(folder)
      } catch {
        // It is in use.
      }
    }
    this.#made.length = 0
  }

  /** Makes every file that was committed durable: syncs each folder once. */
  async sync(): Promise<void> {
    for (const folder of this.#unsynced) {
      await syncFolder(folder).catch((error: unknown) => {
        throw writeFault(error, folder)
      })
      this.#unsynced.delete(folder)
    }
  }

  async #openOne(key: string, place: string, isNew: boolean): Promise<Output> {
    const path = this.pathOf(place)
    if (!isNew) this.#checkFree(path, key)
    const onRenamed = (folder: string): void => void this.#unsynced.add(folder)
    const output = await (isNew
      ? newFileOutput(path, onRenamed)
      : fileOutput(path, undefined, onRenamed))
    const commit = async (): Promise<void> => {
      await output.commit()
      this.#written.push({ key, place })
    }
    return {
      write: (bytes) => output.write(bytes),
      commit,
      discard: () => output.discard(),
    }
  }

  /** The key whose value this command has written to the file at a path. */
  #keyAt(path: string): string | undefined {
    // Few commands come to this: to look at every file that is written would slow down the others.
    for (const { key, place } of this.#written) {
      const file = fileAt(this.pathOf(place))
      if (file !== '') this.#keys.set(file, key)
    }
    this.#written = []
    return this.#keys.get(fileAt(path))
  }

  #checkFree(path: string, key: string): void {
    const other = this.#keyAt(path)
    if (other === undefined || other === key) return
    throw new DstoreError('conflict', `cannot write to ${path}: it has the value of ${other}`)
  }
}

/** The same output; calls `onClosed` when it is committed or discarded. */
function closing(output: Output, onClosed: () => void): Output {
  return {
    write: (bytes) => output.write(bytes),
    commit: () => output.commit().finally(onClosed),
    discard: () => output.discard().finally(onClosed),
  }
}

function kindOf(path: string): 'nothing' | 'file' | 'other' {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return 'nothing'
    return found.isFile() ? 'file' : 'other'
  } catch {
    // To open it tells why.
    return 'other'
  }
}

function makeDirectory(path: string, onMade: (made: string) => void): void {
  // With a umask that takes from the owner, nothing could be written to it.
  const umask = process.umask()
  process.umask(umask & 0o077)
  try {
    makeDirectories(path, 0o777, onMade)
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
