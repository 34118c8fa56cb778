/**
 * Stores a file of this process through a daemon, which reads it itself where the path leads it to
 * the same file (R007-25, R007-92).
 */
import { realpath } from 'node:fs/promises'
import { asDstoreError } from '../../errors.ts'
import { INLINE_VALUE_BYTES } from '../../limits.ts'
import type { Progress } from '../../node/node.ts'
import { isLossy } from '../../utf8.ts'
import { FileSource } from '../../store/file/file-source.ts'
import type { PutAnswer } from '../api/api.ts'
import type { Client } from './client.ts'
import type { PutKeeper } from './names/terms.ts'

export interface PutFileOptions extends PutKeeper {
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Errors: `unreadable` for anything but a regular file, `changed`, and those of the daemon. */
export async function putFile(
  client: Client,
  path: string,
  { onProgress, ...keeper }: PutFileOptions = {},
): Promise<PutAnswer> {
  // The file stays open, so that no other one gets its inode.
  const file = await FileSource.open(path)
  try {
    const handedOver = await pathForDaemon(file)
    if (handedOver !== undefined) {
      try {
        return await client.putPath(handedOver, file.identity, onProgress, keeper)
      } catch (error) {
        if (!isForClient(error)) throw error
      }
    }
    const bytes = reporting(file.readToEnd(), file.size, onProgress)
    return await client.putBytes(bytes, file.size, keeper)
  } finally {
    await file.close()
  }
}

/** The same bytes; reports those that were taken. */
export async function* reporting(
  bytes: AsyncIterable<Uint8Array>,
  totalBytes: number | undefined,
  onProgress: ((progress: Progress) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0
  for await (const piece of bytes) {
    yield piece
    doneBytes += piece.byteLength
    onProgress?.({ phase: 'store', doneBytes, totalBytes })
  }
}

/**
 * The real path of the file; undefined if this process must send the bytes: those of a file
 * without a path in UTF-8, such as a deleted one, or of one without a length, which may give each
 * process other bytes, as procfs does. Those of a small file arrive as soon as its path would.
 */
async function pathForDaemon({ path, size }: FileSource): Promise<string | undefined> {
  if (size === undefined || size <= INLINE_VALUE_BYTES) return undefined
  const found = await realpath(path).catch(() => undefined)
  return found === undefined || isLossy(found) ? undefined : found
}

/** Whether the daemon did not read the file, which this process can. */
function isForClient(error: unknown): boolean {
  const { code } = asDstoreError(error)
  return code === 'unreadable' || code === 'not-permitted'
}
