import test from 'ava'
import * as fc from 'fast-check'
import { concat, equal } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { encodeHeader, encodePiece, encodeSlice, planSlice } from '../../src/hash/slice-encoder.ts'
import { SliceDecoder } from '../../src/hash/slice-decoder.ts'
import { IntegrityError } from '../../src/hash/integrity.ts'
import { bytesOf, groupsOf, sliceBytes } from '../../src/hash/tree.ts'
import type { ByteRange } from '../../src/hash/tree.ts'
import { TREE_SIZES, pattern } from './sizes.ts'

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
