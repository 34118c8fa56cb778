/** Where a Local has its cached files. */
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync } from 'node:fs'
import { rmSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { meansNoFile } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { USER_ID } from '../../platform.ts'
import { faultOf } from '../disk/faults.ts'
import { mountUse } from './mount.ts'
import { deleteOwnerless, leaveFolder, takeFolder } from './owners.ts'

const SHARED_MEMORY = '/dev/shm'

/** Others may replace what is in such a folder. */
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/**
 * Makes a folder, if it is missing, that only its user can open, and the group if there is one.
 * Errors: `unwritable`; `not-permitted` if other users could replace the files in it.
 */
export function makeCacheFolder(path: string, groupId: number | undefined): void {
  try {
    const isMade = makeFolders(path)
    const found = statSync(path)
    if (!found.isDirectory()) throw new Error('it is not a folder')
    if (isMade && groupId !== undefined) openToGroup(path, groupId)
    const isOpen = (found.mode & OTHERS_WRITE) !== 0 && (found.mode & STICKY) === 0
    if (isOpen) {
      throw new DstoreError('not-permitted', `other users may write to ${path}`, {
        hint: `\`chmod o-w ${path}\`, or name another folder`,
      })
    }
  } catch (error) {
    throw error instanceof DstoreError ? error : faultOf(error, `use ${path} for cached files`)
  }
}

/**
 * Makes a folder with its parents; false: something is there. `recursive` of `node:fs` tries
 * without end below a folder that takes none, such as /proc.
 */
function makeFolders(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
  }
  makeFolders(dirname(path))
  mkdirSync(path, { mode: 0o700 })
  return true
}

function openToGroup(path: string, groupId: number): void {
  chownSync(path, statSync(path).uid, groupId)
  chmodSync(path, 0o750)
}

/** Each node has a folder of its own there, which it finds again after a restart. */
export const nodeFolder = (cacheDir: string, peerId: string): string =>
  join(cacheDir, `node-${peerId.slice(-16)}`)

/** Deletes the folder of a node, if there is nothing left in it. */
export function deleteIfEmpty(folder: string): void {
  try {
    leaveFolder(folder)
    rmdirSync(folder)
  } catch {
    // On a disk it has files for the next run.
  }
}

/** A private folder on shared memory. */
export interface SharedMemory {
  readonly folder: string
  readonly freeBytes: number
}

/** Deletes a node's folder on shared memory if it is empty, and that of its user likewise. */
export function leaveSharedMemory({ folder }: SharedMemory, peerId: string): void {
  deleteIfEmpty(nodeFolder(folder, peerId))
  try {
    rmdirSync(folder)
  } catch {
    // Other nodes have files there.
  }
}

/** Another node may delete the folder of its user, as its last, between two steps of this one. */
const MOST_TRIES = 5

/**
 * The default: a folder of this user on shared memory, made if it is missing. What a killed node
 * left there is deleted, for the memory that it takes. A string says why there is none.
 */
export function sharedMemory(
  peerId: string,
  groupId: number | undefined,
  root: string = SHARED_MEMORY,
): SharedMemory | string {
  if (USER_ID === undefined) return 'this system has no shared memory with files'
  const folder = join(root, `dstore-${USER_ID}`)
  for (let tries = 1; ; tries++) {
    try {
      if (mountUse(root).kind !== 'shared-memory') return `${root} is not shared memory`
      return takeShared(folder, peerId, groupId)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const missing = meansNoFile(error) || meansNoFile(error.cause)
      if (missing && !existsSync(root)) return `this system has no ${root}`
      if (!missing || tries === MOST_TRIES) return error.message
    }
  }
}

function takeShared(
  folder: string,
  peerId: string,
  groupId: number | undefined,
): SharedMemory | string {
  makeCacheFolder(folder, groupId)
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== USER_ID) return `${folder} belongs to another user`
  // Nodes of one user share it: the group of one may pass through it.
  if (groupId !== undefined) openToGroup(folder, groupId)
  deleteOwnerless(folder)
  const own = nodeFolder(folder, peerId)
  rmSync(own, { recursive: true, force: true })
  takeFolder(own)
  return { folder, freeBytes: mountUse(folder).freeBytes }
}
