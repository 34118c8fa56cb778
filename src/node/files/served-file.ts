/**
 * A value in a file as it is served and read back. Another process may have changed the file, so
 * every byte is verified after it was read.
 */
import { DstoreError } from '../../errors.ts'
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { verifiedBytes, type ValueBytes } from '../../transfer/piece-reader.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import { filled, shorter, type FileBytes } from './file-bytes.ts'
import { PairsReader } from './pairs-reader.ts'

export interface ServedFileOptions {
  readonly signal: AbortSignal
  readonly release: (stillReferenced: boolean) => void
  /** Hashes on another thread. */
  readonly checker: GroupChecker | undefined
  /** Called with the fault where the file does not hold the value. */
  readonly onDamage: (fault: DstoreError) => void
}

export function servedFromFile(
  file: FileBytes,
  { signal, release, checker, onDamage }: ServedFileOptions,
): ServedValue {
  const raw = rawBytes(file, signal)
  return {
    size: file.size,
    signal,
    release,
    covers: (range) => file.held.covers(range),
    held: () => file.held.held(),
    outboard: (range) => raw.outboard(range),
    async *read(range, given) {
      if (range.start === range.end) return
      try {
        yield* verifiedBytes(raw, file.key.digest, range, given ?? signal, checker)
      } catch (error) {
        if (error instanceof DstoreError && error.code === 'integrity') onDamage(error)
        throw error
      }
    },
  }
}

/** As they are in the file, not verified. Errors: `integrity` where the file is too short. */
export function rawBytes(file: FileBytes, signal: AbortSignal): ValueBytes {
  const pairs = new PairsReader(file)
  return {
    size: file.size,
    outboard: (range) => pairs.read(range),
    async *read(range) {
      yield* inPieces(file, range, signal)
    },
  }
}

/** Reads one piece ahead. */
async function* inPieces(
  file: FileBytes,
  { start, end }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const read = (from: number): Promise<Uint8Array> | undefined => {
    if (from >= end) return undefined
    const length = Math.min(PIECE_BYTES, end - from)
    const piece = filled(length, (into) => file.readData(into, from))
    // Its failure is thrown when its turn comes.
    piece.catch(() => undefined)
    return piece
  }
  let ahead = read(start)
  for (let at = start; ahead !== undefined;) {
    const piece = await ahead
    if (piece.byteLength < Math.min(PIECE_BYTES, end - at)) throw shorter()
    at += piece.byteLength
    ahead = read(at)
    signal.throwIfAborted()
    yield piece
    signal.throwIfAborted()
  }
}
