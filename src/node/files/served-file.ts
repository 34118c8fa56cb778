/**
 * A value in a file as it is served and read back. Another process may have changed the file, so
 * every byte is verified after it was read.
 */
import { unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { KIB, PIECE_BYTES } from '../../limits.ts'
import { readFault } from '../../store/disk/value-reader.ts'
import { verifiedBytes, type ValueBytes } from '../../transfer/piece-reader.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import type { CachedFile } from './cached-file.ts'

/** The outboard of 16 MiB of a value, read at once. */
const OUTBOARD_RUN_BYTES = 64 * KIB

/** `onDamage` is called with the fault where the file does not hold the value. */
export function servedFromFile(
  file: CachedFile,
  signal: AbortSignal,
  release: (stillReferenced: boolean) => void,
  onDamage: (fault: DstoreError) => void,
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
        yield* verifiedBytes(raw, file.key.digest, range, given ?? signal)
      } catch (error) {
        if (error instanceof DstoreError && error.code === 'integrity') onDamage(error)
        throw error
      }
    },
  }
}

/** As they are in the file, not verified. Errors: `integrity` where the file is too short. */
export function rawBytes(file: CachedFile, signal: AbortSignal): ValueBytes {
  const total = outboardBytes(file.size)
  // What is sent to a peer is what was verified: the run is read once for both.
  let at = 0
  let run: Promise<Uint8Array> | undefined
  let runEnd = 0
  /** Was the file when the run was read? */
  let wasWhole = false
  return {
    size: file.size,
    async outboard({ start, end }) {
      if (start === end) return unzeroed(0)
      if (run === undefined || start < at || end > runEnd) {
        at = start
        // Of an unfinished file no more than is asked for: the rest may be written meanwhile.
        wasWhole = file.isWhole
        runEnd = wasWhole ? Math.min(total, Math.max(end, start + OUTBOARD_RUN_BYTES)) : end
        run = filled(runEnd - start, (into) => file.readPairs(into, start))
      }
      const [base, whole] = [at, await run]
      if (end - base > whole.byteLength) {
        if (wasWhole) throw shorter()
        // A reader may ask for more than it needs, which is not written yet.
        const padded = new Uint8Array(end - start)
        padded.set(whole.subarray(start - base))
        return padded
      }
      return whole.subarray(start - base, end - base)
    },
    async *read(range) {
      yield* inPieces(file, range, signal)
    },
  }
}

/** Reads one piece ahead. */
async function* inPieces(
  file: CachedFile,
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

/** What could be read of `length` bytes. */
async function filled(
  length: number,
  read: (into: Uint8Array) => Promise<number>,
): Promise<Uint8Array> {
  try {
    const bytes = unzeroed(length)
    const count = await read(bytes)
    return count === length ? bytes : bytes.subarray(0, count)
  } catch (error) {
    throw readFault(error)
  }
}

const shorter = (): DstoreError =>
  new DstoreError('integrity', 'a file of the cache is shorter than it was')
