/** What earlier boots left in the folder of cached files. */
import type { Stats } from 'node:fs'
import { lstat, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { viewOf } from '../../bytes.ts'
import { meansNoFile } from '../../errno.ts'
import { faultOf } from '../disk/faults.ts'
import { FOUND, HELD_END, HELD_HEADER_BYTES, PAIRS_END, PARTS, VALUES } from './cache-folder.ts'

/** A file of an earlier boot, which is in the folder `found` of this one now. */
export interface FoundFile {
  readonly name: string
  /** Of the value, in bytes. */
  readonly size: number
  /** The groups that an unfinished value had, as it was noted; undefined: all of them. */
  readonly groups: Uint8Array | undefined
  /** When it was written last, in milliseconds since 1970. */
  readonly writtenMs: number
}

/** Errors: `unwritable`. */
export async function deleteFolders(paths: readonly string[]): Promise<void> {
  try {
    for (const path of paths) await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw faultOf(error, 'delete cached files of an earlier run')
  }
}

/**
 * Moves the files of earlier boots to this one's, and deletes their folders. If that breaks off,
 * the next boot finds the rest. Errors: `unwritable`.
 */
export async function takeFound(boot: string, earlier: readonly string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>()
  try {
    for (const from of earlier) {
      for await (const file of filesOf(from)) {
        if (!found.has(file.name)) found.set(file.name, await take(from, boot, file))
      }
    }
  } catch (error) {
    throw faultOf(error, 'find cached files of an earlier run')
  }
  await deleteFolders(earlier)
  return [...found.values()]
}

interface EarlierFile extends FoundFile {
  readonly folder: string
}

async function* filesOf(boot: string): AsyncGenerator<EarlierFile, void, undefined> {
  for (const folder of [VALUES, FOUND, PARTS]) {
    for (const name of await namesIn(join(boot, folder))) {
      if (name.endsWith(PAIRS_END) || name.endsWith(HELD_END)) continue
      const stats = await statOf(join(boot, folder, name))
      if (stats === undefined) continue
      const writtenMs = stats.mtimeMs
      const noted = folder === VALUES ? undefined : await readHeld(join(boot, PARTS, name))
      if (noted !== undefined) yield { folder, name, writtenMs, ...noted }
      // A part without a note was abandoned before the first.
      else if (folder !== PARTS) {
        yield { folder, name, writtenMs, size: stats.size, groups: undefined }
      }
    }
  }
}

async function take(
  from: string,
  boot: string,
  { folder, name, ...facts }: EarlierFile,
): Promise<FoundFile> {
  // The file last: without it, those beside it mean nothing.
  for (const end of [PAIRS_END, HELD_END]) {
    const beside = join(PARTS, name + end)
    await moveIfThere(join(from, beside), join(boot, beside))
  }
  await rename(join(from, folder, name), join(boot, FOUND, name))
  return { name, ...facts }
}

async function readHeld(part: string): Promise<Pick<FoundFile, 'size' | 'groups'> | undefined> {
  const noted = await orMissing(readFile(part + HELD_END))
  if (noted === undefined || noted.byteLength < HELD_HEADER_BYTES) return undefined
  const size = Number(viewOf(noted).getBigUint64(0, true))
  return { size, groups: Uint8Array.from(noted.subarray(HELD_HEADER_BYTES)) }
}

/** Undefined unless a regular file is there. */
async function statOf(path: string): Promise<Stats | undefined> {
  const stats = await orMissing(lstat(path))
  return stats?.isFile() === true ? stats : undefined
}

const namesIn = async (path: string): Promise<string[]> => (await orMissing(readdir(path))) ?? []

const moveIfThere = (from: string, to: string): Promise<void | undefined> =>
  orMissing(rename(from, to))

async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (meansNoFile(error)) return undefined
    throw error
  }
}
