/** Keys of files, computed here. Loaded only by `dstore cid`, for the hash is more code than the rest together. */
import { createHasher } from '../src/hash/hasher.ts'
import { Key } from '../src/hash/key.ts'
import { HASH_WINDOW_BYTES } from '../src/limits.ts'
import { FileSource } from '../src/store/file-source.ts'

export interface NamedBytes {
  readonly key: string
  /** In bytes. */
  readonly size: number
}

/** Errors: `unreadable`, `changed`. */
export async function keyOfFile(path: string, signal: AbortSignal): Promise<NamedBytes> {
  const file = await FileSource.open(path)
  try {
    const named = await keyOfStream(file.read({ start: 0, end: file.size }), signal)
    await file.checkUnchanged()
    return named
  } finally {
    await file.close()
  }
}

export async function keyOfStream(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<NamedBytes> {
  // The tree is not wanted; large groups keep it small.
  const hasher = createHasher({ groupBytes: HASH_WINDOW_BYTES })
  for await (const piece of bytes) {
    signal.throwIfAborted()
    hasher.update(piece)
  }
  const { digest, size } = hasher.finish()
  return { key: new Key(digest).toString(), size }
}
