/** One copy on the machine, for a value that is a few times the allowance of the processes. */
import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import { mapByTen } from './ten-processes.ts'

test('R007-350, R003-156: ten processes map 256 MiB and read every page: there is one copy', (t) =>
  mapByTen(t, 256 * MIB))

test('R003-152: what was in memory takes no memory there once it is mapped', (t) =>
  mapByTen(t, 256 * MIB, true))
