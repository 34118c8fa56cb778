import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { wrongGroup } from '../../../src/hash/proof/group-check.ts'
import { IntegrityError, type Flaw } from '../../../src/hash/proof/integrity.ts'
import { PieceDecoder } from '../../../src/hash/proof/piece-decoder.ts'
import { planPieces } from '../../../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../../../src/hash/tree/tree.ts'
import { HEADER_BYTES, PAIR_BYTES, type ByteRange } from '../../../src/hash/tree/tree.ts'
import { DIGEST_BYTES, GROUP_BYTES, PIECE_BYTES, VALUE_BYTES } from '../../../src/limits.ts'
import { ENGINES } from '../engine/engines.ts'
import { cvsOf, sentPieces, sourceOf, sparseSource, type SentPiece, type Source } from './pieces.ts'
import { pattern } from '../sizes.ts'

const [KERNEL, PLAIN] = ENGINES as [Engine, Engine]

/** What is asked for, and what an honest peer sends. */
interface Asked {
  readonly source: Source
  readonly range: ByteRange
  readonly truth: readonly SentPiece[]
}

function asked(source: Source, range: ByteRange): Asked {
  return { source, range, truth: sentPieces(source, range) }
}

/** Three pieces, the first from the middle of a span, the last with a short group. */
const BYTES = pattern(2 * PIECE_BYTES + 10 * GROUP_BYTES + 100)
const VALUE = sourceOf(BYTES)
const OTHER = sourceOf(BYTES.map((byte) => 255 - byte))
const ASKED = asked(VALUE, { start: PIECE_BYTES - 9 * GROUP_BYTES, end: VALUE.size })

/** The same at the end of the largest value, where a group's index has more than 32 bits. */
const FAR_RANGE = { start: VALUE_BYTES - 12 * GROUP_BYTES, end: VALUE_BYTES }
const FAR = asked(sparseSource(VALUE_BYTES, FAR_RANGE), FAR_RANGE)

/** What was proved before the first flaw, and the flaw. */
interface Outcome {
  /** How the groups that were taken differ from the value's; nothing where they do not. */
  readonly wrong: boolean
  /** Offset behind the last group that was taken. */
  readonly end: number
  readonly flaw: IntegrityError | undefined
}

/**
 * Gives a decoder what was sent, its groups so many at a time, and holds what it takes against the
 * truth.
 */
function receive(
  { source, truth }: Asked,
  sent: readonly SentPiece[],
  groupsPerCall: number,
  engine: Engine = KERNEL,
): Outcome {
  const decoder = new PieceDecoder({ digest: source.digest, size: source.size, engine })
  let end = truth[0]!.piece.data.start
  let wrong = false
  try {
    for (const [i, { piece, proof, groups }] of sent.entries()) {
      decoder.proof(piece, proof)
      const kept = decoder.expected
      const was = kept.expected.slice()
      for (let at = 0; at < groups.byteLength; at += groupsPerCall * GROUP_BYTES) {
        const taken = groups.subarray(at, at + groupsPerCall * GROUP_BYTES)
        decoder.groups(taken)
        const right = truth[i]!.groups.subarray(at, at + groupsPerCall * GROUP_BYTES)
        wrong ||= !equal(taken, right) || !equal(proof, truth[i]!.proof)
        end = piece.data.start + at + taken.byteLength
      }
      wrong ||= !equal(kept.expected, was)
    }
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    return { wrong, end, flaw: error }
  }
  return { wrong, end, flaw: undefined }
}

/** One piece changed: what it is now, and where the flaw must be found. */
interface Attack {
  readonly index: number
  readonly sent: Partial<Pick<SentPiece, 'proof' | 'groups'>>
  readonly flaw: Flaw
  readonly position: number
}

/** All before it was taken as it is, nothing from it on, and the error says what and where. */
function mustFail(
  t: ExecutionContext,
  asked: Asked,
  { index, sent, flaw, position }: Attack,
  groupsPerCall = 64,
  engine = KERNEL,
): void {
  const changed = asked.truth.map((piece, i) => (i === index ? { ...piece, ...sent } : piece))
  const outcome = receive(asked, changed, groupsPerCall, engine)
  t.is(outcome.flaw?.flaw, flaw)
  t.is(outcome.flaw?.position, position)
  t.is(outcome.flaw?.code, 'integrity')
  t.false(outcome.wrong)
  t.true(outcome.end <= position || flaw === 'size')
  t.true(outcome.end > position - groupsPerCall * GROUP_BYTES)
}

/** The same bytes? Quicker than one by one. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

/** Two stretches of the same length, exchanged. */
function swapped(bytes: Uint8Array, a: number, b: number, length: number): Uint8Array {
  const copy = bytes.slice()
  copy.set(bytes.subarray(a, a + length), b)
  copy.set(bytes.subarray(b, b + length), a)
  return copy
}

