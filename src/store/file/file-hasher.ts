/**
 * Hashes files in one pass (specs/002-verified-values.md, "Hashing"). This thread reads and hashes
 * small files; from `PARALLEL_HASH_BYTES` on, threads read and hash a subtree each.
 *
 * The code of the threads lies beside this module: bundlers must not merge the two.
 */
import { throwIfCancelled } from '../../errors.ts'
import { createHasher } from '../../hash/hasher.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { GROUP_BYTES, PARALLEL_HASH_BYTES, PIECE_BYTES } from '../../limits.ts'
import { HAS_HASH_THREADS, hashInThreads } from './file-hash-threads.ts'
import { FileSource } from './file-source.ts'

export interface HashFileOptions {
  /** Ends the work promptly: `cancelled`, or the signal's reason if it is a `DstoreError`. */
  readonly signal?: AbortSignal
  /**
   * Called during the work, at least once for a file that is not empty. The total is undefined if
   * only the end of the file tells it.
   */
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void
  readonly groupBytes?: number
  /** Hash in threads from this size on; default `PARALLEL_HASH_BYTES`. */
  readonly parallelBytes?: number
}

/**
 * Hashes a regular file. Errors: `unreadable`, `changed` (it grew, shrank or was written to
 * meanwhile), `cancelled`.
 */
export async function hashFile(path: string, options: HashFileOptions = {}): Promise<Hashed> {
  throwIfCancelled(options.signal)
  const source = await FileSource.open(path)
  try {
    return await hashSource(source, options)
  } finally {
    await source.close()
  }
}

/** The same for an open file. */
export async function hashSource(
  source: FileSource,
  options: HashFileOptions = {},
): Promise<Hashed> {
  const { signal, onProgress, groupBytes = GROUP_BYTES } = options
  const { fd, path, size } = source
  throwIfCancelled(signal)
  // A thread hashes a piece as a subtree: a file of one piece would have no parent to join.
  const parallelBytes = Math.max(options.parallelBytes ?? PARALLEL_HASH_BYTES, PIECE_BYTES + 1)
  const hashed =
    size !== undefined && size >= parallelBytes && HAS_HASH_THREADS
      ? await hashInThreads({ fd, name: path, size, groupBytes, signal, onProgress })
      : await hashHere(source, groupBytes, options)
  await source.checkUnchanged()
  return hashed
}

/**
 * Hashes on this thread: a piece takes under a millisecond, and the event loop runs between them.
 */
async function hashHere(
  source: FileSource,
  groupBytes: number,
  { signal, onProgress }: HashFileOptions,
): Promise<Hashed> {
  const { size } = source
  const hasher = createHasher({ groupBytes })
  const buffer = new Uint8Array(Math.min(size ?? PIECE_BYTES, PIECE_BYTES))
  for (let done = 0; ;) {
    throwIfCancelled(signal)
    const length = await readFrom(source, buffer, done)
    if (length === 0) break
    hasher.update(buffer.subarray(0, length))
    done += length
    onProgress?.(done, size)
  }
  throwIfCancelled(signal)
  return hasher.finish()
}

/** Fills the buffer with what comes next; less only at the end of the file. */
async function readFrom(source: FileSource, buffer: Uint8Array, done: number): Promise<number> {
  if (source.size === undefined) return source.readNext(buffer)
  const length = Math.min(buffer.byteLength, source.size - done)
  await source.readInto(buffer.subarray(0, length), done)
  return length
}
