/** How a slice is cut for its way over the wire: at fixed places of the value, proof first (specs/003, "Pieces"). */
import { GROUP_BYTES, PIECE_BYTES } from '../limits.ts'
import { HEADER_BYTES, PAIR_BYTES, sliceSteps } from './tree.ts'
import type { ByteRange, Step } from './tree.ts'

/** What of a slice belongs to one span of the value: `PIECE_BYTES` from a multiple of that. */
export interface Piece {
  /** Does the header of the slice come before its pairs? */
  readonly isFirst: boolean
  /** Where its pairs are in the outboard, in order. */
  readonly outboard: readonly ByteRange[]
  /** Bytes of its proof: the header and the pairs. */
  readonly proofBytes: number
  /** Its groups, which follow. */
  readonly data: ByteRange
  readonly steps: readonly Step[]
}

/** The pieces of the slice for a range: each holds at least one group, and the parents above that were not given before. */
export function* planPieces(
  size: number,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
  spanBytes: number = PIECE_BYTES,
): Generator<Piece, void, undefined> {
  let isFirst = true
  let steps: Step[] = []
  /** Parents since the last group: of its span or of the next, whichever the next group is in. */
  let parents: Step[] = []
  let data: { start: number; end: number } | undefined
  for (const step of sliceSteps(size, range, groupBytes)) {
    if (step.kind === 'parent') {
      parents.push(step)
      continue
    }
    const isNext = data !== undefined && step.start % spanBytes === 0
    if (isNext) {
      yield pieceOf(steps, data!, isFirst)
      isFirst = false
      steps = []
      data = undefined
    }
    data ??= { start: step.start, end: step.end }
    data.end = step.end
    steps.push(...parents, step)
    parents = []
  }
  yield pieceOf(steps, data!, isFirst)
}

/** Bytes of a piece, its proof and its groups. */
export function lengthOf({ proofBytes, data }: Piece): number {
  return proofBytes + (data.end - data.start)
}

function pieceOf(steps: readonly Step[], data: ByteRange, isFirst: boolean): Piece {
  const outboard: { start: number; end: number }[] = []
  let proofBytes = isFirst ? HEADER_BYTES : 0
  for (const step of steps) {
    if (step.kind === 'group') continue
    const start = step.outboardOffset
    const last = outboard.at(-1)
    if (last?.end === start) last.end += PAIR_BYTES
    else outboard.push({ start, end: start + PAIR_BYTES })
    proofBytes += PAIR_BYTES
  }
  return { isFirst, outboard, proofBytes, data, steps }
}
