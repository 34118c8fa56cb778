import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { hash } from '../../../src/hash/hasher.ts'
import { keyPageOf, packKeys, type KeyPage } from '../../../src/index/records/list-pages.ts'
import { decodeKey, encodeKey } from '../../../src/index/records/record.ts'
import { pageOfRows } from '../../../src/store/row-page.ts'
import type { Row } from '../../../src/store/store.ts'

const digestOf = (n: number): Uint8Array => hash(Uint8Array.of(n & 255, n >> 8)).digest

const rowOf = (id: Uint8Array, value: Uint8Array): Row => ({ id, value, version: 1 })

const pageOf = (records: readonly Uint8Array[]): KeyPage =>
  keyPageOf(
    pageOfRows(
      records.map((value, i) => rowOf(digestOf(i), value)),
      records.length,
    ),
  )

/** The sizes that a page reads out of these records. */
const sizesIn = (records: readonly Uint8Array[]): number[] => [...pageOf(records).sizes]

const anyRecord = fc.record({
  size: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 127, 128, 16_384, 2 ** 53 - 1)),
  location: fc.string({ maxLength: 300 }),
  listed: fc.array(fc.string({ maxLength: 300 }), { maxLength: 3 }),
  named: fc.nat(),
  unnamed: fc.boolean(),
  incarnation: fc.option(fc.maxSafeNat(), { nil: undefined }),
  directory: fc.option(
    fc.record({
      size: fc.maxSafeNat(),
      files: fc.maxSafeNat(),
      depth: fc.integer({ min: 1, max: 1000 }),
      children: fc.nat(),
      values: fc.maxSafeNat(),
    }),
    { nil: undefined },
  ),
})

const encoded = ({
  incarnation,
  named,
  ...record
}: typeof anyRecord extends fc.Arbitrary<infer T> ? T : never) => {
  const rest = { ...record, names: record.listed.length + named }
  return encodeKey(incarnation === undefined ? rest : { ...rest, incarnation })
}

test('R004-33: a page reads the size of every record as the record is decoded', (t) => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 5 }), (records) => {
      t.deepEqual(
        sizesIn(records.map(encoded)),
        records.map(({ size }) => size),
      )
      t.deepEqual(
        [...pageOf(records.map(encoded)).directories],
        records.map(({ directory }) => (directory === undefined ? 0 : 1)),
      )
    }),
  )
})

/** The size, or the code of the error. */
function outcome(read: () => number): number | string {
  try {
    return read()
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('R004-33: a record that is cut off anywhere, or has a foreign field, is read as it is decoded', (t) => {
  const listed = ['models/v1', 'x'.repeat(200)]
  const whole = encodeKey({
    size: 300,
    location: '0123',
    names: 3,
    listed,
    unnamed: true,
    incarnation: 9,
  })
  const damaged = Array.from(whole, (_, length) => whole.subarray(0, length))
  const foreign = [
    [0x80, 0x01, 0x05], // a field above 15
    [0x08, 0x07], // the size again
    [0x0d, 1, 2, 3, 4], // a field of four bytes
    [0xff],
    [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ].map((bytes) => Buffer.concat([whole, Uint8Array.from(bytes)]))
  const outcomes = new Set<number | string>()
  for (const value of [...damaged, ...foreign]) {
    const decoded = outcome(() => decodeKey(rowOf(digestOf(0), value)).size)
    outcomes.add(decoded)
    t.is(
      outcome(() => sizesIn([value])[0]!),
      decoded,
      Buffer.from(value).toString('hex'),
    )
  }
  t.true(outcomes.has('integrity') && outcomes.has(300) && outcomes.has(7))
})

test('R004-33: a page with a key of the wrong length is integrity', (t) => {
  const short = rowOf(
    Uint8Array.of(1),
    encodeKey({ size: 1, location: '', names: 0, unnamed: true }),
  )
  t.throws(() => keyPageOf(pageOfRows([short], 1)), { code: 'integrity' })
})

test('R004-33: a page out of a message is the page out of the rows', (t) => {
  const sizes = [0, 5, 2 ** 40]
  const keys = sizes.map((size, i) => ({ digest: digestOf(i), size }))
  const rows = keys.map(({ digest, size }) =>
    rowOf(digest, encodeKey({ size, location: 'l', names: 0, unnamed: true })),
  )
  t.deepEqual(
    packKeys({ type: 'listed', items: keys, more: false }),
    keyPageOf(pageOfRows(rows, 9)),
  )
})
