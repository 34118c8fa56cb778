import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { hash } from '../../../src/hash/hasher.ts'
import { NamePageBuilder, nameAt, namedOf, packNames } from '../../../src/index/lists/name-page.ts'
import { NameRows } from '../../../src/index/lists/name-rows.ts'
import { decodeBinding, encodeBinding } from '../../../src/index/records/name-record.ts'
import { nameRow } from '../../../src/index/records/record.ts'
import { pageOfRows } from '../../../src/store/row-page.ts'
import type { Row } from '../../../src/store/store.ts'

const digestOf = (n: number): Uint8Array => hash(Uint8Array.of(n)).digest

const rowOf = (name: string, value: Uint8Array): Row => ({
  id: nameRow(name).id,
  value,
  version: 1,
})

const digest = fc.nat({ max: 255 }).map(digestOf)
const ms = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 2 ** 53 - 1))
const binding = fc.record(
  {
    digest,
    directory: fc.boolean(),
    tag: fc.constant(true),
    boundMs: ms,
    expiresMs: ms,
    size: ms,
    history: fc.array(fc.record({ digest, directory: fc.boolean(), atMs: ms }), {
      minLength: 1,
      maxLength: 16,
    }),
  },
  { requiredKeys: ['digest', 'directory'] },
)

/** What a page says of these records. */
function readAll(records: readonly Uint8Array[]) {
  const rows = new NameRows(
    pageOfRows(
      records.map((value, i) => rowOf(`é${i}`, value)),
      records.length,
    ),
  )
  const found = []
  while (rows.next()) {
    const { bytes, start, end, digests, digestAt, directory, tag, boundMs, expiresMs, size } = rows
    found.push({
      name: Buffer.from(bytes.subarray(start, end)).toString(),
      digest: digests.slice(digestAt, digestAt + 32),
      directory,
      tag,
      boundMs,
      expiresMs,
      size,
    })
  }
  return found
}

test('R004-160: a page reads every record of a name as the record is decoded', (t) => {
  fc.assert(
    fc.property(fc.array(binding, { maxLength: 5 }), (bindings) => {
      t.deepEqual(
        readAll(bindings.map(encodeBinding)),
        bindings.map((one, i) => ({
          name: `é${i}`,
          digest: one.digest,
          directory: one.directory,
          tag: one.tag ?? false,
          boundMs: one.boundMs ?? NaN,
          expiresMs: one.expiresMs ?? NaN,
          size: one.size ?? NaN,
        })),
      )
    }),
  )
})

test('R004-160: a record that is cut off anywhere, or has a foreign field, is read as it is decoded', (t) => {
  const known = { digest: digestOf(1), directory: true, tag: true, boundMs: 5, expiresMs: 300 }
  const whole = encodeBinding({ ...known, size: 2 ** 40, history: [known] })
  const damaged = Array.from(whole, (_, length) => whole.subarray(0, length))
  const foreign = [
    [0x80, 0x01, 0x05],
    [0x30, 0x07],
    [0x6d, 1, 2, 3, 4],
    [0xff],
    [0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ].map((bytes) => Buffer.concat([whole, Uint8Array.from(bytes)]))
  const outcomes = new Set<number | string>()
  const outcome = (read: () => number | undefined): number | string => {
    try {
      return read() ?? NaN
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  for (const value of [...damaged, ...foreign]) {
    const decoded = outcome(() => {
      const record = decodeBinding(rowOf('a', value))
      // A digest of another length is damage, too.
      return record.digest.byteLength === 32 ? record.size : readAll([value]).length
    })
    outcomes.add(decoded)
    const hex = Buffer.from(value).toString('hex')
    t.is(
      outcome(() => readAll([value])[0]!.size),
      decoded,
      hex,
    )
  }
  t.true(outcomes.has('integrity') && outcomes.has(2 ** 40) && outcomes.has(7))
})

test('R004-160: a page goes through a message unchanged', (t) => {
  const records = [
    { digest: digestOf(1), directory: false },
    { digest: digestOf(2), directory: true, tag: true, boundMs: 7, expiresMs: 9, size: 5 },
  ]
  const rows = new NameRows(
    pageOfRows(
      records.map((record, i) => rowOf(`name ${'x'.repeat(100 * i)}`, encodeBinding(record))),
      2,
    ),
  )
  const builder = new NamePageBuilder(4)
  while (rows.next()) builder.add(rows)
  builder.addCommon(Buffer.from('models/'), 0, 7)
  const counted = Buffer.from('é/')
  builder.addCommon(counted, 0, counted.byteLength)
  builder.countName()
  builder.addSize(3, 12)
  t.true(builder.isLast(counted, 0, 3))
  t.false(builder.isLast(counted, 0, 2))
  const page = builder.build(true, 'é/z')
  t.is(nameAt(page, 3), 'é/')
  const packed = packNames(namedOf(page))
  t.deepEqual({ ...packed, names: [...packed.names] }, { ...page, names: [...page.names] })
})
