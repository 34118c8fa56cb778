import { test } from '../serial.ts'
import * as model from '../../specs/models/verified-values.ts'
import { hash } from '../../src/hash/hasher.ts'
import { IntegrityError } from '../../src/hash/proof/integrity.ts'
import { PieceDecoder } from '../../src/hash/proof/piece-decoder.ts'
import { GROUP, planPieces } from '../../src/hash/proof/piece-plan.ts'
import {
  HEADER_BYTES,
  PAIR_BYTES,
  encodeHeader,
  groupsOf,
  outboardBytes,
  pairOffset,
  sliceBytes,
} from '../../src/hash/tree/tree.ts'
import { CHUNK_BYTES, GROUP_BYTES, VALUE_BYTES } from '../../src/limits.ts'
import { attack } from './proof/attacks.ts'
import { ENGINES } from './engine/engines.ts'
import { pattern } from './sizes.ts'

const ALL = { start: 0, end: Infinity }

test('R002-11, R002-13: ten thousand random attacks on pieces are refused (test:slow: half a million)', (t) => {
  const [kernel, scalar] = ENGINES
  t.notThrows(() => attack(9_000, kernel!))
  t.notThrows(() => attack(1_000, scalar!))
})

test('R002-14: a length that no value has, or not the known one, is refused before any pair is read', (t) => {
  const size = 50_000
  const { digest } = hash(pattern(size))
  const [piece] = planPieces(size, ALL)
  const proof = new Uint8Array(piece!.proofBytes)
  for (const claim of [BigInt(VALUE_BYTES) + 1n, 2n ** 64n - 1n, 50_001n, 49_999n, 0n]) {
    new DataView(proof.buffer).setBigUint64(0, claim, true)
    const decoder = new PieceDecoder({ digest, size })
    const error = t.throws(() => decoder.proof(piece!, proof), { instanceOf: IntegrityError })
    t.is(error?.flaw, 'size')
    t.is(error?.position, 0)
  }
})

test('R002-14: a value that claims 8 PiB costs the decoder no more memory than what has arrived', (t) => {
  const { digest } = hash(pattern(50_000))
  const before = process.memoryUsage().arrayBuffers
  const [piece] = planPieces(VALUE_BYTES, ALL)
  const decoder = new PieceDecoder({ digest, size: VALUE_BYTES })
  const proof = new Uint8Array(piece!.proofBytes)
  proof.set(encodeHeader(VALUE_BYTES))
  t.throws(() => decoder.proof(piece!, proof), { instanceOf: IntegrityError })
  t.true(process.memoryUsage().arrayBuffers - before < 2 ** 20)
})

test('R002-12: a slice without the last group proves no length: another whose tree looks the same there passes', (t) => {
  const value = pattern(3 * CHUNK_BYTES)
  const range = { start: 0, end: 1 }
  const slice = model.slice(value, range, CHUNK_BYTES)
  const lying = Uint8Array.from([...encodeHeader(value.length + 1), ...slice.subarray(8)])
  for (const bytes of [slice, lying]) {
    const outcome = model.decode(bytes, model.digest(value), range, CHUNK_BYTES)
    t.true(outcome.ok && outcome.size === undefined)
  }
  const known = model.decode(lying, model.digest(value), range, CHUNK_BYTES, value.length)
  t.deepEqual(known, { ok: false, flaw: 'size', position: 0 })
})

test('R002-15: a slice that ends early or has bytes after its end is refused', (t) => {
  const value = pattern(2 * CHUNK_BYTES + 1)
  const range = { start: 0, end: value.length }
  const slice = model.slice(value, range, CHUNK_BYTES)
  const flawOf = (bytes: Uint8Array): unknown => {
    const outcome = model.decode(bytes, model.digest(value), range, CHUNK_BYTES)
    return outcome.ok ? undefined : outcome.flaw
  }
  for (const length of [0, 7, 8, HEADER_BYTES + PAIR_BYTES, slice.length - 1]) {
    t.is(flawOf(slice.subarray(0, length)), 'truncated')
  }
  t.is(flawOf(slice), undefined)
  t.is(flawOf(Uint8Array.from([...slice, 0])), 'trailing')
})

test('a tree of a pebibyte is planned lazily, and measured at once', (t) => {
  const size = 2 ** 50 + 12_345
  const range = { start: 2 ** 49 - 10, end: 2 ** 49 + 10 }
  const groups = size / GROUP_BYTES
  t.is(outboardBytes(size), Math.floor(groups) * 64)
  t.true(sliceBytes(size, range) < 2 * GROUP_BYTES + 80 * 64)
  t.true(sliceBytes(size, ALL) > size)
  const pieces = [...planPieces(size, range)]
  const steps = pieces.flatMap((piece) => piece.steps)
  t.is(steps.filter((step) => step === GROUP).length, 2)
  const { first, end } = groupsOf(range, size)
  t.is(end - first, 2)
  // The root and the parent below it lie side by side.
  t.is(pieces[0]!.outboard[0]!.start, 0)
  t.is(pairOffset(0, 2 ** 36, Math.ceil(groups)), PAIR_BYTES)
  t.true(pieces[0]!.outboard[0]!.end >= 2 * PAIR_BYTES)
  const plan = planPieces(size, ALL)
  t.is(plan.next().value?.data.end, 2 ** 20)
})

test('ranges, sizes and groups that are none are mistakes of the caller', (t) => {
  const { digest } = hash(pattern(1))
  const wrong = { instanceOf: RangeError }
  for (const [start, end] of [
    [2, 1],
    [-1, 1],
    [0.5, 1],
    [0, NaN],
    [NaN, 1],
    [Infinity, Infinity],
  ]) {
    const range = { start: start!, end: end! }
    t.throws(() => sliceBytes(100, range), wrong, `${start}-${end}`)
    t.throws(() => [...planPieces(100, range)], wrong)
  }
  for (const size of [-1, 0.5, NaN, 2 ** 53]) {
    t.throws(() => sliceBytes(size, ALL), wrong)
    t.throws(() => [...planPieces(size, ALL)], wrong)
  }
  for (const groupBytes of [0, 512, 1000, 3072, 2 ** 19, NaN]) {
    t.throws(() => sliceBytes(100, ALL, groupBytes), wrong)
    t.throws(() => hash(pattern(1), { groupBytes }), wrong)
  }
  t.throws(() => new PieceDecoder({ digest: digest.subarray(1), size: 1 }), wrong)
})
