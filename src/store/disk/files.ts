/** The filesystem calls of the disk store, behind an interface so that tests can make each fail. */
import { type BigIntStats, type Stats, statSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { meansNoFile } from '../../errno.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { GROUP_BYTES } from '../../limits.ts'
import { hashInThreads } from '../file/file-hash-threads.ts'
import type { FileContent } from '../store.ts'

/** Throws the errors of `node:fs`; `faultOf` converts them. */
export interface Files {
  /** Creates a directory and its parents. Was it missing? */
  makeDirectory(path: string): Promise<boolean>
  list(path: string): AsyncIterable<string>
  /** Creates a file for writing; fails if it exists. */
  create(path: string): Promise<WritableFile>
  /** Truncates a file to this length, in bytes, and opens it for appending. */
  append(path: string, size: number): Promise<WritableFile>
  open(path: string): Promise<ReadableFile>
  /** Time of the last write, in milliseconds since 1970; undefined if there is no such file. */
  writtenAt(path: string): Promise<number | undefined>
  /** Length of a file in bytes; undefined if there is no such file. */
  size(path: string): Promise<number | undefined>
  /**
   * Device and inode of what is at a path; undefined if there is nothing. On the caller's thread:
   * every commit asks for several paths, and the trip of each to another thread and back takes as
   * long as the durable write.
   */
  identity(path: string): string | undefined
  /** Extends a file with zeros to this length, in bytes. */
  lengthen(path: string, size: number): Promise<void>
  /** Shortens a file that may be read-only to this length, durably, and gives it this mode. */
  cut(path: string, size: number, mode: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Deletes a file; does nothing if it is missing. */
  remove(path: string): Promise<void>
  /** Deletes an empty directory; does nothing if it is missing. */
  removeDirectory(path: string): Promise<void>
  setMode(path: string, mode: number): Promise<void>
  /** Makes created, renamed and deleted entries of a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Makes everything durable that was written to a file, by whatever descriptor. */
  syncFile(path: string): Promise<void>
  /** Bytes available to this user on the filesystem of this path. */
  freeBytes(path: string): Promise<number>
}

export interface WritableFile {
  /** Appends bytes; returns how many it wrote, at least one. */
  write(bytes: Uint8Array): Promise<number>
  /**
   * In place of any `write`: copies a file of a caller here by threads, and hashes it. `onWritten`
   * gets the number of bytes that are here, from the first one on.
   */
  copyFrom(file: FileContent, onWritten?: (bytes: number) => void): Promise<Hashed>
  setMode(mode: number): Promise<void>
  /** Makes the written bytes durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface ReadableFile {
  /** Reads into the array from a position; returns how many bytes, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** Only this user has access. */
export const DIRECTORY_MODE = 0o700
export const FILE_MODE = 0o600
/** A sealed value never changes. */
export const SEALED_MODE = 0o400

/** The filesystem of this machine. */
export const nodeFiles: Files = {
  makeDirectory: async (path) =>
    (await fs.mkdir(path, { recursive: true, mode: DIRECTORY_MODE })) !== undefined,
  async *list(path) {
    for await (const { name } of await fs.opendir(path)) yield name
  },
  create: async (path) => writable(await fs.open(path, 'wx', FILE_MODE)),
  append: async (path, size) => {
    await fs.truncate(path, size)
    return writable(await fs.open(path, 'a'))
  },
  open: async (path) => readable(await fs.open(path, 'r')),
  writtenAt: (path) => present(async () => (await fs.stat(path)).mtimeMs),
  size: (path) => present(async () => (await fs.stat(path)).size),
  identity,
  lengthen: (path, size) => fs.truncate(path, size),
  cut: async (path, size, mode) => {
    await fs.chmod(path, FILE_MODE)
    const handle = await fs.open(path, 'r+')
    try {
      // Before it is cut: a file that was cut is never looked at again.
      await handle.chmod(mode)
      await handle.truncate(size)
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  removeDirectory: (path) => present(() => fs.rmdir(path)),
  setMode: (path, mode) => fs.chmod(path, mode),
  syncDirectory: sync,
  syncFile: sync,
  freeBytes: async (path) => {
    const { bavail, bsize } = await fs.statfs(path)
    return bavail * bsize
  },
}

async function sync(path: string): Promise<void> {
  const opened = await fs.open(path, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

function identity(path: string): string | undefined {
  try {
    const found = statSync(path, PRESENT)
    if (found === undefined) return undefined
    // Numbers are quicker to get; a filesystem may have inodes that they can't tell apart.
    return Number.isSafeInteger(found.ino)
      ? identityOf(found)
      : identityOf(statSync(path, { bigint: true }))
  } catch (error) {
    if (meansNoFile(error)) return undefined
    throw error
  }
}

const PRESENT = { throwIfNoEntry: false } as const

/** Of two files that exist at the same time, no two have the same identity. */
export function identityOf({ dev, ino }: Pick<BigIntStats | Stats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}

/** Undefined if there is no such file. */
async function present<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (meansNoFile(error)) return undefined
    throw error
  }
}

function writable(handle: fs.FileHandle): WritableFile {
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    copyFrom: ({ fd, path, size, signal, onProgress }, onWritten) =>
      hashInThreads({
        fd,
        name: path,
        size,
        groupBytes: GROUP_BYTES,
        signal,
        onProgress,
        onPrefix: onWritten,
        target: { fd: handle.fd, sync: () => handle.datasync() },
      }),
    setMode: (mode) => handle.chmod(mode),
    sync: () => handle.sync(),
    close: () => handle.close(),
  }
}

function readable(handle: fs.FileHandle): ReadableFile {
  return {
    read: async (into, position) =>
      (await handle.read(into, 0, into.byteLength, position)).bytesRead,
    close: () => handle.close(),
  }
}
