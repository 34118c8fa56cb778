/** Looks at the state directory and its disk, and changes nothing. */
import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DirectoryFacts, DiskFacts, Entry } from './facts.ts'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

export async function lookAtDirectory(path: string): Promise<DirectoryFacts> {
  try {
    const { uid, mode, isDirectory } = await statOf(path)
    if (!isDirectory) return { state: 'no directory', file: path }
    const entries = await entriesIn(path)
    if (entries === undefined) return { state: 'denied', owner: uid }
    return { state: 'there', uid, mode, entries, unwritable: await deniedWrite(path) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return { state: 'missing' }
    if (code === 'ENOTDIR') return { state: 'no directory', file: await fileAbove(dirname(path)) }
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    return { state: 'denied', owner: await ownerAbove(path) }
  }
}

async function statOf(path: string): Promise<{ uid: number; mode: number; isDirectory: boolean }> {
  const found = await stat(path)
  return { uid: found.uid, mode: found.mode & 0o7777, isDirectory: found.isDirectory() }
}

/** Undefined if this user may not list them. */
async function entriesIn(path: string): Promise<Entry[] | undefined> {
  try {
    const names = await readdir(path)
    const entries = await Promise.all(
      names.map(async (name): Promise<Entry | undefined> => {
        // A file that is gone meanwhile is none.
        const found = await statOf(join(path, name)).catch(() => undefined)
        return found && { name, uid: found.uid, mode: found.mode }
      }),
    )
    return entries.filter((entry) => entry !== undefined)
  } catch (error) {
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return undefined
    throw error
  }
}

async function deniedWrite(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

/** The first that exists, of a path and what is above it. */
async function fileAbove(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  return exists || dirname(path) === path ? path : fileAbove(dirname(path))
}

/** The owner of the first folder above that can be looked at. */
async function ownerAbove(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).uid
  } catch {
    return dirname(path) === path ? undefined : ownerAbove(dirname(path))
  }
}

/** The filesystem of the directory; of the next folder above it, if it does not exist. */
export async function lookAtDisk(path: string): Promise<DiskFacts> {
  try {
    const { bavail, bsize, blocks, ffree, files } = await statfs(path)
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeFiles: ffree,
      totalFiles: files,
    }
  } catch (error) {
    const isAbove = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
    if (!isAbove || dirname(path) === path) throw error
    return lookAtDisk(dirname(path))
  }
}