/** Where the pairs begin in the proof. */
const pairsAt = ({ piece }: SentPiece): number => (piece.isFirst ? HEADER_BYTES : 0)

const pairsOf = ({ piece, proof }: SentPiece): number =>
  (proof.byteLength - (piece.isFirst ? HEADER_BYTES : 0)) / PAIR_BYTES

const CASES = [
  { name: 'a value', asked: ASKED, engine: KERNEL },
  { name: 'the largest value', asked: FAR, engine: KERNEL },
  { name: 'the largest value, with the plain engine', asked: FAR, engine: PLAIN },
]

test('what is sent as it is, is taken', (t) => {
  for (const { asked, engine } of CASES) {
    const outcome = receive(asked, asked.truth, 7, engine)
    t.deepEqual(outcome, { wrong: false, end: asked.source.size, flaw: undefined })
  }
})

/** Numbers to choose with, each taken modulo what there is. */
const choices = fc.record({
  index: fc.nat(2),
  bit: fc.nat(2 ** 31 - 1),
  other: fc.nat(2 ** 31 - 1),
  perCall: fc.constantFrom(1, 2, 3, 16, 17, 64),
})

interface Choice {
  readonly index: number
  readonly bit: number
  readonly other: number
}

type Making = (asked: Asked, choice: Choice) => Attack | undefined

const ATTACKS: Readonly<Record<string, Making>> = {
  'R002-13: a bit of the header flipped': ({ truth }, { bit }) => ({
    index: 0,
    sent: { proof: flipped(truth[0]!.proof, bit % (HEADER_BYTES * 8)) },
    flaw: 'size',
    position: 0,
  }),
  'the header of another value': ({ truth, source }, { bit }) => {
    const proof = truth[0]!.proof.slice()
    const size = [source.size - 1 - bit, source.size + 1 + bit, 0, 1, bit].find(
      (size) => size >= 0,
    )!
    if (size === source.size) return undefined
    proof.set(encodeHeader(size), 0)
    return { index: 0, sent: { proof }, flaw: 'size', position: 0 }
  },
  'R002-13: a bit of a pair flipped': ({ truth }, { index, bit }) => {
    const piece = truth[index % truth.length]!
    if (pairsOf(piece) === 0) return undefined
    const at = pairsAt(piece) * 8 + (bit % (pairsOf(piece) * PAIR_BYTES * 8))
    return {
      index: index % truth.length,
      sent: { proof: flipped(piece.proof, at) },
      flaw: 'parent',
      position: piece.piece.data.start,
    }
  },
  'two pairs swapped': ({ truth }, { index, bit, other }) => {
    const piece = truth[index % truth.length]!
    const pairs = pairsOf(piece)
    if (pairs < 2) return undefined
    const a = bit % pairs
    const b = (a + 1 + (other % (pairs - 1))) % pairs
    const [first, second] = [a, b].map((pair) => pairsAt(piece) + pair * PAIR_BYTES)
    return {
      index: index % truth.length,
      sent: { proof: swapped(piece.proof, first!, second!, PAIR_BYTES) },
      flaw: 'parent',
      position: piece.piece.data.start,
    }
  },
  'the children of a parent swapped': ({ truth }, { index, bit }) => {
    const piece = truth[index % truth.length]!
    if (pairsOf(piece) === 0) return undefined
    const at = pairsAt(piece) + (bit % pairsOf(piece)) * PAIR_BYTES
    return {
      index: index % truth.length,
      sent: { proof: swapped(piece.proof, at, at + PAIR_BYTES / 2, PAIR_BYTES / 2) },
      flaw: 'parent',
      position: piece.piece.data.start,
    }
  },
  'R002-13: a bit of a group flipped': ({ truth }, { index, bit }) => {
    const { groups, piece } = truth[index % truth.length]!
    const at = bit % (groups.byteLength * 8)
    return {
      index: index % truth.length,
      sent: { groups: flipped(groups, at) },
      flaw: 'group',
      position: piece.data.start + Math.floor((at >> 3) / GROUP_BYTES) * GROUP_BYTES,
    }
  },
  'two groups swapped': ({ truth }, { index, bit, other }) => {
    const { groups, piece } = truth[index % truth.length]!
    const whole = Math.floor(groups.byteLength / GROUP_BYTES)
    if (whole < 2) return undefined
    const a = bit % whole
    const b = (a + 1 + (other % (whole - 1))) % whole
    return {
      index: index % truth.length,
      sent: { groups: swapped(groups, a * GROUP_BYTES, b * GROUP_BYTES, GROUP_BYTES) },
      flaw: 'group',
      position: piece.data.start + Math.min(a, b) * GROUP_BYTES,
    }
  },
  'the last group cut short': ({ truth }, { bit }) => {
    const { groups, piece } = truth.at(-1)!
    const last = Math.floor((groups.byteLength - 1) / GROUP_BYTES) * GROUP_BYTES
    const length = last + 1 + (bit % (groups.byteLength - last - 1))
    return {
      index: truth.length - 1,
      sent: { groups: groups.subarray(0, length) },
      flaw: 'group',
      position: piece.data.start + last,
    }
  },
  'the last group lengthened': ({ truth }, { bit }) => {
    const { groups, piece } = truth.at(-1)!
    const last = Math.floor((groups.byteLength - 1) / GROUP_BYTES) * GROUP_BYTES
    const room = GROUP_BYTES - (groups.byteLength - last)
    const more = new Uint8Array(1 + (bit % room))
    return {
      index: truth.length - 1,
      sent: { groups: concat([groups, more]) },
      flaw: 'group',
      position: piece.data.start + last,
    }
  },
}

