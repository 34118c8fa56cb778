/** The key of bytes that a program has, without a store: BLAKE3 by the code that stores use. */
import { createHasher, hash } from './hasher.ts'
import { Key } from './key.ts'

/** Fewer nodes of the tree than a store keeps: only the key is wanted. */
const GROUPS = { groupBytes: 262_144 }

/** Computes the key of a value piece by piece. It blocks its thread: give it slices. */
export interface KeyHasher {
  /**
   * Hash the next bytes. The caller may reuse the array.
   * @example for await (const piece of createReadStream('hello.txt')) hasher.update(piece)
   */
  update(bytes: Uint8Array): void
  /**
   * The key of all bytes so far. Ends the hasher.
   * @example const key = hasher.finish()
   */
  finish(): Key
}

/**
 * A `KeyHasher`, for the bytes of one value.
 * @example const hasher = createKeyHasher()
 */
export function createKeyHasher(): KeyHasher {
  const hasher = createHasher(GROUPS)
  return {
    update: (bytes) => hasher.update(bytes),
    finish: () => new Key(hasher.finish().digest),
  }
}

/**
 * The key of these bytes, which `put` would give; computed at once, in this thread.
 * @example const key = keyOf(new TextEncoder().encode('hello'))
 */
export function keyOf(bytes: Uint8Array): Key {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array')
  return new Key(hash(bytes, GROUPS).digest)
}
