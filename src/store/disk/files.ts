/** The calls that the disk store makes of a filesystem, one by one, so that a test can make each of them fail. */
import * as fs from 'node:fs/promises'
import { isMissing } from './faults.ts'

/** Faults come as the errors of `node:fs`; `faultOf` makes them ours. */
export interface Files {
  /** Make a directory, and those above it. Was it missing? */
  makeDirectory(path: string): Promise<boolean>
  list(path: string): AsyncIterable<string>
  /** Make a file to write; fails where there is one. */
  create(path: string): Promise<WritableFile>
  /** Open a file to append to what it has up to this length, in bytes; what is beyond is cut off. */
  append(path: string, size: number): Promise<WritableFile>
  open(path: string): Promise<ReadableFile>
  /** When a file was last written to, in milliseconds since 1970; undefined where there is none. */
  writtenAt(path: string): Promise<number | undefined>
  /** Length of a file in bytes; undefined where there is none. */
  size(path: string): Promise<number | undefined>
  /** Append zeros up to this length, in bytes. */
  lengthen(path: string, size: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Delete a file; does nothing where there is none. */
  remove(path: string): Promise<void>
  setMode(path: string, mode: number): Promise<void>
  /** Make what was created, renamed and deleted in a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Bytes that are free for us on the filesystem of this path. */
  freeBytes(path: string): Promise<number>
}

export interface WritableFile {
  /** Append bytes: how many of them were taken, at least one. */
  write(bytes: Uint8Array): Promise<number>
  setMode(mode: number): Promise<void>
  /** Make what was written durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface ReadableFile {
  /** Fill the array from this position on: how many bytes came, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** For the store's own user alone. */
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
  lengthen: (path, size) => fs.truncate(path, size),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  setMode: (path, mode) => fs.chmod(path, mode),
  syncDirectory: async (path) => {
    const directory = await fs.open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
  freeBytes: async (path) => {
    const { bavail, bsize } = await fs.statfs(path)
    return bavail * bsize
  },
}

/** Undefined where there is no such file. */
async function present<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function writable(handle: fs.FileHandle): WritableFile {
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
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
