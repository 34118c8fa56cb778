/** One copy on the machine, in full size. */
import { test } from '../../serial.ts'
import { GIB } from '../../../src/limits.ts'
import { mapByTen } from './ten-processes.ts'

test('R007-350, R003-156: ten processes map 1 GiB and read every page: there is one copy', (t) =>
  mapByTen(t, GIB))
