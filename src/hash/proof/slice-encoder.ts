/** The sending end of a proof: which parts of outboard and value a slice is made of, and how they are interleaved. */
import { bytesIn, concat } from '../../bytes.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../limits.ts'
import { HEADER_BYTES, PAIR_BYTES, sliceSteps } from '../tree/tree.ts'
import type { ByteRange, Step } from '../tree/tree.ts'

/** A part of a slice that is read and sent at once. */
export interface SlicePiece {
  /** What to read of the outboard, in order: one range but on the way down to a range that begins within the value. */
  readonly outboard: readonly ByteRange[]
  /** What to read of the value; empty on a part that holds only parents. */
  readonly data: ByteRange
  /** Length of the encoded piece in bytes. */
  readonly encodedBytes: number
  readonly steps: readonly Step[]
}

/** What a slice begins with: the length of the value. */
export function encodeHeader(size: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  new DataView(header.buffer).setBigUint64(0, BigInt(size), true)
  return header
}

/**
 * The slice for a range of a value of `size` bytes, header aside, in pieces of at most `pieceBytes` of data (at least
 * a group), so that outboard and value can be read as they are needed. `sliceBytes` gives the length of all.
 */
export function* planSlice(
  size: number,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
  pieceBytes: number = PIECE_BYTES,
): Generator<SlicePiece, void, undefined> {
  let steps: Step[] = []
  let dataBytes = 0
  for (const step of sliceSteps(size, range, groupBytes)) {
    const groupLength = step.kind === 'group' ? step.end - step.start : 0
    if (dataBytes > 0 && dataBytes + groupLength > pieceBytes) {
      yield pieceOf(steps)
      steps = []
      dataBytes = 0
    }
    steps.push(step)
    dataBytes += groupLength
  }
  yield pieceOf(steps)
}

function pieceOf(steps: readonly Step[]): SlicePiece {
  const outboard: { start: number; end: number }[] = []
  let encodedBytes = 0
  let data: { start: number; end: number } | undefined
  for (const step of steps) {
    if (step.kind === 'parent') {
      const start = step.outboardOffset
      const last = outboard.at(-1)
      if (last?.end === start) last.end += PAIR_BYTES
      else outboard.push({ start, end: start + PAIR_BYTES })
      encodedBytes += PAIR_BYTES
    } else {
      data ??= { start: step.start, end: step.end }
      data.end = step.end
      encodedBytes += step.end - step.start
    }
  }
  return { outboard, data: data ?? { start: 0, end: 0 }, encodedBytes, steps }
}

/**
 * The encoded piece where its bytes lie: views of its ranges of the outboard, which are given one behind the other, and
 * of the value, which may lie in several arrays.
 */
export function pieceParts(
  piece: SlicePiece,
  outboard: Uint8Array,
  ...data: readonly Uint8Array[]
): Uint8Array[] {
  if (outboard.byteLength + bytesIn(data) !== piece.encodedBytes) {
    throw new RangeError('outboard and data must be the bytes that the piece names')
  }
  const parts: Uint8Array[] = []
  let pairAt = 0
  let array = 0
  let at = 0
  for (const step of piece.steps) {
    if (step.kind === 'parent') {
      parts.push(outboard.subarray(pairAt, (pairAt += PAIR_BYTES)))
      continue
    }
    for (let left = step.end - step.start; left > 0;) {
      const part = data[array]!.subarray(at, at + left)
      if (part.byteLength > 0) parts.push(part)
      left -= part.byteLength
      at += part.byteLength
      if (at < data[array]!.byteLength) continue
      array++
      at = 0
    }
  }
  return parts
}

/** The encoded piece, in one array. */
export function encodePiece(piece: SlicePiece, outboard: Uint8Array, data: Uint8Array): Uint8Array {
  return concat(pieceParts(piece, outboard, data))
}

/** The whole slice, header included, of a value and outboard that are in memory. */
export function encodeSlice(
  value: Uint8Array,
  outboard: Uint8Array,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
): Uint8Array {
  const size = value.byteLength
  const [piece] = planSlice(size, range, groupBytes, Infinity)
  const pairs = piece!.outboard.map(({ start, end }) => outboard.subarray(start, end))
  const data = value.subarray(piece!.data.start, piece!.data.end)
  return concat([encodeHeader(size), encodePiece(piece!, concat(pairs), data)])
}
