/**
 * A file in progress beside its target. It is locked while it is written, so that the next command
 * can tell and remove what a killed one left (R007-100).
 */
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { DstoreError } from '../../src/errors.ts'
import { PLATFORM } from '../../src/platform.ts'

const files = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  unlink: promisify(fs.unlink),
  readdir: promisify(fs.readdir),
}

/** Short and the same for every target, whose own name may be as long as the system allows. */
const NAME = /^\.dstore-\d{1,10}-[0-9a-z]{8}\.part$/

/** Is it the name of a file that another command may remove? */
export const isPartialName = (name: string): boolean => NAME.test(name)

/** The longest path that Linux accepts, without the 0 at its end. */
const PATH_BYTES = 4095

const ATTEMPTS = 8

export interface PartialFile {
  readonly fd: number
  readonly path: string
  /** The folder: a path that leaves room for a name. */
  readonly folder: string
  /** Closes the file and what it holds. */
  close(): Promise<void>
  /** Closes and removes it. */
  discard(): Promise<void>
}

/** Creates a file in this folder for its owner, and removes those that killed commands left. */
export async function createPartialFile(folder: string): Promise<PartialFile> {
  const { lockFile } = await import('../../src/daemon/process/file-lock.ts')
  const isLocked = (fd: number): boolean => {
    try {
      return lockFile(fd)
    } catch {
      // No locks here: then no command removes the files of another.
      return true
    }
  }
  const place = await reach(folder)
  try {
    if (!cleaned.has(folder)) await removeLeftovers(place.path, lockFile)
    cleaned.add(folder)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const path = `${place.path}/${newName()}`
      const fd = await files.open(path, 'wx', 0o600)
      if (isLocked(fd) && fs.fstatSync(fd).nlink > 0) return open(fd, path, place)
      // Another command found it before it was locked, took it for a leftover and removes it.
      await files.close(fd)
    }
    throw new DstoreError('unwritable', `every temporary file in ${folder} is removed at once`)
  } catch (error) {
    await place.release()
    throw error
  }
}

/** Folders that this process has searched. */
const cleaned = new Set<string>()

function open(fd: number, path: string, place: Folder): PartialFile {
  // The umask may have taken from the owner, too.
  fs.fchmodSync(fd, 0o600)
  const close = async (): Promise<void> => {
    await files.close(fd)
    await place.release()
  }
  return {
    fd,
    path,
    folder: place.path,
    close,
    discard: async () => {
      await files.unlink(path).catch(() => undefined)
      await close().catch(() => undefined)
    },
  }
}

interface Folder {
  /** Short enough for the name of a file in it. */
  readonly path: string
  release(): Promise<void>
}

/** A path to a folder that leaves room for a name; on Linux every folder has one. */
async function reach(folder: string): Promise<Folder> {
  if (Buffer.byteLength(folder) + 256 <= PATH_BYTES || !PLATFORM.hasDescriptorPaths) {
    return { path: folder, release: () => Promise.resolve() }
  }
  const fd = await files.open(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  return { path: `/proc/self/fd/${fd}`, release: () => files.close(fd).catch(() => undefined) }
}

/** Removes files of this user that no process has locked. What cannot be removed stays. */
async function removeLeftovers(folder: string, lockFile: (fd: number) => boolean): Promise<void> {
  const names = await files.readdir(folder).catch((): string[] => [])
  for (const name of names.filter((one) => NAME.test(one))) {
    const path = `${folder}/${name}`
    const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = fs.constants
    const fd = await files.open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined)
    if (fd === undefined) continue
    try {
      const found = fs.fstatSync(fd)
      const isOurs = found.isFile() && found.nlink === 1 && found.uid === process.getuid?.()
      if (isOurs && lockFile(fd)) await files.unlink(path)
    } catch {
      // No locks here, or it is gone.
    } finally {
      await files.close(fd).catch(() => undefined)
    }
  }
}

/** node:crypto would take longer to load than a small get takes; `wx` refuses a taken name. */
function newName(): string {
  const unique = Math.random().toString(36).slice(2, 10).padEnd(8, '0')
  return `.dstore-${process.pid}-${unique}.part`
}
