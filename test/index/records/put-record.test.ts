import { test } from '../../serial.ts'
import { create, toBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { decodeChange, encodeChange } from '../../../src/index/records/change-record.ts'
import { decodeKey, encodeKey } from '../../../src/index/records/record.ts'
import { KeyRecordSchema, LogRecordSchema } from '../../../src/index/records/records_pb.ts'

const sizes = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 127, 128, 16_383, 16_384, 2 ** 32, 2 ** 53 - 1),
)
const locations = fc.oneof(
  fc.string({ maxLength: 130 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', '000000030000000000a1', 'x'.repeat(127), 'x'.repeat(128), 'é'),
)

test('R007-197: the row of a value without a name has the bytes of its message', (t) => {
  fc.assert(
    fc.property(sizes, locations, (size, location) => {
      const fields = { size: BigInt(size), location, names: [], unnamed: true }
      const bytes = encodeKey({ size, location, names: 0, unnamed: true })
      t.deepEqual(bytes, toBinary(KeyRecordSchema, create(KeyRecordSchema, fields)))
      const decoded = decodeKey({ id: new Uint8Array(32), version: 7, value: bytes })
      t.deepEqual(decoded, { size, location, incarnation: 7, names: 0, unnamed: true })
    }),
  )
})

test('R007-197: the entry of a put without a name has the bytes of its message', (t) => {
  const digests = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(digests, sizes, fc.oneof(fc.nat(), fc.constant(1.8e12)), (digest, size, atMs) => {
      const change = { type: 'put', digest, size, names: [] } as const
      const bytes = encodeChange(change, atMs + 0.4)
      const put = { digest, size: BigInt(size), names: [] }
      const fields = { atMs: BigInt(atMs), change: { case: 'put', value: put } } as const
      t.deepEqual(bytes, toBinary(LogRecordSchema, create(LogRecordSchema, fields)))
      t.deepEqual(decodeChange(bytes), { change, atMs })
    }),
  )
})
