import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { equal } from '../../../src/bytes.ts'
import { PieceDecoder } from '../../../src/hash/proof/piece-decoder.ts'
import {
  GROUP,
  LEFT,
  RIGHT,
  ROOT,
  lengthOf,
  planPieces,
  type Piece,
} from '../../../src/hash/proof/piece-plan.ts'
import {
  HEADER_BYTES,
  PAIR_BYTES,
  bytesOf,
  encodeHeader,
  groupsOf,
  sliceBytes,
  type ByteRange,
} from '../../../src/hash/tree/tree.ts'
import {
  CHUNK_BYTES,
  GROUP_BYTES,
  HASH_WINDOW_BYTES,
  PIECE_BYTES,
  PROOF_BYTES,
  VALUE_BYTES,
} from '../../../src/limits.ts'
import { ENGINES } from '../engine/engines.ts'
import {
  cvsOf,
  reordered,
  sentPieces,
  sliceOf,
  sliceSteps,
  sourceOf,
  sparseSource,
  type Source,
  type Step,
} from './pieces.ts'
import { TREE_SIZES, pattern } from '../sizes.ts'

/** Small ones, so that a few kilobytes have many spans. */
const SMALL = { groupBytes: CHUNK_BYTES, spanBytes: 4 * CHUNK_BYTES }

/** Where the number of pieces changes, with a last group that is short or is not. */
const PIECE_SIZES = [
  PIECE_BYTES - 1,
  PIECE_BYTES,
  PIECE_BYTES + 1,
  PIECE_BYTES + GROUP_BYTES,
  2 * PIECE_BYTES,
  2 * PIECE_BYTES + 1,
  3 * PIECE_BYTES + 17,
]

/**
 * Ranges from and to every place where something changes; also empty ones, and such that go beyond
 * the value.
 */
function rangesOf(size: number, groupBytes: number, spanBytes: number): ByteRange[] {
  const inside = [0, 1, groupBytes, spanBytes, size].flatMap((at) => [at - 1, at, at + 1])
  const edges = [...new Set(inside)].filter((at) => at >= 0 && at <= size + 1)
  return edges.flatMap((start) =>
    [...edges.filter((end) => end >= start), Infinity].map((end) => ({ start, end })),
  )
}

/** How the pieces are not what the slice is made of; undefined where they are. */
function misplanned(
  size: number,
  range: ByteRange,
  { groupBytes, spanBytes } = SMALL,
): string | undefined {
  const pieces = [...planPieces(size, range, groupBytes, spanBytes)]
  const { start, end } = bytesOf(groupsOf(range, size, groupBytes), size, groupBytes)
  let at = start
  for (const [i, piece] of pieces.entries()) {
    const { data, isFirst, steps } = piece
    const last = Math.max(data.start, data.end - 1)
    if (data.start !== at) return `piece ${i} begins at ${data.start}, not at ${at}`
    if (i > 0 && at % spanBytes > 0) return `piece ${i} begins within a span`
    if (Math.floor(at / spanBytes) !== Math.floor(last / spanBytes)) return `piece ${i} is too long`
    if (steps.at(-1) !== GROUP) return `piece ${i} ends with a parent`
    if (isFirst !== (i === 0)) return `piece ${i} has a header, or has none`
    const flaw = misproved(piece, size, groupBytes)
    if (flaw !== undefined) return `piece ${i}: ${flaw}`
    at = data.end
  }
  if (at !== end) return `the last piece ends at ${at}, not at ${end}`
  const steps = sliceSteps(size, range, groupBytes)
  if (
    JSON.stringify(pieces.flatMap((piece) => stepsOf(piece, size, groupBytes))) !==
    JSON.stringify(steps)
  ) {
    return 'other steps than those of the slice, or in another order'
  }
  const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0)
  if (length !== sliceBytes(size, range, groupBytes)) return `${length} bytes in all`
  return undefined
}

/** Where the pairs of a piece are in the outboard. */
function pairsOf({ outboard }: Piece): number[] {
  const offsets: number[] = []
  for (const { start, end } of outboard) {
    for (let at = start; at < end; at += PAIR_BYTES) offsets.push(at)
  }
  return offsets
}

