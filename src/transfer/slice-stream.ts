/** Slices out of wherever a value is kept, and the verified bytes of one (specs/003-transfer.md, "Slices"). */
import { concat } from '../bytes.ts'
import { SliceDecoder } from '../hash/slice-decoder.ts'
import { encodeHeader, pieceParts, planSlice, type SlicePiece } from '../hash/slice-encoder.ts'
import type { Piece } from '../hash/piece-plan.ts'
import type { ByteRange } from '../hash/tree.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../limits.ts'

/** A value and its outboard, to be read in ranges. */
export interface ValueBytes {
  readonly size: number
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>
  outboard(range: ByteRange): Promise<Uint8Array>
}

const NOTHING = new Uint8Array(0)

/** Data of one part, so much below `PIECE_BYTES` that its pairs and the header fit as well. */
const PART_DATA_BYTES = PIECE_BYTES - 2 * GROUP_BYTES

/** A part of a slice that is read, used and forgotten before the next. */
interface PlannedPart extends SlicePiece {
  /** The header of the slice, before its first part; else nothing. */
  readonly header: Uint8Array
}

/** The parts of the slice for a range, each of at most `PIECE_BYTES` when encoded. */
function* planParts(size: number, range: ByteRange): Generator<PlannedPart, void, undefined> {
  let header = encodeHeader(size)
  for (const piece of planSlice(size, range, GROUP_BYTES, PART_DATA_BYTES)) {
    yield { ...piece, header }
    header = NOTHING
  }
}

/** The bytes of a part where they lie: in arrays of at most a group. */
async function readPart(
  value: ValueBytes,
  part: PlannedPart,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const { header, outboard, data } = part
  const pairs = concat(await readPairs(value, outboard))
  return [header, ...pieceParts(part, pairs, ...(await readData(value, data, signal)))]
}

/** The bytes of a piece where they lie: its proof, then its groups (specs/003-transfer.md, "Pieces"). */
export async function readPiece(
  value: ValueBytes,
  { isFirst, outboard, data }: Piece,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const header = isFirst ? [encodeHeader(value.size)] : []
  return [
    ...header,
    ...(await readPairs(value, outboard)),
    ...(await readData(value, data, signal)),
  ]
}

async function readPairs(value: ValueBytes, outboard: readonly ByteRange[]): Promise<Uint8Array[]> {
  const pairs: Uint8Array[] = []
  for (const range of outboard) pairs.push(await value.outboard(range))
  return pairs
}

async function readData(
  value: ValueBytes,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const data: Uint8Array[] = []
  if (range.end > range.start) {
    for await (const part of value.read(range, signal)) data.push(part)
  }
  return data
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
  for (const part of planParts(value.size, range)) {
    // Not encoded first: what is read is proved, and given out, where it is.
    for (const proved of decoder.push(...(await readPart(value, part, signal)))) {
      const bytes = proved.kind === 'data' ? within(proved, range) : undefined
      if (bytes !== undefined) yield bytes
    }
  }
  decoder.finish()
}

/** What of a proved run lies in the range that was asked for: slices hold whole groups. */
export function within(
  proved: { readonly start: number; readonly bytes: Uint8Array },
  { start, end }: ByteRange,
): Uint8Array | undefined {
  const from = Math.max(0, start - proved.start)
  const to = Math.min(proved.bytes.byteLength, end - proved.start)
  return to > from ? proved.bytes.subarray(from, to) : undefined
}
