/** A cache in files that is larger than memory, with small values. */
import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import { readInRounds } from './working-set.ts'

test('R003-160, R003-148: ten values that memory cannot hold are fetched once, and found again after a kill', (t) =>
  readInRounds(t, { memory: 8 * MIB, files: 128 * MIB, values: 10, size: 9 * MIB }))
