/** Makes files and folders durable. */
import * as fs from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { unwritableFile } from '../../store/file/file-faults.ts'
import { Folder } from './folder.ts'

const fsync = promisify(fs.fsync)
const open = promisify(fs.open)
const close = promisify(fs.close)

/** Files that are made durable at a time. */
const AT_ONCE = 16

/** Up to this many files, each by itself is faster than all of the file system. */
const FEW_FILES = 64

/** Makes a tree of this many files durable. Errors: `unwritable`, `no-space`. */
export async function syncTree(
  tree: Folder,
  files: number,
  syncAll: ((path: string) => Promise<boolean>) | undefined,
): Promise<void> {
  if (files > FEW_FILES && (await syncAll?.(tree.at)) === true) return
  await syncBelow(tree)
}

/** Makes the entries of a folder durable: that they are there, not what they hold. */
export async function syncFolder({ at, path }: Folder): Promise<void> {
  try {
    await syncPath(at, 0)
  } catch (error) {
    // One may write in a folder that one may not read.
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return
    throw unwritableFile(`write to ${path}`, error)
  }
}

/** Makes durable that a folder is there, by the path that leads to it. */
export async function syncParent(target: string): Promise<void> {
  const parent = Folder.open(dirname(resolve(target)))
  try {
    await syncFolder(parent)
  } finally {
    parent.release()
  }
}

async function syncBelow(folder: Folder): Promise<void> {
  const entries = fs.readdirSync(folder.at, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  const next = files.values()
  const syncFiles = async (): Promise<void> => {
    for (const name of next) {
      await syncPath(folder.pathOf(name), fs.constants.O_NOFOLLOW).catch((error: unknown) => {
        throw unwritableFile(`write to ${folder.path}/${name}`, error)
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, syncFiles))
  for (const entry of entries) {
    if (!entry.isDirectory()) continue
    const below = folder.enter(entry.name)
    try {
      await syncBelow(below)
    } finally {
      below.release()
    }
  }
  await syncFolder(folder)
}

async function syncPath(path: string, flags: number): Promise<void> {
  const fd = await open(path, fs.constants.O_RDONLY | flags)
  try {
    await fsync(fd)
  } finally {
    await close(fd)
  }
}
