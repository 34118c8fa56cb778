/** What `status` says of the cached files of a Local (specs/007, R007-393). */
import { statusText } from '../../cli/terminal/status-text.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { test } from '../serial.ts'
import { GIB, MIB, statusFor } from './doctor-facts.ts'

type Cache = NonNullable<StatusAnswer['cache']>

const lineOf = (more: Partial<Cache>): string | undefined => {
  const cache = { ...statusFor('local').cache!, ...more }
  const lines = statusText(statusFor('local', { cache })).split('\n')
  return lines.find((line) => line.startsWith('cached files'))
}

const FILES = {
  directory: '/cache/boot-1',
  kind: 'disk',
  budgetBytes: 8 * GIB,
  usedBytes: 2 * GIB,
  values: 3,
  evictions: 4,
  heldBytes: 0,
  removedHeldBytes: undefined,
} as const

test('R007-393 status says what cached files take of what, where, and who holds them', (t) => {
  t.is(
    lineOf({ files: FILES }),
    'cached files  2GiB of 8GiB on a disk: 3 values, 4 evictions, in /cache/boot-1',
  )
  const shared = { ...FILES, kind: 'shared-memory', budgetBytes: undefined } as const
  t.is(
    lineOf({ files: { ...shared, heldBytes: MIB, removedHeldBytes: 5 * MIB } }),
    'cached files  2GiB, within the cache, in shared memory: 3 values, 4 evictions, ' +
      '1MiB held by callers, 5MiB held by readers of removed values, in /cache/boot-1',
  )
})

test('R007-393 status says why there are no cached files', (t) => {
  t.is(
    lineOf({ noFiles: 'this system has no /dev/shm' }),
    'cached files  none: this system has no /dev/shm',
  )
  t.is(lineOf({}), undefined)
})
