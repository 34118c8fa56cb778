/**
 * A folder on disk that is written to. Where the system can, it is held open and reached by its
 * descriptor: then no path is too long, and no symbolic link that another process puts in its place
 * leads elsewhere.
 */
import * as fs from 'node:fs'
import { DstoreError } from '../../errors.ts'
import { PLATFORM } from '../../platform.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'

export class Folder {
  /** A path to it in this process, for the system. */
  readonly at: string
  /** For messages. */
  readonly path: string
  /** Were entries of it made, replaced or removed? */
  isChanged = false
  readonly #fd: number | undefined
  #holders = 1

  private constructor(at: string, path: string, fd: number | undefined) {
    this.at = at
    this.path = path
    this.#fd = fd
  }

  /** Opens the folder that a path leads to, through links too: its user named it. */
  static open(path: string): Folder {
    return Folder.#open(path, path, 0)
  }

  /** Opens a folder in this one; `unwritable` if it is none, or a link to one. */
  enter(name: string): Folder {
    return Folder.#open(this.pathOf(name), `${this.path}/${name}`, fs.constants.O_NOFOLLOW)
  }

  /** Makes a folder in this one. Throws the error of the system. */
  make(name: string): void {
    fs.mkdirSync(this.pathOf(name), 0o777)
  }

  /** A path to an entry, for the system. */
  pathOf(name: string): string {
    return `${this.at}/${name}`
  }

  /** Keeps it open for another holder. */
  hold(): this {
    this.#holders++
    return this
  }

  /** Is there one holder left? */
  get isLast(): boolean {
    return this.#holders === 1
  }

  /** Closes it with its last holder. */
  release(): void {
    if (--this.#holders === 0 && this.#fd !== undefined) fs.closeSync(this.#fd)
  }

  static #open(at: string, path: string, flags: number): Folder {
    try {
      if (!PLATFORM.hasDescriptorPaths) {
        const found = flags === 0 ? fs.statSync(at) : fs.lstatSync(at)
        if (!found.isDirectory()) throw new DstoreError('unwritable', `${path} is no directory`)
        return new Folder(at, path, undefined)
      }
      const fd = fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | flags)
      return new Folder(`/proc/self/fd/${fd}`, path, fd)
    } catch (error) {
      if (error instanceof DstoreError) throw error
      throw unwritableFile(`open the directory ${path}`, error)
    }
  }
}
