/**
 * Builds the native hash addon, and runs with it the tests of hashing and those that need a real
 * addon: `npm run test:native`. Without cargo it says so in one line, and succeeds.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { checksumPath } from '../src/hash/engine/native/addon-paths.ts'
import { ADDON, buildAddon, hasCargo } from './native.ts'

/** By folders; `ava.config.js` adds `*.native.ts`. */
const TESTS = ['dist/test/hash/**/*.{test,native}.js', 'dist/test/native/*.native.js']

if (!hasCargo()) {
  process.stdout.write('native: tests skipped: cargo is not installed\n')
} else {
  const wasThere = existsSync(ADDON)
  try {
    if (!wasThere) buildAddon(ADDON)
    const env = { ...process.env, DSTORE_TEST_NATIVE: '1', DSTORE_NATIVE: '' }
    const { status } = spawnSync('npx', ['ava', ...TESTS], { env, stdio: 'inherit' })
    process.exitCode = status ?? 1
  } finally {
    if (!wasThere) for (const path of [ADDON, checksumPath(ADDON)]) rmSync(path, { force: true })
  }
}
