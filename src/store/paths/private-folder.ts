/**
 * The folder where a daemon makes files for other processes: copies of values, and folders of
 * symbolic links. It has a random name in each run, and nothing in it outlives the run
 * (specs/005-storage.md, R005-87).
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { meansNoFile } from '../../errno.ts'
import { makeDirectories } from '../file/directories.ts'
import { faultOf } from '../disk/faults.ts'
import { DIRECTORY_MODE, FILE_MODE } from '../disk/files.ts'

/** Where files that are being removed wait, beside the folder. */
const OLD = '.old'

export interface PrivateFile {
  /** Absolute. */
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
}

/** Of the owner's rights, those that a group gets. */
const READ_AND_ENTER = 0o500

/** Mode of a copy. */
export const COPY_MODE = 0o400
export const EXECUTABLE_MODE = 0o500

/**
 * Puts what an earlier run left below `root` out of reach, and removes it in the background;
 * `onEnd` gets the fault, if it cannot. Errors: `unwritable`.
 */
export function clearPrivate(root: string, onEnd: (fault?: Error) => void = () => undefined): void {
  const old = root + OLD
  try {
    if (isThere(root)) {
      makeDirectories(old, DIRECTORY_MODE)
      renameSync(root, join(old, randomName()))
    } else if (!isThere(old)) return onEnd()
  } catch (error) {
    throw faultOf(error, `remove ${root}`)
  }
  void rm(old, { recursive: true, force: true }).then(
    () => onEnd(),
    (error: unknown) => onEnd(faultOf(error, `remove ${old}`)),
  )
}

export class PrivateFolder {
  readonly #root: () => string
  readonly #name: string
  readonly #groupId: number | undefined
  #made = 0

  private constructor(root: () => string, name: string, groupId: number | undefined) {
    this.#root = root
    this.#name = name
    this.#groupId = groupId
  }

  /**
   * Makes the folder below `root`, which may be renamed later. A group may read what is in it.
   * Errors: `unwritable`, `no-space`.
   */
  static make(root: () => string, groupId?: number): PrivateFolder {
    const folder = new PrivateFolder(root, randomName(), groupId)
    folder.#make()
    return folder
  }

  /** Absolute. */
  get path(): string {
    return join(this.#root(), this.#name)
  }

  /** A path in it where nothing is. Errors: as for `make`, if another process removed it. */
  newPath(): string {
    if (!isThere(this.path)) this.#make()
    return join(this.path, String(++this.#made))
  }

  /** Makes a folder. Errors: `unwritable`, `no-space`. */
  async makeFolder(path: string): Promise<PrivateFile> {
    try {
      await mkdir(path, { mode: DIRECTORY_MODE })
      this.#open(path, DIRECTORY_MODE)
      return identityOf(path)
    } catch (error) {
      throw faultOf(error, `make ${path}`)
    }
  }

  async link(path: string, target: string): Promise<void> {
    await symlink(target, path).catch((error: unknown) => {
      throw faultOf(error, `make ${path}`)
    })
  }

  /** Writes a copy, which gets its name and mode when it is whole. Errors: those of `bytes`. */
  async copy(path: string, bytes: AsyncIterable<Uint8Array>, mode: number): Promise<PrivateFile> {
    const part = `${this.newPath()}.part`
    try {
      const file = await open(part, 'wx', FILE_MODE)
      try {
        for await (const piece of bytes) await writeAll(file, piece)
        await file.chmod(mode)
      } finally {
        await file.close()
      }
      this.#open(part, mode)
      await rename(part, path)
      return identityOf(path)
    } catch (error) {
      rmSync(part, { force: true })
      throw faultOf(error, `write ${path}`)
    }
  }

  /** Puts a file or folder out of reach, at once. What is below it is removed in the background. */
  remove(path: string): void {
    const now = this.#now(path)
    const old = join(this.#old, randomName())
    try {
      makeDirectories(this.#old, DIRECTORY_MODE)
      renameSync(now, old)
    } catch (error) {
      // Slower, but no less out of reach.
      if (!meansNoFile(error)) rmSync(now, { recursive: true, force: true })
      return
    }
    void rm(old, { recursive: true, force: true }).catch(() => undefined)
  }

  /** Removes all of it. */
  async close(): Promise<void> {
    await rm(this.path, { recursive: true, force: true }).catch(() => undefined)
    await rm(this.#old, { recursive: true, force: true }).catch(() => undefined)
  }

  #make(): void {
    try {
      makeDirectories(this.path, DIRECTORY_MODE)
      for (const path of [this.#root(), this.path]) this.#open(path, DIRECTORY_MODE)
    } catch (error) {
      throw faultOf(error, `make ${this.path}`)
    }
  }

  get #old(): string {
    return this.#root() + OLD
  }

  /** Where this is since the root has another name. */
  #now(path: string): string {
    const own = `/${this.#name}/`
    return join(this.path, path.slice(path.indexOf(own) + own.length))
  }

  /** Lets the group read what the owner may. */
  #open(path: string, mode: number): void {
    if (this.#groupId === undefined) return
    chownSync(path, statSync(path).uid, this.#groupId)
    chmodSync(path, mode | ((mode & READ_AND_ENTER) >> 3))
  }
}

async function writeAll(
  file: { write(bytes: Uint8Array, at: number): Promise<{ readonly bytesWritten: number }> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += (await file.write(bytes, at)).bytesWritten
}

function identityOf(path: string): PrivateFile {
  const { dev: device, ino: inode } = statSync(path, { bigint: true })
  return { path, device, inode }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

const randomName = (): string => randomBytes(8).toString('hex')
