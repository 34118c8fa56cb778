/** Slices out of wherever a value is kept, and the verified bytes of one (specs/003-transfer.md, "Slices"). */
import { concat } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { SliceDecoder } from '../hash/proof/slice-decoder.ts'
import {
  encodeHeader,
  pieceParts,
  planSlice,
  type SlicePiece,
} from '../hash/proof/slice-encoder.ts'
import type { Piece } from '../hash/proof/piece-plan.ts'
import { bytesOf, groupsOf, type ByteRange } from '../hash/tree/tree.ts'
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

/** The bytes of a piece where they lie: its proof, then its groups (specs/003-transfer.md, "Pieces"). */
export async function readPiece(
  value: ValueBytes,
  { isFirst, outboard, data }: Piece,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const header = isFirst ? [encodeHeader(value.size)] : []
  // At the same time: on a disk each is several calls, one after the other.
  const [pairs, bytes] = await Promise.all([
    readPairs(value, outboard),
    readData(value, data, signal),
  ])
  return [...header, ...pairs, ...bytes]
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
  // One read for all of it, which has the next piece ready; the pairs in between are few.
  const data = new Portions(value.read(groupsIn(range, value.size), signal))
  try {
    for (const part of planParts(value.size, range)) {
      const length = part.data.end - part.data.start
      const [pairs, groups] = await Promise.all([
        readPairs(value, part.outboard),
        data.take(length),
      ])
      const encoded = [part.header, ...pieceParts(part, concat(pairs), ...groups)]
      // Not encoded first: what is read is proved, and given out, where it is.
      for (const proved of decoder.push(...encoded)) {
        const bytes = proved.kind === 'data' ? within(proved, range) : undefined
        if (bytes !== undefined) yield bytes
      }
    }
    decoder.finish()
  } finally {
    await data.end()
  }
}

/** The bytes of the groups that a slice for the range holds. */
const groupsIn = (range: ByteRange, size: number): ByteRange =>
  bytesOf(groupsOf(range, size), size, GROUP_BYTES)

/** A stream of bytes, taken so many at a time, where they lie. */
class Portions {
  readonly #source: AsyncIterator<Uint8Array>
  #rest: Uint8Array = NOTHING

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next `count` bytes. */
  async take(count: number): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = []
    for (let left = count; left > 0;) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#source.next()
        if (next.done === true) throw new DstoreError('integrity', 'a value is shorter than it was')
        this.#rest = next.value
      }
      const part = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(part.byteLength)
      left -= part.byteLength
      parts.push(part)
    }
    return parts
  }

  /** Nothing more is wanted. */
  async end(): Promise<void> {
    await this.#source.return?.()
  }
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
