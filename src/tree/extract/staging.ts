/**
 * A folder for what is not complete, beside the place where it goes: on the same file system, so
 * that a rename moves it there. It has a file that its process locks, so that the next one can tell
 * and remove what a killed process left (R008-66).
 */
import * as fs from 'node:fs'
import { DstoreError } from '../../errors.ts'
import { USER_ID } from '../../platform.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'
import type { Folder } from './folder.ts'

/** As the partial files of `get -o`: short, and the same for every target. */
const NAME = /^\.dstore-\d{1,10}-[0-9a-z]{8}\.part$/

const LOCK = 'lock'

const ATTEMPTS = 8

/** Entries that are removed before other work gets a turn. */
const AT_ONCE = 64

type LockFile = ((fd: number) => boolean) | undefined

/** Is it the name of such a folder, or of a partial file? */
export const isStagingName = (name: string): boolean => NAME.test(name)

export class Staging {
  /** What is not complete goes here. */
  readonly folder: Folder
  /** No other entry has it. */
  readonly name: string
  readonly #parent: Folder
  readonly #lock: number
  #next = 0

  private constructor(parent: Folder, name: string, folder: Folder, lock: number) {
    this.#parent = parent
    this.name = name
    this.folder = folder
    this.#lock = lock
  }

  /**
   * Makes one in a folder, and removes those that killed processes left. Errors: `unwritable`,
   * `no-space`.
   */
  static async create(parent: Folder, lockFile: LockFile): Promise<Staging> {
    try {
      if (lockFile !== undefined) await removeLeftovers(parent, lockFile)
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const made = tryCreate(parent, lockFile)
        if (made !== undefined) return new Staging(parent.hold(), ...made)
      }
    } catch (error) {
      if (error instanceof DstoreError) throw error
      throw unwritableFile(`write to ${parent.path}`, error)
    }
    throw new DstoreError('unwritable', `every temporary folder in ${parent.path} is removed`)
  }

  /** A name in it that is not taken. */
  newName(): string {
    return String(this.#next++)
  }

  /** Removes an entry of another folder, with all that is in it. Throws the error of the system. */
  async remove(folder: Folder, name: Uint8Array): Promise<void> {
    const path = Buffer.concat([Buffer.from(`${folder.at}/`), name])
    if (!fs.lstatSync(path).isDirectory()) return fs.unlinkSync(path)
    const bin = this.newName()
    this.folder.make(bin)
    // First out of the way, at once: it goes as a whole.
    moveFolder(path, this.folder.pathOf(`${bin}/0`))
    const trash = this.folder.enter(bin)
    try {
      await clear(trash)
    } finally {
      trash.release()
    }
    fs.rmdirSync(this.folder.pathOf(bin))
  }

  /** Removes it, with all that is in it. What cannot be removed stays. */
  async close(): Promise<void> {
    await clear(this.folder).catch(() => undefined)
    this.folder.release()
    remove(this.#parent, this.name)
    fs.closeSync(this.#lock)
    this.#parent.release()
  }
}

/** Undefined if another process took it for a leftover. */
function tryCreate(
  parent: Folder,
  lockFile: LockFile,
): [name: string, folder: Folder, lock: number] | undefined {
  const name = newName()
  fs.mkdirSync(parent.pathOf(name), { mode: 0o700 })
  let folder: Folder | undefined
  let lock: number | undefined
  try {
    // The umask may have taken from the owner, too.
    fs.chmodSync(parent.pathOf(name), 0o700)
    folder = parent.enter(name)
    lock = fs.openSync(folder.pathOf(LOCK), 'wx', 0o600)
    if (isLocked(lockFile, lock) && fs.fstatSync(lock).nlink > 0) return [name, folder, lock]
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (!isGone && fs.existsSync(parent.pathOf(name))) {
      if (lock !== undefined) fs.closeSync(lock)
      folder?.release()
      remove(parent, name)
      throw error
    }
  }
  if (lock !== undefined) fs.closeSync(lock)
  folder?.release()
  return undefined
}

/** Where a file system has no locks, no process removes what another one made. */
function isLocked(lockFile: LockFile, fd: number): boolean {
  try {
    return lockFile?.(fd) ?? true
  } catch {
    return true
  }
}

/** Removes folders of this user that no process has locked. What cannot be removed stays. */
async function removeLeftovers(parent: Folder, lockFile: (fd: number) => boolean): Promise<void> {
  const names = await fs.promises.readdir(parent.at).catch((): string[] => [])
  for (const name of names.filter((one) => NAME.test(one))) {
    let folder: Folder | undefined
    let lock: number | undefined
    try {
      const found = fs.lstatSync(parent.pathOf(name))
      if (!found.isDirectory() || found.uid !== USER_ID) continue
      folder = parent.enter(name)
      const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = fs.constants
      lock = fs.openSync(folder.pathOf(LOCK), O_RDWR | O_NOFOLLOW | O_NONBLOCK)
      if (!lockFile(lock)) continue
      await clear(folder)
      remove(parent, name)
    } catch {
      // Without its lock it is being made, or its removal was cut short.
      if (lock === undefined) tryRemoveEmpty(parent, name)
    } finally {
      if (lock !== undefined) fs.closeSync(lock)
      folder?.release()
    }
  }
}

/**
 * Removes what is in the folder, except the lock. Folders below are moved up before they are
 * emptied: so no depth of theirs is too large.
 */
async function clear(folder: Folder): Promise<void> {
  let next = 0
  let removed = 0
  const waiting = fs.readdirSync(folder.at).filter((name) => name !== LOCK)
  const taken = new Set(waiting)
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const path = folder.pathOf(name)
    taken.delete(name)
    if (!fs.lstatSync(path).isDirectory()) {
      fs.unlinkSync(path)
      continue
    }
    openToOwner(path)
    for (const entry of fs.readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
      if (++removed % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
      const below = Buffer.concat([Buffer.from(`${path}/`), entry.name])
      if (!entry.isDirectory()) {
        fs.unlinkSync(below)
        continue
      }
      while (taken.has(`d${next}`)) next++
      const up = `d${next++}`
      moveFolder(below, folder.pathOf(up))
      waiting.push(up)
    }
    fs.rmdirSync(path)
  }
}

/** One that its own user may not write to can't be moved, and is opened for that. */
function moveFolder(from: Buffer, to: string): void {
  try {
    return fs.renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
  }
  const { mode } = fs.lstatSync(from)
  openToOwner(from)
  try {
    fs.renameSync(from, to)
  } catch (error) {
    fs.chmodSync(from, mode & 0o7777)
    throw error
  }
}

function openToOwner(path: fs.PathLike): void {
  try {
    fs.chmodSync(path, 0o700)
  } catch {
    // It is another user's, and may be open to this one all the same.
  }
}

/** Removes an empty one and its lock. */
function remove(parent: Folder, name: string): void {
  try {
    fs.unlinkSync(`${parent.pathOf(name)}/${LOCK}`)
  } catch {
    // It has none, or something is left.
  }
  tryRemoveEmpty(parent, name)
}

function tryRemoveEmpty(parent: Folder, name: string): void {
  try {
    fs.rmdirSync(parent.pathOf(name))
  } catch {
    // Something is left in it.
  }
}

function newName(): string {
  const unique = Math.random().toString(36).slice(2, 10).padEnd(8, '0')
  return `.dstore-0-${unique}.part`
}
