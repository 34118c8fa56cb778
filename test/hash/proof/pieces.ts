/**
 * Values to be sent in pieces, and the pieces of a slice as they go over the wire, for tests of
 * both ends.
 */
import { concat } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { GROUP, lengthOf, planPieces, type Piece } from '../../../src/hash/proof/piece-plan.ts'
import {
  HEADER_BYTES,
  PAIR_BYTES,
  bytesOf,
  encodeHeader,
  groupCount,
  groupsOf,
  leftGroups,
  outboardBytes,
  type ByteRange,
} from '../../../src/hash/tree/tree.ts'
import { CHUNK_BYTES, DIGEST_BYTES, GROUP_BYTES } from '../../../src/limits.ts'
import { ENGINES } from '../engine/engines.ts'
import { pattern } from '../sizes.ts'

/**
 * What a slice has behind its header, in order: a pair of the outboard, or a group of the value.
 */
export type Step =
  | {
      readonly kind: 'parent'
      readonly outboardOffset: number
      readonly root: boolean
      /** Whether its left child, and its right, belong to the slice. */
      readonly left: boolean
      readonly right: boolean
    }
  | { readonly kind: 'group'; readonly start: number; readonly end: number }

/** The definition of a slice (R002-5, R002-7), which pieces are compared with. */
export function sliceSteps(size: number, range: ByteRange, groupBytes: number): Step[] {
  const wanted = groupsOf(range, size, groupBytes)
  const total = groupCount(size, groupBytes)
  const below = (first: number, end: number, outboardOffset: number): Step[] => {
    if (end <= wanted.first || first >= wanted.end) return []
    if (end - first === 1) return [{ kind: 'group', ...bytesOf({ first, end }, size, groupBytes) }]
    const middle = first + leftGroups(end - first)
    const left = wanted.first < middle
    const right = wanted.end > middle
    return [
      { kind: 'parent', outboardOffset, root: end - first === total, left, right },
      ...below(first, middle, outboardOffset + PAIR_BYTES),
      ...below(middle, end, outboardOffset + (middle - first) * PAIR_BYTES),
    ]
  }
  return below(0, total, 0)
}

/** The slice for a range of a value in memory. */
export function sliceOf(
  source: Source,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
): Uint8Array {
  const steps = sliceSteps(source.size, range, groupBytes)
  const parts = steps.map((step) => {
    if (step.kind === 'group') return source.bytes(step)
    const start = step.outboardOffset
    return source.outboard({ start, end: start + PAIR_BYTES })
  })
  return concat([encodeHeader(source.size), ...parts])
}

/** Where the header, the pairs and the groups of a piece are in it, in the order of the slice. */
export function sliceOrder(piece: Piece, groupBytes: number = GROUP_BYTES): ByteRange[] {
  const { isFirst, proofBytes, steps } = piece
  let pairAt = isFirst ? HEADER_BYTES : 0
  let groupAt = proofBytes
  const order = isFirst ? [{ start: 0, end: HEADER_BYTES }] : []
  for (const step of steps) {
    if (step !== GROUP) order.push({ start: pairAt, end: (pairAt += PAIR_BYTES) })
    else {
      const end = Math.min(lengthOf(piece), groupAt + groupBytes)
      order.push({ start: groupAt, end })
      groupAt = end
    }
  }
  if (pairAt !== proofBytes || groupAt !== lengthOf(piece)) throw new Error('bytes left')
  return order
}

/** The bytes of pieces, each pair and group where the slice has it. */
export function reordered(
  source: Source,
  pieces: Iterable<Piece>,
  groupBytes: number = GROUP_BYTES,
): Uint8Array {
  const parts: Uint8Array[] = []
  for (const piece of pieces) {
    const sent = sentPiece(source, piece)
    const bytes = concat([sent.proof, sent.groups])
    for (const { start, end } of sliceOrder(piece, groupBytes)) {
      parts.push(bytes.subarray(start, end))
    }
  }
  return concat(parts)
}

