/** The bytes of a file of the upstream, verified by the digest that it states (R010-72). */
import { createHash } from 'node:crypto'
import { DstoreError } from '../../../errors.ts'
import { hashInTurns, createHasher } from '../../../hash/hasher.ts'
import { Key } from '../../../hash/key.ts'
import { HF_PACE_BYTES, HF_RETRIES } from '../../../limits.ts'
import { pause } from '../../../deadline.ts'
import { checkedPieces } from '../../checked-pieces.ts'
import type { ListedFile } from './listing.ts'
import { Absent, UpstreamFault } from './refusal.ts'
import type { Remote } from './remote.ts'

interface DigestOfFile {
  update(bytes: Uint8Array): Promise<void>
  /** Ends it: are these the bytes that were stated? */
  matches(): boolean
}

/**
 * The bytes of a file, to be stored: never a whole value before all have the stated digest. Throws
 * `integrity` for other bytes, more or fewer.
 */
export function verifiedBytes(
  bytes: AsyncIterable<Uint8Array>,
  file: ListedFile,
): AsyncGenerator<Uint8Array> {
  const digest = digestFor(file)
  let size = 0
  return checkedPieces(bytes, {
    async update(piece) {
      size += piece.byteLength
      if (size > file.size) throw wrong('more bytes than it stated')
      await digest.update(piece)
    },
    end() {
      if (size < file.size) throw wrong(`${size} bytes of ${file.size}`)
      if (!digest.matches()) throw wrong('other bytes than it stated')
    },
  })
}

const wrong = (what: string): DstoreError =>
  new DstoreError('integrity', `the upstream sent ${what}`)

function digestFor({ key, lfs, oid, size }: ListedFile): DigestOfFile {
  if (key !== undefined) {
    const hasher = createHasher()
    return {
      update: (bytes) => hashInTurns(hasher, bytes),
      matches: () => new Key(hasher.finish().digest).toString() === key,
    }
  }
  const hash = createHash(lfs === undefined ? 'sha1' : 'sha256')
  // Git hashes a blob with its length before it.
  if (lfs === undefined) hash.update(`blob ${size}\0`)
  return {
    async update(bytes: Uint8Array) {
      hash.update(bytes)
    },
    matches: () => hash.digest('hex') === (lfs?.sha256 ?? oid),
  }
}

/** How long after a broken download the next try begins, in milliseconds. */
const RETRY_MS = 1000

/**
 * The bytes at a path of the upstream, as they come. Where they break off, they are asked for from
 * there on, up to `HF_RETRIES` times in a row that brought less than `HF_PACE_BYTES`.
 */
export async function* resumedBytes(
  remote: Remote,
  path: string,
  size: number,
  signal: AbortSignal,
  retryMs: number = RETRY_MS,
): AsyncGenerator<Uint8Array> {
  let start = 0
  for (let failed = 0; ; failed++) {
    const began = start
    try {
      const answer = await remote.bytes(path, start, signal)
      try {
        for await (const piece of answer.bytes) {
          start += piece.byteLength
          if (start - began >= HF_PACE_BYTES) failed = 0
          yield piece
          // One byte more than was stated is enough to know.
          if (start > size) return
        }
      } finally {
        answer.end()
      }
      if (start >= size) return
    } catch (error) {
      const isOver = signal.aborted || !isPassing(error) || failed >= HF_RETRIES
      if (isOver) throw error
    }
    // A body that ends early without an error is tried again, too.
    if (failed >= HF_RETRIES) return
    await pause(retryMs, signal)
    signal.throwIfAborted()
  }
}

/** May the next try succeed? */
function isPassing(error: unknown): boolean {
  if (error instanceof Absent) return false
  if (error instanceof UpstreamFault) return error.retryMs === undefined
  return error instanceof DstoreError && ['unreachable', 'timeout'].includes(error.code)
}
