/** Names of files that spell a digest. Loaded only by `dstore cid --digest`. */
import { DstoreError } from '../../src/errors.ts'
import { isDigestAlgorithm } from '../../src/hash/foreign-digest.ts'
import { nameOfBytes } from '../../src/hash/foreign-hasher.ts'

export interface NamedByDigest {
  readonly name: string
  /** In bytes. */
  readonly size: number
}

type NameOf = (
  bytes: AsyncIterable<Uint8Array>,
  onProgress: (doneBytes: number) => void,
) => Promise<NamedByDigest>

/** Hashes a stream by this function. Throws `usage` for one that dstore does not verify. */
export function digestNameOf(algorithm: string): NameOf {
  if (!isDigestAlgorithm(algorithm)) {
    throw new DstoreError('usage', `no such hash: ${algorithm}`, {
      hint: 'dstore verifies sha2-256, sha2-384 and sha2-512',
    })
  }
  return async (bytes, onProgress) => {
    let size = 0
    async function* passing(): AsyncGenerator<Uint8Array> {
      for await (const piece of bytes) {
        yield piece
        onProgress((size += piece.byteLength))
      }
    }
    return { name: await nameOfBytes(algorithm, passing()), size }
  }
}