for (const { name, asked, engine } of CASES) {
  for (const [what, attack] of Object.entries(ATTACKS)) {
    test(`${what}, in a piece of ${name}, is refused where it is, and what came before stays right`, (t) => {
      fc.assert(
        fc.property(choices, ({ perCall, ...choice }) => {
          const made = attack(asked, choice)
          if (made !== undefined) mustFail(t, asked, made, perCall, engine)
        }),
        { numRuns: 25 },
      )
      t.pass()
    })
  }
}

test('a piece of another value is refused at its first pair, or at its first group where it has none', (t) => {
  const other = asked(OTHER, ASKED.range)
  for (const [index, { piece }] of ASKED.truth.entries()) {
    const flaw = piece.outboard.length > 0 ? 'parent' : 'group'
    const sent = other.truth[index]!
    mustFail(t, ASKED, { index, sent, flaw, position: piece.data.start })
    const { groups, proof } = sent
    mustFail(t, ASKED, { index, sent: { groups }, flaw: 'group', position: piece.data.start })
    mustFail(t, ASKED, { index, sent: { proof }, flaw, position: piece.data.start })
  }
})

test('a piece without pairs holds what the pieces before it say', (t) => {
  const bytes = pattern(PIECE_BYTES + 100)
  const whole = { start: 0, end: bytes.byteLength }
  const honest = asked(sourceOf(bytes), whole)
  const other = asked(sourceOf(bytes.map((byte) => 255 - byte)), whole)
  t.is(honest.truth[1]!.proof.byteLength, 0)
  t.is(receive(honest, honest.truth, 64).flaw, undefined)
  const { groups } = other.truth[1]!
  mustFail(t, honest, { index: 1, sent: { groups }, flaw: 'group', position: PIECE_BYTES })
})

test('two pieces of the same value in each other’s place are refused', (t) => {
  const source = sourceOf(pattern(4 * PIECE_BYTES))
  const whole = asked(source, { start: 0, end: source.size })
  const [, second, , fourth] = whole.truth
  t.is(second!.proof.byteLength, fourth!.proof.byteLength)
  const { proof, groups } = fourth!
  mustFail(t, whole, { index: 1, sent: { proof, groups }, flaw: 'parent', position: PIECE_BYTES })
  mustFail(t, whole, { index: 1, sent: { proof }, flaw: 'parent', position: PIECE_BYTES })
  mustFail(t, whole, { index: 1, sent: { groups }, flaw: 'group', position: PIECE_BYTES })
})

/** A value of this size and digest, with made-up pieces. */
function claimed(digest: Uint8Array, size: number, pieces: Omit<SentPiece, 'piece'>): Asked {
  const range = { start: 0, end: size }
  const [piece] = planPieces(size, range)
  const bytes = { bytes: () => pieces.groups, outboard: () => pieces.proof }
  return { source: { digest, size, ...bytes }, range, truth: [{ piece: piece!, ...pieces }] }
}

test('R002-13: a value of another length under the same digest is refused', (t) => {
  const bytes = pattern(3 * GROUP_BYTES + 100)
  const source = sourceOf(bytes)
  const [truth] = sentPieces(source, { start: 0, end: source.size })
  const pairs = truth!.proof.subarray(HEADER_BYTES)
  const claim = (size: number): Outcome => {
    const groups = concat([bytes, new Uint8Array(GROUP_BYTES)]).subarray(0, size)
    const lie = claimed(source.digest, size, { proof: concat([encodeHeader(size), pairs]), groups })
    return receive(lie, lie.truth, 64)
  }
  t.is(claim(source.size).flaw, undefined)
  // The tree is the same; only the last group tells.
  for (const size of [source.size - 1, source.size + 1, 4 * GROUP_BYTES]) {
    const { flaw } = claim(size)
    t.is(flaw?.flaw, 'group')
    t.is(flaw?.position, 3 * GROUP_BYTES)
  }
})

