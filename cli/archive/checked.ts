/** Bytes that are a value only if they have its key. */
import { DstoreError } from '../../src/errors.ts'
import { createHasher } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { HASH_WINDOW_BYTES } from '../../src/limits.ts'

/**
 * The same bytes, of which the last piece comes when all are known to be the key's, and never where they are not
 * (`integrity`): whoever stores what came to its end has that value or nothing.
 */
export async function* checked(
  bytes: AsyncIterable<Uint8Array>,
  key: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The tree is not wanted; large groups keep it small.
  const hasher = createHasher({ groupBytes: HASH_WINDOW_BYTES })
  let last: Uint8Array | undefined
  for await (const piece of bytes) {
    hasher.update(piece)
    if (last !== undefined) yield last
    last = piece
  }
  const found = new Key(hasher.finish().digest).toString()
  if (found !== key) {
    throw new DstoreError('integrity', `${key} in the archive is not that value, but ${found}`)
  }
  if (last !== undefined) yield last
}
