/** The filesystem calls of the journal, behind an interface so that tests can make each fail. */
import * as fs from 'node:fs/promises'
import { constants, write } from 'node:fs'

/** Throws the errors of `node:fs`; `faultOf` converts them. */
export interface JournalFiles {
  /** Creates a directory below one that exists, if it is missing. */
  makeDirectory(path: string): Promise<void>
  list(path: string): Promise<readonly string[]>
  /** Creates a file; fails if it exists. */
  create(path: string): Promise<JournalFile>
  /** Opens a file for reading. */
  open(path: string): Promise<JournalFile>
  /** Opens a file for writes that are durable when they resolve, as far as the system goes. */
  openDurable(path: string): Promise<JournalFile>
  rename(from: string, to: string): Promise<void>
  /** Deletes a file; does nothing if it is missing. */
  remove(path: string): Promise<void>
  /** Makes created, renamed and deleted entries of a directory durable. */
  syncDirectory(path: string): Promise<void>
}

export interface JournalFile {
  size(): Promise<number>
  /** Reads into the array from a position; returns how many bytes, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes at a position; returns how many bytes, at least one. */
  write(bytes: Uint8Array, position: number): Promise<number>
  /** Makes everything durable that was written to the file. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Only this user has access. */
const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600

const DURABLE = constants.O_RDWR | constants.O_DSYNC

/** The filesystem of this machine. */
export const nodeJournalFiles: JournalFiles = {
  makeDirectory: async (path) =>
    void (await fs.mkdir(path, { recursive: true, mode: DIRECTORY_MODE })),
  list: (path) => fs.readdir(path),
  create: async (path) => fileOf(await fs.open(path, 'wx', FILE_MODE)),
  open: async (path) => fileOf(await fs.open(path, 'r')),
  openDurable: async (path) => fileOf(await fs.open(path, DURABLE)),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  syncDirectory: async (path) => {
    const directory = await fs.open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

function fileOf(handle: fs.FileHandle): JournalFile {
  return {
    size: async () => (await handle.stat()).size,
    read: async (into, position) =>
      (await handle.read(into, 0, into.byteLength, position)).bytesRead,
    // The call with a callback: every commit waits for one, and the promises of a handle cost more
    // than the rest of an append.
    write: (bytes, position) =>
      new Promise((resolve, reject) => {
        write(handle.fd, bytes, 0, bytes.byteLength, position, (error, written) => {
          if (error === null) resolve(written)
          else reject(error)
        })
      }),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  }
}

/** Writes all of it. */
export async function writeAll(
  file: JournalFile,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += await file.write(bytes.subarray(at), position + at)
}

/** Reads until the array is full or the file ends; returns how many bytes. */
export async function readFull(
  file: JournalFile,
  into: Uint8Array,
  position: number,
): Promise<number> {
  let at = 0
  while (at < into.byteLength) {
    const read = await file.read(into.subarray(at), position + at)
    if (read === 0) break
    at += read
  }
  return at
}
