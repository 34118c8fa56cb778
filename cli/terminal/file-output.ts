/** A file as output: it appears whole or not at all (R007-26, R007-101). */
import * as fs from 'node:fs'
import { basename, dirname, isAbsolute } from 'node:path'
import { promisify } from 'node:util'
import { DstoreError } from '../../src/errors.ts'
import { isLossy } from '../../src/utf8.ts'
import { writeAll, writeFault } from './output.ts'
import type { Output } from './output.ts'
import { createPartialFile } from './partial-file.ts'
import type { PartialFile } from './partial-file.ts'

const files = {
  open: promisify(fs.open),
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
  rename: promisify(fs.rename),
  stat: promisify(fs.stat),
  lstat: promisify(fs.lstat),
  readlink: promisify(fs.readlink) as (path: string) => Promise<string>,
  access: promisify(fs.access),
}

/** As many symbolic links as Linux follows. */
const LINKS = 40

/**
 * The file at `path`: replaced at `commit`; a device or a pipe is written directly. A new file has
 * `mode`, by default that of the umask, and a replaced one keeps its own, unless `mode` is given.
 * `onRenamed` makes the rename in the folder durable, by default at once.
 */
export async function fileOutput(
  path: string,
  mode?: number,
  onRenamed: (folder: string) => Promise<void> | void = syncFolder,
): Promise<Output> {
  const target = await targetOf(path)
  if (target === undefined) return deviceOutput(path)
  const found = await statIfPresent(target, path)
  const why = cannotBeFile(target, found)
  if (why !== undefined) throw new DstoreError('unwritable', `cannot write to ${path}: ${why}`)
  if (found !== undefined && !found.isFile()) return deviceOutput(path)
  try {
    if (found !== undefined) await files.access(target, fs.constants.W_OK)
    const partial = await createPartialFile(dirname(target))
    const renamed = (): Promise<void> | void => onRenamed(dirname(target))
    return replacingOutput(partial, {
      name: basename(target),
      path,
      mode: mode ?? found?.mode,
      renamed,
    })
  } catch (error) {
    throw writeFault(error, path)
  }
}

function cannotBeFile(target: string, found: fs.Stats | undefined): string | undefined {
  if (target === '') return 'it has no name'
  if (found?.isDirectory() === true) return 'it is a directory'
  return target.endsWith('/') ? 'there is no such directory' : undefined
}

/**
 * The path that `path` stands for once its symbolic links are followed, also one to a file that
 * does not exist yet: Node's `realpath` refuses that one. Undefined for a link of /proc to an open
 * file that has no path.
 */
async function targetOf(path: string): Promise<string | undefined> {
  let target = path
  for (let links = 0; links <= LINKS; links++) {
    const found = await files.lstat(target).catch(() => undefined)
    if (found?.isSymbolicLink() !== true) return target
    const link = await files.readlink(target)
    // Not normalised: `..` leads out of where a link in the folder leads to.
    const next = isAbsolute(link) ? link : `${dirname(target)}/${link}`
    const there = await identityOf(target)
    if (there !== undefined && there !== (await identityOf(next))) return unnamed(path, link)
    if (isLossy(link)) return unnamed(path, link)
    target = next
  }
  throw new DstoreError('unwritable', `cannot write to ${path}: too many symbolic links`)
}

/** The target of a link whose text is not a path to it, or not UTF-8. */
function unnamed(path: string, link: string): undefined {
  if (!isLossy(link)) return undefined
  throw new DstoreError('unwritable', `cannot write to ${path}: it links to a path not in UTF-8`)
}

/** The file that a path leads to; undefined if there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await files.stat(path).catch(() => undefined)
  return found && `${found.dev} ${found.ino}`
}

async function statIfPresent(target: string, path: string): Promise<fs.Stats | undefined> {
  try {
    return await files.stat(target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw writeFault(error, path)
  }
}

async function deviceOutput(path: string): Promise<Output> {
  const fd = await files.open(path, 'w').catch((error: unknown) => {
    throw writeFault(error, path)
  })
  return {
    write: (bytes) => writeAll(fd, bytes, path),
    commit: () => files.close(fd),
    discard: () => files.close(fd).catch(() => undefined),
  }
}

/** Bytes that the system takes at once, which costs less than a trip to a thread. */
const AT_ONCE_BYTES = 64 * 1024

/** The same for a path at which there is nothing, not even a link: found out by the caller. */
export async function newFileOutput(
  path: string,
  onRenamed: (folder: string) => Promise<void> | void,
): Promise<Output> {
  const folder = dirname(path)
  try {
    const partial = await createPartialFile(folder)
    const renamed = (): Promise<void> | void => onRenamed(folder)
    const replaced = { name: basename(path), path, mode: undefined, renamed }
    const output = replacingOutput(partial, replaced)
    const write = async (bytes: Uint8Array): Promise<void> => {
      const isSmall = bytes.byteLength <= AT_ONCE_BYTES
      const done = isSmall ? writeNow(partial.fd, bytes, path) : 0
      if (done < bytes.byteLength) await output.write(bytes.subarray(done))
    }
    return { ...output, write }
  } catch (error) {
    throw writeFault(error, path)
  }
}

/** How many of the bytes the file has taken. */
function writeNow(fd: number, bytes: Uint8Array, path: string): number {
  try {
    return fs.writeSync(fd, bytes)
  } catch (error) {
    throw writeFault(error, path)
  }
}

interface Replaced {
  /** Where the partial file goes, beside it. */
  readonly name: string
  /** As the user wrote it. */
  readonly path: string
  /** What it then has. */
  readonly mode: number | undefined
  readonly renamed: () => Promise<void> | void
}

function replacingOutput(partial: PartialFile, { name, path, mode, renamed }: Replaced): Output {
  const { fd } = partial
  return {
    partial,
    write: (bytes) => writeAll(fd, bytes, path),
    commit: async () => {
      try {
        // Only its owner could read it so far.
        fs.fchmodSync(fd, (mode ?? 0o666 & ~process.umask()) & 0o7777)
        await files.fsync(fd)
        await files.rename(partial.path, `${partial.folder}/${name}`)
        await renamed()
        await partial.close()
      } catch (error) {
        throw writeFault(error, path)
      }
    },
    discard: () => partial.discard(),
  }
}

/** Makes the renames in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const fd = await files.open(folder, 'r').catch((error: unknown) => {
    // One may write in a folder that one may not read. The file is in place.
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined
    throw error
  })
  if (fd === undefined) return
  try {
    await files.fsync(fd)
  } finally {
    await files.close(fd)
  }
}