test('a parent is no value, and a value below the root is not the root', (t) => {
  const bytes = pattern(2 * GROUP_BYTES)
  const source = sourceOf(bytes)
  const pair = source.outboard({ start: 0, end: PAIR_BYTES })
  for (const engine of ENGINES) {
    const asValue = { proof: encodeHeader(PAIR_BYTES), groups: pair }
    const parent = claimed(source.digest, PAIR_BYTES, asValue)
    t.is(receive(parent, parent.truth, 64, engine).flaw?.flaw, 'group')
    const first = { proof: encodeHeader(GROUP_BYTES), groups: bytes.subarray(0, GROUP_BYTES) }
    const group = claimed(pair.slice(0, 32), GROUP_BYTES, first)
    t.is(receive(group, group.truth, 64, engine).flaw?.flaw, 'group')
  }
  const larger = sourceOf(pattern(4 * GROUP_BYTES))
  const left = larger.outboard({ start: 0, end: 32 })
  const below = larger.outboard({ start: PAIR_BYTES, end: 2 * PAIR_BYTES })
  for (const engine of ENGINES) {
    const proof = concat([encodeHeader(2 * GROUP_BYTES), below])
    const subtree = claimed(left, 2 * GROUP_BYTES, { proof, groups: bytes })
    t.is(receive(subtree, subtree.truth, 64, engine).flaw?.flaw, 'parent')
  }
})

test('what differs in any one bit is not the same', (t) => {
  for (const size of [100, 2 * GROUP_BYTES]) {
    const source = sourceOf(BYTES.subarray(0, size))
    const right = asked(source, { start: 0, end: size })
    const flaw = size > GROUP_BYTES ? 'parent' : 'group'
    for (let bit = 0; bit < 256; bit++) {
      const other = { ...source, digest: flipped(source.digest, bit) }
      t.is(receive({ ...right, source: other }, right.truth, 64).flaw?.flaw, flaw)
    }
  }
  const [{ groups, piece }] = ASKED.truth as [SentPiece]
  const { start } = piece.data
  const { size } = VALUE
  const expected = cvsOf(groups, start, size, KERNEL)
  t.is(wrongGroup(groups, { start, size, expected }, KERNEL), undefined)
  for (let bit = 0; bit < expected.byteLength * 8; bit++) {
    // Only the bit's group and the next: all groups for every bit would take too long.
    const group = bit >> 8
    const end = Math.min(group + 2, groups.byteLength / GROUP_BYTES)
    const bytes = groups.subarray(group * GROUP_BYTES, end * GROUP_BYTES)
    const position = start + group * GROUP_BYTES
    const wrong = flipped(expected, bit).subarray(group * DIGEST_BYTES)
    t.is(wrongGroup(bytes, { start: position, size, expected: wrong }, KERNEL), position)
  }
})

test('R002-12: the empty value is proved, and nothing else is taken for it', (t) => {
  const empty = sourceOf(new Uint8Array(0))
  const header = encodeHeader(0)
  const take = (digest: Uint8Array, groups: Uint8Array): unknown => {
    const decoder = new PieceDecoder({ digest, size: 0 })
    const [piece] = planPieces(0, { start: 0, end: 0 })
    decoder.proof(piece!, header)
    decoder.groups(groups)
    return decoder.expected.start
  }
  t.is(take(empty.digest, new Uint8Array(0)), 0)
  const wrong = { instanceOf: IntegrityError }
  t.is(t.throws(() => take(VALUE.digest, new Uint8Array(0)), wrong).flaw, 'group')
  t.is(t.throws(() => take(empty.digest, new Uint8Array(1)), wrong).flaw, 'group')
})

test('the first wrong group is named, however many are, and wherever their window begins', (t) => {
  const source = sourceOf(pattern(PIECE_BYTES))
  const whole = asked(source, { start: 0, end: PIECE_BYTES })
  const [{ groups }] = whole.truth as [SentPiece]
  for (let group = 0; group < PIECE_BYTES / GROUP_BYTES; group++) {
    const wrong = groups.slice()
    // The last bit of the first byte of it, and of all that follow.
    for (let at = group * GROUP_BYTES; at < wrong.byteLength; at += GROUP_BYTES) wrong[at]! ^= 1
    const position = group * GROUP_BYTES
    mustFail(t, whole, { index: 0, sent: { groups: wrong }, flaw: 'group', position })
  }
})
