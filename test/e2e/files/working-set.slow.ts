/** A cache in files that is larger than memory, in full size. */
import { test } from '../../serial.ts'
import { GIB, MIB } from '../../../src/limits.ts'
import { readInRounds } from './working-set.ts'

test('R003-160, R003-148: a working set of 6 GiB in 40 values, with 64 MiB of memory and 8 GiB of files', (t) => {
  t.timeout(30 * 60_000)
  const size = Math.floor((6 * GIB) / 40)
  return readInRounds(t, { memory: 64 * MIB, files: 8 * GIB, values: 40, size })
})
