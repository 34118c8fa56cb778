import test from 'ava'
import * as fc from 'fast-check'
import { concat, equal } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { hash } from '../../../src/hash/hasher.ts'
import type { ProvedBytes } from '../../../src/hash/proof/group-batch.ts'
import { KernelEngine } from '../../../src/hash/engine/kernel-engine.ts'
import {
  encodeHeader,
  encodePiece,
  encodeSlice,
  pieceParts,
  planSlice,
} from '../../../src/hash/proof/slice-encoder.ts'
import { SliceDecoder } from '../../../src/hash/proof/slice-decoder.ts'
import type { Proved } from '../../../src/hash/proof/slice-decoder.ts'
import { GROUP_BYTES, HASH_WINDOW_BYTES } from '../../../src/limits.ts'
import { IntegrityError } from '../../../src/hash/proof/integrity.ts'
import { bytesOf, groupsOf, sliceBytes } from '../../../src/hash/tree/tree.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { TREE_SIZES, pattern } from '../sizes.ts'

/** Everything that a slice proves, put together. */
function decode(slice: Uint8Array, cut: number, decoder: SliceDecoder, outboardBytes: number) {
  const outboard = new Uint8Array(outboardBytes)
  const data: Uint8Array[] = []
  let start: number | undefined
  for (let at = 0; at < slice.byteLength; at += cut) {
    for (const item of decoder.push(slice.slice(at, at + cut))) {
      if (item.kind === 'parent') outboard.set(item.pair, item.outboardOffset)
      else {
        start ??= item.start
        data.push(item.bytes)
      }
    }
  }
  decoder.finish()
  return { outboard, start, bytes: concat(data) }
}

for (const size of [0, 1, 1024, 5000, ...TREE_SIZES]) {
  test(`R002-5, R002-7, R002-11, R002-15: every range of ${size} bytes is proved, however the slice is cut`, (t) => {
    const value = pattern(size)
    const { digest, outboard } = hash(value)
    const edges = [0, 1, 16383, 16384, 16385, size - 1, size, size + 1].filter((edge) => edge >= 0)
    for (const start of edges) {
      for (const end of [...edges.filter((edge) => edge >= start), Infinity]) {
        const range: ByteRange = { start, end }
        const slice = encodeSlice(value, outboard, range)
        t.is(slice.byteLength, sliceBytes(size, range))
        const pieces = [encodeHeader(size)]
        for (const piece of planSlice(size, range, undefined, 32_768)) {
          const pairs = piece.outboard.map((part) => outboard.subarray(part.start, part.end))
          const data = value.subarray(piece.data.start, piece.data.end)
          pieces.push(encodePiece(piece, concat(pairs), data))
        }
        t.true(equal(concat(pieces), slice))
        const expected = bytesOf(groupsOf(range, size), size, 16384)
        for (const cut of [1000, 16384, 1_000_000]) {
          const decoder = new SliceDecoder({ digest, range })
          const got = decode(slice, cut, decoder, outboard.byteLength)
          t.true(equal(got.bytes, value.subarray(expected.start, expected.end)))
          t.is(decoder.size, expected.end === size ? size : undefined)
          if (start === 0 && end >= size) t.true(equal(got.outboard, outboard))
        }
        const cut = new SliceDecoder({ digest, range })
        cut.push(slice.subarray(0, -1))
        t.is(t.throws(() => cut.finish(), { instanceOf: IntegrityError }).flaw, 'truncated')
      }
    }
  })
}

test('R002-13: a flip anywhere is refused, and nothing wrong is given out before', (t) => {
  const value = pattern(100_000)
  const { digest, outboard } = hash(value)
  const slice = encodeSlice(value, outboard, { start: 0, end: Infinity })
  fc.assert(
    fc.property(
      fc.nat(slice.byteLength * 8 - 1),
      fc.integer({ min: 1, max: 120_000 }),
      (bit, cut) => {
        const flipped = slice.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const decoder = new SliceDecoder({ digest, range: { start: 0, end: Infinity } })
        const seen: Uint8Array[] = []
        let flaw: unknown
        try {
          for (let at = 0; at < flipped.byteLength; at += cut) {
            for (const item of decoder.push(flipped.subarray(at, at + cut))) {
              if (item.kind === 'data') seen.push(item.bytes)
            }
          }
          decoder.finish()
        } catch (error) {
          flaw = error
        }
        const bytes = concat(seen)
        return (
          flaw instanceof IntegrityError &&
          equal(bytes, value.subarray(0, bytes.byteLength)) &&
          decoder.size === undefined
        )
      },
    ),
    { numRuns: 300 },
  )
  t.pass()
})

