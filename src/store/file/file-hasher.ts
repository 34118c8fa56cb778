/**
 * Hashes files in one pass (specs/002-verified-values.md, "Hashing"). This thread reads and hashes
 * small files; from `PARALLEL_HASH_BYTES` on, threads read and hash a subtree each.
 *
 * The code of the threads lies beside this module: bundlers must not merge the two.
 */
import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import { createHasher } from '../../hash/hasher.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { GROUP_BYTES, PARALLEL_HASH_BYTES, PIECE_BYTES } from '../../limits.ts'
import { hashInThreads } from './file-hash-threads.ts'
import type { FileWork } from './file-hash-threads.ts'
import { changedFile, unreadableFile } from './file-faults.ts'

export interface HashFileOptions {
  /** Ends the work promptly: `cancelled`, or the signal's reason if it is a `DstoreError`. */
  readonly signal?: AbortSignal
  /** Called during the work, at least once for a file that is not empty. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
  /** Name of an open handle in faults; default "the file". */
  readonly name?: string
  readonly groupBytes?: number
  /** Hash in threads from this size on; default `PARALLEL_HASH_BYTES`. */
  readonly parallelBytes?: number
}

/**
 * Hashes a regular file, given by path or as an open handle (which stays open and is read by
 * position). Errors: `unreadable`, `changed` (it grew, shrank, vanished or was written to
 * meanwhile), `cancelled`.
 */
export async function hashFile(
  source: string | FileHandle,
  options: HashFileOptions = {},
): Promise<Hashed> {
  throwIfCancelled(options.signal)
  if (typeof source !== 'string') return hashHandle(source, options.name ?? 'the file', options)
  const handle = await openFile(source)
  try {
    const hashed = await hashHandle(handle, source, options)
    await checkStillThere(source, await handle.stat({ bigint: true }))
    return hashed
  } finally {
    await handle.close()
  }
}

/** Errors: `unreadable`. Not only regular files: see `checkRegular`. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer indefinitely.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadableFile(path, error)
  }
}

async function hashHandle(
  handle: FileHandle,
  name: string,
  options: HashFileOptions,
): Promise<Hashed> {
  const { parallelBytes = PARALLEL_HASH_BYTES, groupBytes = GROUP_BYTES } = options
  const before = await handle.stat({ bigint: true })
  checkRegular(before, name)
  const size = Number(before.size)
  const { signal, onProgress } = options
  const work: FileWork = { handle, name, size, groupBytes, signal, onProgress }
  // A thread hashes a piece as a subtree: a file of one piece would have no parent to join.
  const parallel = size >= Math.max(parallelBytes, PIECE_BYTES + 1)
  const hashed = await (parallel ? hashInThreads(work) : hashHere(work))
  const after = await handle.stat({ bigint: true })
  if (!sameContent(before, after)) throw changedFile(name, 'was written to')
  return hashed
}

/** Throws `unreadable` for anything but a regular file. */
export function checkRegular(stats: BigIntStats, name: string): void {
  if (stats.isDirectory()) throw new DstoreError('unreadable', `${name} is a directory`)
  if (!stats.isFile()) throw new DstoreError('unreadable', `${name} is not a regular file`)
}

/**
 * Hashes on this thread: a piece takes under a millisecond, and the event loop runs between them.
 */
async function hashHere(work: FileWork): Promise<Hashed> {
  const { handle, name, size, groupBytes, signal, onProgress } = work
  const hasher = createHasher({ groupBytes })
  const buffer = new Uint8Array(Math.min(size, PIECE_BYTES))
  for (let done = 0; done < size;) {
    throwIfCancelled(signal)
    const length = Math.min(buffer.byteLength, size - done)
    const bytesRead = await handle
      .read(buffer, 0, length, done)
      .then((result) => result.bytesRead)
      .catch((error: unknown) => {
        throw unreadableFile(name, error)
      })
    if (bytesRead === 0) throw changedFile(name, 'shrank')
    hasher.update(buffer.subarray(0, bytesRead))
    done += bytesRead
    onProgress?.(done, size)
  }
  throwIfCancelled(signal)
  return hasher.finish()
}

/**
 * A write changes the size or these times, unless it falls into one tick of the file system's
 * clock.
 */
function sameContent(before: BigIntStats, after: BigIntStats): boolean {
  return (
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  )
}

async function checkStillThere(path: string, opened: BigIntStats): Promise<void> {
  const now = await stat(path, { bigint: true }).catch(() => undefined)
  if (now === undefined) throw changedFile(path, 'vanished')
  if (now.ino !== opened.ino || now.dev !== opened.dev) throw changedFile(path, 'was replaced')
}
