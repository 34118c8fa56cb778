/** Blocks on their way in: their bytes have the digest of their CID, or they are refused. */
import { createKeyHasher, DstoreError, keyOf } from '@dstore/dstore'
import type { Key } from '@dstore/dstore'

/** What a blockstore is given for a block. */
export type BlockBytes = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Throws `usage` unless these are the bytes of the key. */
export function checkBytes(bytes: Uint8Array, key: Key): void {
  checkKey(keyOf(bytes), key)
}

/**
 * Passes the pieces on, and throws `usage` in place of their end unless they are the bytes of the
 * key: so that a put of others does not complete.
 */
export async function* checkedPieces(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  key: Key,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createKeyHasher()
  for await (const piece of pieces) {
    hasher.update(piece)
    yield piece
  }
  checkKey(hasher.finish(), key)
}

/** Throws `usage` for any other key. */
export function checkKey(found: Key, key: Key): void {
  if (found.equals(key)) return
  throw new DstoreError('usage', 'the bytes of the block are not those of its CID', {
    hint: `the CID of these bytes is ${found.toString()}`,
  })
}