/** A value and its tree, to be cut into pieces. */
export interface Source {
  readonly digest: Uint8Array
  readonly size: number
  bytes(range: ByteRange): Uint8Array
  outboard(range: ByteRange): Uint8Array
}

/** A value in memory. */
export function sourceOf(
  bytes: Uint8Array,
  groupBytes: number = GROUP_BYTES,
  engine: Engine = ENGINES[0]!,
): Source {
  const { digest, outboard } = hash(bytes, { groupBytes, engine })
  return {
    digest,
    size: bytes.byteLength,
    bytes: ({ start, end }) => bytes.subarray(start, end),
    outboard: ({ start, end }) => outboard.subarray(start, end),
  }
}

/**
 * A value of any size of which only the groups of one range are there: what the subtrees beside
 * them hash to is made up, and the tree above is computed from that.
 */
export function sparseSource(size: number, range: ByteRange): Source {
  const engine = ENGINES[0]!
  const wanted = groupsOf(range, size)
  const groups = groupCount(size)
  const there = bytesOf(wanted, size, GROUP_BYTES)
  const bytes = pattern(there.end - there.start)
  const pairs = new Map<number, Uint8Array>()

  const cvOf = (first: number, end: number, outboardOffset: number): Uint8Array => {
    const cv = new Uint8Array(DIGEST_BYTES)
    const isRoot = first === 0 && end === groups
    if (end <= wanted.first || first >= wanted.end) return cv.map((_, i) => first + end * 7 + i)
    if (end - first === 1) {
      const at = first * GROUP_BYTES - there.start
      engine.subtree(
        bytes.subarray(at, at + GROUP_BYTES),
        (first * GROUP_BYTES) / CHUNK_BYTES,
        isRoot,
        cv,
        0,
      )
      return cv
    }
    const left = leftGroups(end - first)
    const below = outboardOffset + PAIR_BYTES
    const pair = concat([
      cvOf(first, first + left, below),
      cvOf(first + left, end, outboardOffset + left * PAIR_BYTES),
    ])
    pairs.set(outboardOffset, pair)
    engine.parent(pair, 0, isRoot, cv, 0)
    return cv
  }

  return {
    digest: cvOf(0, groups, 0),
    size,
    bytes: ({ start, end }) => bytes.subarray(start - there.start, end - there.start),
    outboard: ({ start, end }) => {
      const parts: Uint8Array[] = []
      for (let at = start; at < end; at += PAIR_BYTES) parts.push(pairs.get(at)!)
      return concat(parts)
    },
  }
}

/** A piece as it arrives. */
export interface SentPiece {
  readonly piece: Piece
  readonly proof: Uint8Array
  readonly groups: Uint8Array
}

/** The pieces of the slice for a range; what they hold are copies. */
export function sentPieces(source: Source, range: ByteRange): SentPiece[] {
  return [...planPieces(source.size, range)].map((piece) => sentPiece(source, piece))
}

export function sentPiece(source: Source, piece: Piece): SentPiece {
  const header = piece.isFirst ? [encodeHeader(source.size)] : []
  const pairs = piece.outboard.map((part) => source.outboard(part))
  const proof = new Uint8Array(concat([...header, ...pairs]))
  return { piece, proof, groups: new Uint8Array(source.bytes(piece.data)) }
}

/** What each of these groups, which begin at `start`, must hash to. */
export function cvsOf(bytes: Uint8Array, start: number, size: number, engine: Engine): Uint8Array {
  const groups = groupCount(bytes.byteLength)
  const cvs = new Uint8Array(groups * DIGEST_BYTES)
  for (let i = 0; i < groups; i++) {
    const group = bytes.subarray(i * GROUP_BYTES, (i + 1) * GROUP_BYTES)
    const chunk = (start + i * GROUP_BYTES) / CHUNK_BYTES
    engine.subtree(group, chunk, outboardBytes(size) === 0, cvs, i * DIGEST_BYTES)
  }
  return cvs
}