/** The steps of a piece as those of a slice are: its pairs and its groups are in the same order. */
function stepsOf(piece: Piece, size: number, groupBytes: number): Step[] {
  const pairs = pairsOf(piece)
  let group = Math.floor(piece.data.start / groupBytes)
  return piece.steps.map((step): Step => {
    if (step !== GROUP) {
      const [root, left, right] = [ROOT, LEFT, RIGHT].map((flag) => (step & flag) !== 0)
      const outboardOffset = pairs.shift()!
      return { kind: 'parent', outboardOffset, root: root!, left: left!, right: right! }
    }
    const start = group * groupBytes
    const end = Math.min(size, start + groupBytes)
    group++
    return { kind: 'group', start, end }
  })
}

/**
 * What of a piece is not as its steps say: its pairs, in as few ranges as there can be, and its
 * groups.
 */
function misproved(piece: Piece, size: number, groupBytes: number): string | undefined {
  const { steps, outboard, data, isFirst, proofBytes } = piece
  for (const [i, { start }] of outboard.entries()) {
    if (start === outboard[i - 1]?.end) return `two ranges of the outboard meet at ${start}`
  }
  const pairs = pairsOf(piece).length
  const parents = steps.filter((step) => step !== GROUP).length
  if (pairs !== parents) return `${pairs} pairs for ${parents} parents`
  const expectedBytes = (isFirst ? HEADER_BYTES : 0) + parents * PAIR_BYTES
  if (proofBytes !== expectedBytes) return `${proofBytes} bytes of proof`
  const groups = stepsOf(piece, size, groupBytes).filter((step) => step.kind === 'group')
  const { end } = groups.at(-1)!
  return end === data.end ? undefined : `its groups end at ${end}, and its data at ${data.end}`
}

function checkPlan(t: ExecutionContext, size: number, range: ByteRange, sizes = SMALL): void {
  const flaw = misplanned(size, range, sizes)
  if (flaw !== undefined) t.fail(`${size} bytes from ${range.start} to ${range.end}: ${flaw}`)
}

/** Any size, and any range near it. */
const anySlice = fc
  .record({
    size: fc.oneof(
      fc.nat(20 * SMALL.spanBytes),
      fc
        .tuple(fc.nat(80), fc.integer({ min: -1, max: 1 }))
        .map(([groups, more]) => Math.max(0, groups * SMALL.groupBytes + more)),
    ),
    start: fc.nat(1000),
    length: fc.oneof(fc.constant(Infinity), fc.nat(1000)),
  })
  .map(({ size, start, length }) => {
    const from = Math.floor((start * (size + SMALL.groupBytes)) / 1000)
    const end = length === Infinity ? length : from + Math.floor((length * size) / 1000)
    return { size, range: { start: from, end } }
  })

test('pieces are cut where a span ends, ascend, and hold the groups and parents of the slice', (t) => {
  fc.assert(
    fc.property(anySlice, ({ size, range }) => checkPlan(t, size, range)),
    { numRuns: 500 },
  )
  t.pass()
})

test('pieces of every size at which a tree changes are those of the slice', (t) => {
  const sizes = { groupBytes: GROUP_BYTES, spanBytes: 4 * GROUP_BYTES }
  for (const size of [0, 1, CHUNK_BYTES, ...TREE_SIZES]) {
    for (const range of rangesOf(size, GROUP_BYTES, 4 * GROUP_BYTES)) {
      checkPlan(t, size, range, sizes)
    }
  }
  t.pass()
})

test('where nothing else is said, a span is one mebibyte of groups of 16 KiB', (t) => {
  for (const size of PIECE_SIZES) {
    const pieces = [...planPieces(size, { start: 0, end: size })]
    t.is(pieces.length, Math.ceil(size / PIECE_BYTES))
    checkPlan(
      t,
      size,
      { start: GROUP_BYTES, end: size },
      { groupBytes: 16_384, spanBytes: 2 ** 20 },
    )
    const spans = [...planPieces(size, { start: GROUP_BYTES, end: size }, 16_384, 2 ** 20)]
    t.deepEqual([...planPieces(size, { start: GROUP_BYTES, end: size })], spans)
  }
})

