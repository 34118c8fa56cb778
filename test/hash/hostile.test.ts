import test from 'ava'
import { concat } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { IntegrityError } from '../../src/hash/proof/integrity.ts'
import { SliceDecoder } from '../../src/hash/proof/slice-decoder.ts'
import { encodeHeader, encodeSlice, planSlice } from '../../src/hash/proof/slice-encoder.ts'
import {
  groupsOf,
  outboardBytes,
  pairOffset,
  sliceBytes,
  sliceSteps,
} from '../../src/hash/tree/tree.ts'
import { GROUP_BYTES, VALUE_BYTES } from '../../src/limits.ts'
import { attack } from './proof/attacks.ts'
import { ENGINES } from './engine/engines.ts'
import { pattern } from './sizes.ts'

const ALL = { start: 0, end: Infinity }

test('R002-11, R002-13, R002-15: ten thousand random attacks are refused (test:slow: half a million)', (t) => {
  const [kernel, scalar] = ENGINES
  t.notThrows(() => attack(9_000, kernel!))
  t.notThrows(() => attack(1_000, scalar!))
})

test('R002-14: a length that no value has, or not the known one, is refused with the header alone', (t) => {
  const value = pattern(50_000)
  const { digest } = hash(value)
  const claims: readonly (readonly [claim: bigint, known: number | undefined])[] = [
    [BigInt(VALUE_BYTES) + 1n, undefined],
    [2n ** 64n - 1n, undefined],
    [50_001n, 50_000],
    [49_999n, 50_000],
    [0n, 50_000],
  ]
  for (const [claim, size] of claims) {
    const header = new Uint8Array(8)
    new DataView(header.buffer).setBigUint64(0, claim, true)
    const decoder = new SliceDecoder({
      digest,
      range: ALL,
      ...(size === undefined ? {} : { size }),
    })
    const error = t.throws(() => decoder.push(header), { instanceOf: IntegrityError })
    t.is(error?.flaw, 'size')
    t.is(decoder.size, undefined)
    t.false(decoder.done)
  }
})

test('R002-14: a slice that claims 8 PiB makes the decoder take no more memory than what comes', (t) => {
  const { digest } = hash(pattern(50_000))
  const before = process.memoryUsage().arrayBuffers
  const decoder = new SliceDecoder({ digest, range: ALL })
  decoder.push(encodeHeader(VALUE_BYTES))
  t.throws(() => decoder.push(new Uint8Array(64)), { instanceOf: IntegrityError })
  t.true(process.memoryUsage().arrayBuffers - before < 2 ** 20)
})

test('R002-12: a length whose tree looks alike from where the slice is, is not given out', (t) => {
  const value = pattern(3 * GROUP_BYTES)
  const { digest, outboard } = hash(value)
  const range = { start: 0, end: 1 }
  const slice = encodeSlice(value, outboard, range)
  const lying = concat([encodeHeader(3 * GROUP_BYTES + 1), slice.subarray(8)])
  for (const bytes of [slice, lying]) {
    const decoder = new SliceDecoder({ digest, range })
    decoder.push(bytes)
    decoder.finish()
    t.is(decoder.size, undefined)
  }
  const informed = new SliceDecoder({ digest, range, size: value.length })
  t.throws(() => informed.push(lying), { instanceOf: IntegrityError })
})

test('R002-12: the empty value is proved like any other', (t) => {
  const right = new SliceDecoder({ digest: hash(pattern(0)).digest, range: ALL })
  t.deepEqual(right.push(new Uint8Array(8)), [])
  right.finish()
  t.is(right.size, 0)
  const wrong = new SliceDecoder({ digest: hash(pattern(1)).digest, range: ALL })
  t.throws(() => wrong.push(new Uint8Array(8)), { instanceOf: IntegrityError })
  t.is(wrong.size, undefined)
})

test('R002-13: after a flaw every call throws it again', (t) => {
  const value = pattern(20_000)
  const { digest } = hash(value)
  const decoder = new SliceDecoder({ digest, range: ALL })
  const first = t.throws(() => decoder.push(new Uint8Array(20_000)), { instanceOf: IntegrityError })
  t.is(
    t.throws(() => decoder.push(new Uint8Array(0))),
    first,
  )
  t.is(
    t.throws(() => decoder.finish()),
    first,
  )
  t.false(decoder.done)
})

test('a tree of a pebibyte is planned lazily, and measured at once', (t) => {
  const size = 2 ** 50 + 12_345
  const range = { start: 2 ** 49 - 10, end: 2 ** 49 + 10 }
  const groups = size / GROUP_BYTES
  t.is(outboardBytes(size), Math.floor(groups) * 64)
  t.true(sliceBytes(size, range) < 2 * GROUP_BYTES + 80 * 64)
  t.true(sliceBytes(size, ALL) > size)
  const steps = [...sliceSteps(size, range)]
  t.is(steps.filter(({ kind }) => kind === 'group').length, 2)
  const { first, end } = groupsOf(range, size)
  t.is(end - first, 2)
  const offsets = steps.flatMap((step) => (step.kind === 'parent' ? [step.outboardOffset] : []))
  t.is(offsets[1], pairOffset(0, 2 ** 36, Math.ceil(groups)))
  const plan = planSlice(size, ALL)
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
    t.throws(() => new SliceDecoder({ digest, range }), wrong, `${start}-${end}`)
    t.throws(() => sliceBytes(100, range), wrong)
    t.throws(() => [...planSlice(100, range)], wrong)
  }
  for (const size of [-1, 0.5, NaN, 2 ** 53]) t.throws(() => sliceBytes(size, ALL), wrong)
  for (const groupBytes of [0, 512, 1000, 3072, 2 ** 19, NaN]) {
    t.throws(() => sliceBytes(100, ALL, groupBytes), wrong)
    t.throws(() => hash(pattern(1), { groupBytes }), wrong)
  }
  t.throws(() => new SliceDecoder({ digest: digest.subarray(1), range: ALL }), wrong)
})
