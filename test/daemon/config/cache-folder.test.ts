/** The settings of the folder for cached files (specs/007, R007-390). */
import {
  resolveSettings,
  settingsFromEnvironment,
  type Settings,
} from '../../../src/daemon/config/settings.ts'
import { test } from '../../serial.ts'

const LOCAL: Settings = {
  role: 'local',
  join: ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWKEGWLk6djGR4m18EpHBBC2oZ5KKC1znqU8oWCY9LMDeF'],
}

test('R007-390 a folder and its size are for a Local', (t) => {
  const files = { cacheDir: '/var/cache/dstore', cacheDirBytes: 5 }
  t.deepEqual(resolveSettings({ ...LOCAL, ...files }, {}), { ...LOCAL, ...files })
  t.deepEqual(resolveSettings(files, LOCAL), { ...LOCAL, ...files })
  for (const role of ['global', 'standalone'] as const) {
    for (const given of [{ cacheDir: '/x' }, { cacheDirBytes: 5 }]) {
      t.throws(() => resolveSettings({ role, ...given }, {}), { code: 'usage' } as never)
    }
  }
  t.throws(() => resolveSettings({ cacheDir: 'none' }, {}), { code: 'usage' } as never)
  // What was saved for a Local does not keep the node from another role.
  t.notThrows(() => resolveSettings({ role: 'global' }, { ...LOCAL, ...files }))
})

test('R007-390 the environment names the folder and its size', (t) => {
  const given = { DSTORE_CACHE_DIR: '/a/b', DSTORE_CACHE_DIR_SIZE: '10GiB' }
  t.deepEqual(settingsFromEnvironment(given), { cacheDir: '/a/b', cacheDirBytes: 10 * 2 ** 30 })
  t.deepEqual(settingsFromEnvironment({ DSTORE_CACHE_DIR: 'none' }), { cacheDir: 'none' })
  const bad = { DSTORE_CACHE_DIR_SIZE: 'much' }
  t.throws(() => settingsFromEnvironment(bad), { code: 'usage' } as never)
})