test('R002-7: the bytes of all pieces, put in the order of the tree, are the slice', (t) => {
  fc.assert(
    fc.property(anySlice, ({ size, range }) => {
      const { groupBytes, spanBytes } = SMALL
      const source = sourceOf(pattern(size), groupBytes)
      const slice = sliceOf(source, range, groupBytes)
      const pieces = planPieces(size, range, groupBytes, spanBytes)
      return equal(reordered(source, pieces, groupBytes), slice)
    }),
    { numRuns: 200 },
  )
  for (const size of [0, 1, ...PIECE_SIZES]) {
    const source = sourceOf(pattern(size))
    for (const start of [0, GROUP_BYTES + 1, PIECE_BYTES - 1]) {
      const range = { start, end: size + start }
      t.true(equal(reordered(source, planPieces(size, range)), sliceOf(source, range)))
    }
  }
})

/**
 * Places in the largest values, and short ranges there: the ends, the deepest subtrees, and
 * between.
 */
const FAR: readonly { readonly size: number; readonly range: ByteRange }[] = [
  VALUE_BYTES,
  VALUE_BYTES - GROUP_BYTES + 1,
  VALUE_BYTES - PIECE_BYTES,
  2 ** 52,
  2 ** 52 + 1,
  2 ** 52 + PIECE_BYTES + 1,
  2 ** 32 * CHUNK_BYTES + 3 * GROUP_BYTES,
  2 ** 40 - 1,
].flatMap((size) =>
  [
    0,
    2 ** 32 * CHUNK_BYTES - GROUP_BYTES,
    2 ** 51 - 1,
    2 ** 52 - PIECE_BYTES,
    2 ** 52 - 1,
    size - 2 * PIECE_BYTES,
    size - 1,
  ]
    .filter((start) => start < size)
    .map((start) => ({
      size,
      range: { start, end: Math.min(size, start + PIECE_BYTES + GROUP_BYTES) },
    })),
)

test('R003-3: no piece of the largest value is longer than a piece and its proof may be', (t) => {
  let most = 0
  for (const { size, range } of FAR) {
    for (const piece of planPieces(size, range)) {
      const groups = piece.steps.filter((step) => step === GROUP).length
      t.true(piece.proofBytes <= PROOF_BYTES)
      t.true(groups <= PIECE_BYTES / GROUP_BYTES)
      t.true(lengthOf(piece) <= PIECE_BYTES + PROOF_BYTES)
      most = Math.max(most, piece.steps.length - groups)
    }
    checkPlan(t, size, range, { groupBytes: GROUP_BYTES, spanBytes: PIECE_BYTES })
  }
  // A full span has one parent less than groups, and the way down to it is as long as the tree is
  // deep.
  t.is(most, 63 + 33)
  const [first] = planPieces(VALUE_BYTES, { start: 0, end: Infinity })
  t.is(first!.steps.length, 63 + 33 + 64)
})

/** Gives a decoder all pieces of a slice, the groups `perCall` at a time. */
function prove(
  source: Source,
  range: ByteRange,
  engine = ENGINES[0]!,
  perCall: readonly number[] = [PIECE_BYTES / GROUP_BYTES],
): void {
  const { digest, size } = source
  const decoder = new PieceDecoder({ digest, size, engine })
  let call = 0
  for (const { piece, proof, groups } of sentPieces(source, range)) {
    decoder.proof(piece, proof)
    let at = 0
    do {
      const end = at + perCall[call++ % perCall.length]! * GROUP_BYTES
      decoder.groups(groups.subarray(at, end))
      at = end
    } while (at < groups.byteLength)
  }
}

