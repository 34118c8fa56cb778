/** Looks at the state directory and its disk, and changes nothing. */
import { constants } from 'node:fs'
import { access, opendir, stat, statfs } from 'node:fs/promises'
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

/** Of a folder with more entries, such as that of the values, the first are looked at. */
const FOLDER_ENTRIES = 1000

/** A node has fewer; the directory may be another one, such as `/`. */
const FOLDERS = 100

/** What is in the directory and the folders below it; undefined if this user may not list it. */
async function entriesIn(path: string): Promise<Entry[] | undefined> {
  const entries: Entry[] = []
  const folders = ['']
  for (const folder of folders) {
    try {
      let count = 0
      for await (const entry of await opendir(join(path, folder))) {
        count += 1
        if (count > FOLDER_ENTRIES) break
        const below = join(folder, entry.name)
        // A file that is gone meanwhile is none.
        const found = await statOf(join(path, below)).catch(() => undefined)
        if (found !== undefined) entries.push({ name: below, uid: found.uid, mode: found.mode })
        if (entry.isDirectory() && folders.length < FOLDERS) folders.push(below)
      }
    } catch (error) {
      // One below that may not be listed is among the entries, with its owner and mode.
      if (folder !== '') continue
      if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return undefined
      throw error
    }
  }
  return entries
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
