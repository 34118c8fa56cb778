/** Keys of files, computed in this process. Loaded only by `dstore cid`: the hash is much code. */
import { engine } from '../../src/hash/engine/active-engine.ts'
import { createHasher } from '../../src/hash/hasher.ts'
import type { Hashed } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { HASH_WINDOW_BYTES } from '../../src/limits.ts'
import { hashFile } from '../../src/store/file/file-hasher.ts'

export interface NamedBytes {
  readonly key: string
  /** In bytes. */
  readonly size: number
}

/** One line if there is a native addon that this process does not use (R002-19). */
export const refusedAddon = (): string | undefined => engine().refused

/** Only the root is needed; large groups keep the tree small. */
const groupBytes = HASH_WINDOW_BYTES

/** Errors: `unreadable`, `changed`. */
export async function keyOfFile(
  path: string,
  signal: AbortSignal,
  onProgress: (doneBytes: number, totalBytes: number | undefined) => void,
): Promise<NamedBytes> {
  return named(await hashFile(path, { signal, groupBytes, onProgress }))
}

export async function keyOfStream(bytes: AsyncIterable<Uint8Array>): Promise<NamedBytes> {
  const hasher = createHasher({ groupBytes })
  for await (const piece of bytes) hasher.update(piece)
  return named(hasher.finish())
}

function named({ digest, size }: Hashed): NamedBytes {
  return { key: new Key(digest).toString(), size }
}
