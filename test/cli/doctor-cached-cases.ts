/** What `dstore doctor` can find of the cached files of a Local, as facts. */
import type { Facts } from '../../cli/doctor/facts.ts'
import { ADDRESS, GIB, healthy, statusFor } from './doctor-facts.ts'

const disk = { freeBytes: 50 * GIB, totalBytes: 100 * GIB, freeFiles: 1e6, totalFiles: 2e6 }
const memory = { totalBytes: 8 * GIB, availableBytes: 4 * GIB, limitBytes: undefined }
const cache = statusFor('local').cache!
const files = {
  directory: '/cache/boot',
  kind: 'disk',
  budgetBytes: 2 * GIB,
  usedBytes: 0,
  values: 0,
  evictions: 0,
  heldBytes: 0,
  removedHeldBytes: undefined,
} as const

/** By what is wrong: the facts, and exactly what is found. */
export const CACHED_CASES: Readonly<Record<string, readonly [Facts, string[]]>> = {
  'R007-394 files in shared memory count as memory': [
    healthy(
      'local',
      { memory: { value: { ...memory, limitBytes: 4 * GIB } } },
      statusFor('local', { cache: { ...cache, files: { ...files, kind: 'shared-memory' } } }),
    ),
    ['warning cache-large'],
  ],
  'R007-394 files that may take more than the disk has': [
    healthy(
      'local',
      { cacheDisk: { value: { ...disk, freeBytes: GIB } } },
      statusFor('local', { cache: { ...cache, files } }),
    ),
    ['warning cached-files-large'],
  ],
  'R007-394 files whose disk has room for what is left': [
    healthy(
      'local',
      { cacheDisk: { value: { ...disk, freeBytes: GIB } } },
      statusFor('local', { cache: { ...cache, files: { ...files, usedBytes: GIB } } }),
    ),
    [],
  ],
  'R007-394 no files': [
    healthy('local', {}, statusFor('local', { cache: { ...cache, noFiles: 'no room' } })),
    ['note cached-files-none'],
  ],
  'R007-394 no files, as asked for': [
    healthy(
      'local',
      { settings: { value: { role: 'local', join: [ADDRESS], cacheDir: 'none' } } },
      statusFor('local', { cache: { ...cache, noFiles: '--cache-dir is none' } }),
    ),
    [],
  ],
}
