/** Slices out of wherever a value is kept, and the verified bytes of one (specs/003-transfer.md, "Slices"). */
import { concat } from '../bytes.ts'
import { SliceDecoder, type Proved } from '../hash/slice-decoder.ts'
import { encodeHeader, encodePiece, planSlice } from '../hash/slice-encoder.ts'
import type { ByteRange } from '../hash/tree.ts'

/** A value and its outboard, to be read in ranges. */
export interface ValueBytes {
  readonly size: number
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>
  outboard(range: ByteRange): Promise<Uint8Array>
}

/** The slice for a range, read as it is asked for: about one piece is in memory at a time. */
export async function* sliceOf(
  value: ValueBytes,
  range: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeHeader(value.size)
  for (const piece of planSlice(value.size, range)) {
    const pairs: Uint8Array[] = []
    for (const part of piece.outboard) pairs.push(await value.outboard(part))
    const data: Uint8Array[] = []
    if (piece.data.end > piece.data.start) {
      for await (const part of value.read(piece.data, signal)) data.push(part)
    }
    yield encodePiece(piece, concat(pairs), concat(data))
  }
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
  for await (const part of sliceOf(value, range, signal)) {
    for (const proved of decoder.push(part)) {
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
