/** Slices out of wherever a value is kept, and the verified bytes of one (specs/003-transfer.md, "Slices"). */
import { concat } from '../bytes.ts'
import { SliceDecoder, type Proved } from '../hash/slice-decoder.ts'
import { encodeHeader, pieceParts, planSlice, type SlicePiece } from '../hash/slice-encoder.ts'
import type { ByteRange } from '../hash/tree.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../limits.ts'

/** A value and its outboard, to be read in ranges. */
export interface ValueBytes {
  readonly size: number
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>
  outboard(range: ByteRange): Promise<Uint8Array>
}

const NOTHING = new Uint8Array(0)

/** Data of one piece, so much below `PIECE_BYTES` that its pairs and the header fit as well. */
const PIECE_DATA_BYTES = PIECE_BYTES - 2 * GROUP_BYTES

/** A part of a slice that is read, sent and forgotten before the next. */
export interface PlannedPiece extends SlicePiece {
  /** The header of the slice, before its first piece; else nothing. */
  readonly header: Uint8Array
}

/** The pieces of the slice for a range, each of at most `PIECE_BYTES` when encoded. */
export function* planPieces(
  size: number,
  range: ByteRange,
): Generator<PlannedPiece, void, undefined> {
  let header = encodeHeader(size)
  for (const piece of planSlice(size, range, GROUP_BYTES, PIECE_DATA_BYTES)) {
    yield { ...piece, header }
    header = NOTHING
  }
}

/** The encoded bytes of a piece. */
export async function readPiece(
  value: ValueBytes,
  piece: PlannedPiece,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return concat(await readParts(value, piece, signal))
}

/** The same where they lie: in arrays of at most a group. */
export async function readParts(
  value: ValueBytes,
  piece: PlannedPiece,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const pairs: Uint8Array[] = []
  for (const part of piece.outboard) pairs.push(await value.outboard(part))
  const data: Uint8Array[] = []
  if (piece.data.end > piece.data.start) {
    for await (const part of value.read(piece.data, signal)) data.push(part)
  }
  return [piece.header, ...pieceParts(piece, concat(pairs), ...data)]
}

/** The slice for a range, read as it is asked for: about one piece is in memory at a time. */
export async function* sliceOf(
  value: ValueBytes,
  range: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of planPieces(value.size, range)) yield await readPiece(value, piece, signal)
}

/**
 * The bytes of a range, each verified before it is given out: for values that lay where they may have decayed.
 * Errors: `integrity`.
 */
export async function* verifiedBytes(
  value: ValueBytes,
  digest: Uint8Array,
  range: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new SliceDecoder({ digest, range, size: value.size })
  for (const piece of planPieces(value.size, range)) {
    // Not encoded first: what is read is proved, and given out, where it is.
    for (const proved of decoder.push(...(await readParts(value, piece, signal)))) {
      const bytes = within(proved, range)
      if (bytes !== undefined) yield bytes
    }
  }
  decoder.finish()
}

/** What of a proved run lies in the range that was asked for: slices hold whole groups. */
export function within(proved: Proved, { start, end }: ByteRange): Uint8Array | undefined {
  if (proved.kind !== 'data') return undefined
  const from = Math.max(0, start - proved.start)
  const to = Math.min(proved.bytes.byteLength, end - proved.start)
  return to > from ? proved.bytes.subarray(from, to) : undefined
}
