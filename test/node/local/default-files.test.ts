/** When a Local has files on shared memory without being told (specs/007, R007-391). */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { MIB } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { openFiles, type OpenFilesOptions } from '../../../src/node/tiers/open-files.ts'
import { mountUse } from '../../../src/store/cached/mount.ts'
import { test } from '../../serial.ts'

const SHARED = '/dev/shm'
const hasShared = existsSync(SHARED) && mountUse(SHARED).kind === 'shared-memory'

interface Scene {
  readonly root: string
  readonly options: OpenFilesOptions
}

function scene(t: ExecutionContext, cacheBytes: number, left: number): Scene {
  const root = mkdtempSync(join(SHARED, 'dstore-default-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const options: OpenFilesOptions = {
    peerId: '12D3KooWAAAABBBBCCCCDDDDEEEEFFFF',
    budget: new CacheBudget(cacheBytes),
    random: (bytes) => new Uint8Array(bytes).fill(7),
    onEvicted: () => undefined,
    log: SILENT,
    memory: { root, left: () => left },
  }
  return { root, options }
}

/** What is below the folder of this user. */
const left = (root: string): string[] =>
  readdirSync(root).flatMap((one) => readdirSync(join(root, one)))

if (hasShared) {
  test('R007-391 there are files if twice the cache is free and allowed, within its budget', async (t) => {
    const { root, options } = scene(t, MIB, 2 * MIB)
    const { tier, none, ownBytes, onClosed } = await openFiles(options)
    t.is(none, undefined)
    t.is(ownBytes, undefined)
    t.deepEqual([tier!.status().kind, tier!.status().budgetBytes], ['shared-memory', undefined])
    await tier!.close()
    onClosed!()
    t.deepEqual(left(root), [])
  })

  test('R007-391 there are none where the control group leaves less, and the reason says so', async (t) => {
    const { root, options } = scene(t, MIB, 2 * MIB - 1)
    const { tier, none } = await openFiles(options)
    t.is(tier, undefined)
    t.regex(none!, /control group leaves 2097151 bytes/)
    t.deepEqual(left(root), [])
  })

  test('R007-391 there are none where less is free, and the reason says so', async (t) => {
    const { root, options } = scene(t, mountUse(SHARED).freeBytes, Infinity)
    const { tier, none } = await openFiles(options)
    t.is(tier, undefined)
    t.regex(none!, /bytes free; twice the cache is/)
    t.deepEqual(left(root), [])
  })

  test('R007-390 with a size of their own the files do not share the budget of memory', async (t) => {
    const { options } = scene(t, 64 * MIB, 4 * MIB)
    const { tier, ownBytes } = await openFiles({ ...options, cacheDirBytes: 4 * MIB })
    t.is(ownBytes, 4 * MIB)
    t.is(tier!.status().budgetBytes, 4 * MIB)
    await tier!.close()
  })
}

test('R007-390 none: there are no files', async (t) => {
  const given = { cacheDir: 'none' } as OpenFilesOptions
  t.deepEqual(await openFiles(given), { none: '--cache-dir is none' })
})
