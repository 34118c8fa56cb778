import { test } from '../../serial.ts'
import { number64, numberAt } from '../../../src/store/disk/records/row-keys.ts'

test('R005-6: a number in LMDB is 8 bytes, big-endian, up to 2^53 - 1', (t) => {
  for (const value of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER]) {
    const expected = Buffer.alloc(8)
    expected.writeBigUInt64BE(BigInt(value))
    t.deepEqual(number64(value), expected)
    t.is(numberAt(Buffer.concat([Buffer.from([9]), expected]), 1), value)
  }
})
