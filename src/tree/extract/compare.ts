/** Whether what is at a place on disk is what an entry of a directory says. */
import * as fs from 'node:fs'
import { equal } from '../../bytes.ts'
import type { FileEntry } from '../../directory/directory.ts'
import { asDstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { HASH_WINDOW_BYTES, KIB } from '../../limits.ts'
import { changedFile } from '../../store/file/file-faults.ts'
import { hashFile } from '../../store/file/file-hasher.ts'

/** Files up to this size are read and hashed at once. */
const AT_ONCE_BYTES = 64 * KIB

/** A pipe may take the place of a file meanwhile, and to open it must not wait for a writer. */
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK

export type Found = 'nothing' | 'file' | 'directory' | 'other'

/** What is at a path, not following a link. */
export function lookAt(path: string): { readonly type: Found; readonly stats?: fs.Stats } {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return { type: 'nothing' }
  if (stats.isDirectory()) return { type: 'directory', stats }
  return { type: stats.isFile() ? 'file' : 'other', stats }
}

/** Has the file these bytes? One that cannot be read, or changes, has not. */
export async function hasBytes(
  path: string,
  stats: fs.Stats,
  { digest, size }: FileEntry,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (stats.size !== size) return false
  try {
    return equal(await digestOf(path, size, signal), digest)
  } catch (error) {
    if (asDstoreError(error).code === 'cancelled') throw error
    return false
  }
}

async function digestOf(
  path: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (size <= AT_ONCE_BYTES) {
    const fd = fs.openSync(path, FLAGS)
    try {
      if (fs.fstatSync(fd).size !== size) throw changedFile(path, 'was replaced')
      return hash(fs.readFileSync(fd)).digest
    } finally {
      fs.closeSync(fd)
    }
  }
  const options = { groupBytes: HASH_WINDOW_BYTES, ...(signal && { signal }) }
  return (await hashFile(path, options)).digest
}

/** Is a file with these permissions executable? */
export const isExecutable = ({ mode }: fs.Stats): boolean => (mode & 0o100) !== 0

/** The permissions of a file that becomes executable, or not: for each who may read it. */
export function modeFor(mode: number, executable: boolean): number {
  const permissions = mode & 0o777
  return executable ? permissions | ((permissions & 0o444) >> 2) | 0o100 : permissions & ~0o111
}