for (const engine of ENGINES) {
  test(`R002-15: the pieces of every range are proved, with ${engine.name}`, (t) => {
    const isFast = engine.name !== 'typescript'
    const few = [0, 1, GROUP_BYTES - 1, GROUP_BYTES, GROUP_BYTES + 1, 3 * GROUP_BYTES + 5]
    for (const size of isFast ? [...few, CHUNK_BYTES, ...TREE_SIZES] : few) {
      const source = sourceOf(pattern(size))
      for (const range of rangesOf(size, GROUP_BYTES, 4 * GROUP_BYTES)) prove(source, range, engine)
    }
    for (const size of isFast ? PIECE_SIZES : [PIECE_BYTES + 1]) {
      const source = sourceOf(pattern(size))
      const edges = [0, GROUP_BYTES - 1, PIECE_BYTES - GROUP_BYTES, PIECE_BYTES - 1, PIECE_BYTES]
      for (const start of [...edges, size - 1]) {
        for (const length of [1, GROUP_BYTES, isFast ? Infinity : 2 * GROUP_BYTES]) {
          prove(source, { start, end: start + length }, engine)
        }
      }
    }
    t.pass()
  })

  test(`R002-15: pieces at the far end of the largest values are proved, with ${engine.name}`, (t) => {
    for (const { size, range } of FAR) {
      const length = engine.name === 'typescript' ? 2 * GROUP_BYTES : Infinity
      const part = { start: range.start, end: Math.min(range.end, range.start + length) }
      prove(sparseSource(size, part), part, engine)
    }
    t.pass()
  })
}

test('groups are proved in whatever runs they are given', (t) => {
  const source = sourceOf(pattern(PIECE_BYTES + HASH_WINDOW_BYTES + 2 * GROUP_BYTES + 100))
  const most = PIECE_BYTES / GROUP_BYTES
  const runs = fc.array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(runs, fc.nat(PIECE_BYTES), (perCall, start) => {
      prove(source, { start, end: source.size }, undefined, perCall)
    }),
    { numRuns: 50 },
  )
  t.pass()
})

for (const engine of ENGINES) {
  test(`what the groups still to come must hash to is known after every run, with ${engine.name}`, (t) => {
    const source = sourceOf(pattern(PIECE_BYTES + 3 * GROUP_BYTES + 100))
    const { digest, size } = source
    const range = { start: PIECE_BYTES - 5 * GROUP_BYTES, end: size }
    const decoder = new PieceDecoder({ digest, size, engine })
    const kept: { expected: Uint8Array; is: Uint8Array }[] = []
    for (const { piece, proof, groups } of sentPieces(source, range)) {
      decoder.proof(piece, proof)
      for (let at = 0; at < groups.byteLength; at += 2 * GROUP_BYTES) {
        const { start, expected, size } = decoder.expected
        t.is(start, piece.data.start + at)
        t.is(size, source.size)
        const cvs = cvsOf(groups.subarray(at), start, size, engine)
        t.deepEqual(expected, cvs)
        kept.push({ expected, is: cvs })
        // It is a copy: what becomes of it is nothing to the decoder.
        decoder.expected.expected.fill(0)
        decoder.groups(groups.subarray(at, at + 2 * GROUP_BYTES))
      }
      t.is(decoder.expected.expected.byteLength, 0)
    }
    for (const { expected, is } of kept) t.deepEqual(expected, is)
  })
}

test('R002-5: what the one group of a small value must hash to is the digest', (t) => {
  for (const size of [0, 1, GROUP_BYTES]) {
    const source = sourceOf(pattern(size))
    const decoder = new PieceDecoder(source)
    const { piece, proof, groups } = sentPieces(source, { start: 0, end: size })[0]!
    t.deepEqual(proof, encodeHeader(size))
    decoder.proof(piece, proof)
    t.deepEqual(decoder.expected, { start: 0, size, expected: source.digest })
    decoder.groups(groups)
    t.is(decoder.expected.start, size)
  }
})

test('what proves a piece is read where it lies, and may be used again', (t) => {
  const source = sourceOf(pattern(2 * PIECE_BYTES + 1))
  const { digest, size } = source
  const decoder = new PieceDecoder({ digest, size })
  const memory = new Uint8Array(PROOF_BYTES + 3)
  for (const { piece, proof, groups } of sentPieces(source, { start: 0, end: size })) {
    memory.set(proof, 3)
    decoder.proof(piece, memory.subarray(3, 3 + proof.byteLength))
    memory.fill(255)
    decoder.groups(groups)
  }
  t.is(decoder.expected.start, size)
})
