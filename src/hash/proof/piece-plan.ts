/**
 * Cuts a slice into pieces at fixed offsets of the value, each with its proof first (specs/003,
 * "Pieces").
 */
import { GROUP_BYTES, PIECE_BYTES } from '../../limits.ts'
import {
  HEADER_BYTES,
  PAIR_BYTES,
  bytesOf,
  checkTree,
  groupCount,
  groupsOf,
  leftGroups,
  type ByteRange,
  type GroupRange,
} from '../tree/tree.ts'

/**
 * A step of a piece is a group or a parent. A parent has flags: whether its left child and its
 * right child are in the slice (at least one is), and whether it is the root. Steps are numbers
 * because both ends walk through about a hundred of them for each piece.
 */
export const GROUP = 0
export const LEFT = 1
export const RIGHT = 2
export const ROOT = 4

/** The part of a slice for one span of the value: `PIECE_BYTES` from a multiple of that. */
export interface Piece {
  /** Does the header of the slice precede its pairs? */
  readonly isFirst: boolean
  /** Ranges of its pairs in the outboard, in order. */
  readonly outboard: readonly ByteRange[]
  /** Bytes of its proof: the header and the pairs. */
  readonly proofBytes: number
  /** The bytes of its groups, which follow. */
  readonly data: ByteRange
  /** Its parents and groups in pre-order. */
  readonly steps: readonly number[]
}

/**
 * The pieces of the slice for a range: each has at least one group, and the parents above not sent
 * before.
 */
export function* planPieces(
  size: number,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
  spanBytes: number = PIECE_BYTES,
): Generator<Piece, void, undefined> {
  checkTree(size, groupBytes)
  const wanted = groupsOf(range, size, groupBytes)
  const total = groupCount(size, groupBytes)
  const spanGroups = spanBytes / groupBytes
  for (let first = wanted.first; first < wanted.end;) {
    const span = Math.floor(first / spanGroups)
    const groups = { first, end: Math.min(wanted.end, (span + 1) * spanGroups) }
    const { steps, outboard } = new Walk(total, wanted, groups)
    const isFirst = first === wanted.first
    const header = isFirst ? HEADER_BYTES : 0
    const proofBytes = outboard.reduce((sum, { start, end }) => sum + end - start, header)
    yield { isFirst, outboard, proofBytes, data: bytesOf(groups, size, groupBytes), steps }
    first = groups.end
  }
}

/** Bytes of a piece: its proof and its groups. */
export function lengthOf({ proofBytes, data }: Piece): number {
  return proofBytes + (data.end - data.start)
}

/** Walks a tree from its root to some of the wanted groups. */
class Walk {
  readonly steps: number[] = []
  readonly outboard: { start: number; end: number }[] = []
  readonly #total: number
  readonly #wanted: GroupRange
  readonly #groups: GroupRange

  constructor(total: number, wanted: GroupRange, groups: GroupRange) {
    this.#total = total
    this.#wanted = wanted
    this.#groups = groups
    this.#visit(0, total, 0)
  }

  /** Visits the subtree over these groups, whose root has its pair at `outboardOffset`. */
  #visit(first: number, end: number, outboardOffset: number): void {
    if (end - first === 1) {
      this.steps.push(GROUP)
      return
    }
    const wanted = this.#wanted
    const groups = this.#groups
    const middle = first + leftGroups(end - first)
    // An earlier piece with a group below this parent has its pair.
    if (Math.max(first, wanted.first) >= groups.first) {
      const left = wanted.first < middle ? LEFT : 0
      const right = wanted.end > middle ? RIGHT : 0
      this.steps.push(left | right | (end - first === this.#total ? ROOT : 0))
      this.#addPair(outboardOffset)
    }
    if (groups.first < middle) this.#visit(first, middle, outboardOffset + PAIR_BYTES)
    if (groups.end > middle) {
      this.#visit(middle, end, outboardOffset + (middle - first) * PAIR_BYTES)
    }
  }

  #addPair(start: number): void {
    const last = this.outboard.at(-1)
    if (last?.end === start) last.end += PAIR_BYTES
    else this.outboard.push({ start, end: start + PAIR_BYTES })
  }
}
