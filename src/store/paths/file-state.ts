/** What the system says of a file whose bytes were verified (specs: R003-144, R005-86). */
import type { BigIntStats } from 'node:fs'
import { chmod, chown, lstat } from 'node:fs/promises'
import { dirname, sep } from 'node:path'
import { unreadableFile } from '../file/file-faults.ts'

/** While all of this is the same, no process has written to the file. */
export interface FileState {
  readonly device: bigint
  readonly inode: bigint
  readonly size: bigint
  readonly mode: number
  readonly modifiedNs: bigint
  /** Of the last change to bytes, mode, owner or links. No program sets it. */
  readonly changedNs: bigint
}

/** Errors: `unreadable` if nothing is at the path, or no regular file. */
export async function stateOf(path: string): Promise<FileState> {
  const found = await lstat(path, { bigint: true }).catch((error: unknown) => {
    throw unreadableFile(path, error)
  })
  if (!found.isFile()) throw unreadableFile(path, new Error('it is no regular file'))
  return fileState(found)
}

export const fileState = (found: BigIntStats): FileState => ({
  device: found.dev,
  inode: found.ino,
  size: found.size,
  mode: Number(found.mode & 0o777n),
  modifiedNs: found.mtimeNs,
  changedNs: found.ctimeNs,
})

export function isSameState(one: FileState, other: FileState): boolean {
  return (
    one.device === other.device &&
    one.inode === other.inode &&
    one.size === other.size &&
    one.mode === other.mode &&
    one.modifiedNs === other.modifiedNs &&
    one.changedNs === other.changedNs
  )
}

/** Gives a file its mode back. Errors: `unreadable`. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch((error: unknown) => {
    throw unreadableFile(path, error)
  })
}

/** Of a file that its group may read, and of a folder that it may pass through, but not list. */
const GROUP_FILE_MODE = 0o440
const GROUP_FOLDER_MODE = 0o710

/** Lets a group read a file, and reach it from the folder `root`. Errors: `unreadable`. */
export async function openToGroup(path: string, root: string, groupId: number): Promise<void> {
  try {
    for (let at = dirname(path); at.startsWith(root + sep); at = dirname(at)) {
      await giveTo(at, groupId, GROUP_FOLDER_MODE)
    }
    await giveTo(path, groupId, GROUP_FILE_MODE)
  } catch (error) {
    throw unreadableFile(path, error)
  }
}

async function giveTo(path: string, groupId: number, mode: number): Promise<void> {
  await chown(path, (await lstat(path)).uid, groupId)
  await chmod(path, mode)
}