/** A slice of all of a value, pushed in pieces that end at these offsets, each an array of its own. */
function pushed(slice: Uint8Array, cuts: readonly number[], decoder: SliceDecoder) {
  const edges = [...cuts, slice.byteLength].toSorted((a, b) => a - b)
  const pieces = edges.map((edge, i) => slice.slice(edges[i - 1] ?? 0, edge))
  return pieces.map((piece) => ({ piece, proved: decoder.push(piece).filter(isData) }))
}

const isData = (item: Proved): item is ProvedBytes => item.kind === 'data'

test('R002-18: what was given out stays as it is while more is pushed and hashed, and is copied only where it is cut', (t) => {
  const value = pattern(600_000)
  const { digest, outboard } = hash(value)
  const range = { start: 0, end: Infinity }
  const slice = encodeSlice(value, outboard, range)
  fc.assert(
    fc.property(fc.array(fc.nat(slice.byteLength), { maxLength: 40 }), (cuts) => {
      const pushes = pushed(slice, cuts, new SliceDecoder({ digest, range }))
      hash(pattern(500_000).map((byte) => ~byte))
      const items = pushes.flatMap(({ proved }) => proved)
      t.true(equal(concat(items.map(({ bytes }) => bytes)), value))
      for (const { piece, proved } of pushes) {
        const copies = proved.filter(({ bytes }) => bytes.buffer !== piece.buffer)
        t.true(copies.length <= 1)
        t.true(copies.every(({ bytes }) => bytes.byteLength <= GROUP_BYTES))
      }
    }),
    { numRuns: 100 },
  )
})

test('R002-18: groups that lie apart are hashed together, and none is given out before all of them were compared', (t) => {
  const value = pattern(HASH_WINDOW_BYTES)
  const { digest, outboard } = hash(value)
  const range = { start: 0, end: Infinity }
  const slice = encodeSlice(value, outboard, range)
  const kernel = new KernelEngine()
  const hashed: number[] = []
  const engine: Engine = {
    name: kernel.name,
    subtree: kernel.subtree.bind(kernel),
    parent: kernel.parent.bind(kernel),
    parents: kernel.parents.bind(kernel),
    groups: (runs, ...rest) => {
      hashed.push(concat([...runs]).byteLength)
      kernel.groups(runs, ...rest)
    },
  }
  const proved = new SliceDecoder({ digest, range, engine }).push(slice).filter(isData)
  t.deepEqual(hashed, [HASH_WINDOW_BYTES])
  t.true(proved.length > 1)
  slice[slice.byteLength - 1]! ^= 1
  t.throws(() => new SliceDecoder({ digest, range, engine }).push(slice), {
    instanceOf: IntegrityError,
  })
})

test('R002-18: a slice that lies in many arrays is proved like one in one, and its data given out in long runs', (t) => {
  const value = pattern(600_000)
  const { digest, outboard } = hash(value)
  const range = { start: 0, end: Infinity }
  const [piece, ...more] = planSlice(value.length, range)
  t.deepEqual(more, [])
  const parts = [encodeHeader(value.length), ...pieceParts(piece!, outboard, value)]
  const proved = new SliceDecoder({ digest, range }).push(...parts).filter(isData)
  t.deepEqual(
    proved.map(({ bytes }) => bytes.byteLength),
    [
      HASH_WINDOW_BYTES,
      HASH_WINDOW_BYTES,
      (600_000 % HASH_WINDOW_BYTES) - (600_000 % GROUP_BYTES),
      600_000 % GROUP_BYTES,
    ],
  )
  t.true(
    proved.every(({ start, bytes }) => bytes.buffer === value.buffer && bytes.byteOffset === start),
  )
  const late = new SliceDecoder({ digest, range })
  const flaw = t.throws(() => late.push(...parts, new Uint8Array(0), new Uint8Array(1)))
  t.is((flaw as IntegrityError).flaw, 'trailing')
})
