/** Every call that the disk store makes of its filesystem and of LMDB goes wrong in turn. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { KIB } from '../../../src/limits.ts'
import { PLATFORM, PORTABLE } from '../../../src/platform.ts'
import { type DiskStore, openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Fault, Faulty } from './faulty.ts'
import { MAX_BYTES, Told, checkTold, put, runScenario } from '../scenario.ts'
import { inTemporary } from '../temporary.ts'

/**
 * Every call that the scenario is known to make: none may be missed because the scenario changed.
 */
const CALLS: readonly string[] = [
  'close',
  'create',
  'file.setMode',
  'freeBytes',
  'identity',
  ...[
    'close',
    'create',
    'list',
    'makeDirectory',
    'open',
    'openDurable',
    'read',
    'remove',
    'rename',
    'size',
    'sync',
    'syncDirectory',
    'write',
  ].map((call) => `journal.${call}`),
  'list',
  'makeDirectory',
  'open',
  'read',
  'remove',
  'rename',
  'setMode',
  'size',
  'sync',
  'syncDirectory',
  'transact',
  'write',
  ...(PLATFORM.flushesDrive ? [] : ['syncFile']),
].toSorted()

const EXPECTED: Readonly<Record<Exclude<Fault, 'kill'>, readonly string[]>> = {
  EIO: CALLS,
  ENOSPC: CALLS,
  flush: ['journal.sync', 'syncFile'],
  cut: ['journal.write', 'write'],
  late: ['journal.write', 'transact'],
}

/** A store with a value, and files that a crash left behind: of a value, and of the journal. */
async function prepared(directory: string, told: Told): Promise<void> {
  const store = await openDiskStore({ directory, maxBytes: MAX_BYTES })
  await put(store, told, 'before', 50_000)
  await store.close()
  await writeFile(join(directory, 'store-v3', 'values', '00000000000000000001'), 'half')
  await writeFile(join(directory, 'store-v3', 'journal', '000000000000ffff.new'), 'half')
}

async function runWith(fault: Fault, faulty: Faulty): Promise<void> {
  const platform = fault === 'flush' ? PORTABLE : PLATFORM
  await inTemporary(async (directory) => {
    const options = { directory, maxBytes: MAX_BYTES }
    const told = new Told()
    await prepared(directory, told)
    let store: DiskStore | undefined
    try {
      store = await openDiskStore(options, {
        files: faulty.files,
        journalFiles: faulty.journalFiles,
        // So small that the journal goes from one segment to the next.
        journalBytes: { firstSegmentBytes: 16 * KIB, segmentBytes: 32 * KIB },
        database: faulty.database,
        platform,
      })
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      assert.match(error.message, /^cannot (open|look for) |disk is full/)
    }
    if (store !== undefined) {
      await runScenario(store, told)
      const { values, valueBytes, headroomBytes } = await store.usage()
      // What a commit in doubt may have released is free when the store has opened again.
      const isInDoubt =
        /^(identity|syncFile)$/.test(faulty.hit ?? '') ||
        (fault === 'late' && faulty.hit !== undefined)
      if (!isInDoubt) assert.equal(headroomBytes, MAX_BYTES - valueBytes, 'nothing stays taken')
      assert.equal(values, (await store.scan('keys', { limit: 100 })).length)
      await store.close()
    }
    const again = await openDiskStore(options)
    try {
      await checkTold(again, told, directory)
    } finally {
      await again.close()
    }
  })
}

for (const fault of ['EIO', 'ENOSPC', 'flush', 'cut', 'late'] satisfies Fault[]) {
  test(`R005-32, R005-24, R005-63: ${fault} at every call in turn loses nothing and leaves nothing`, async (t) => {
    const hits = new Set<string>()
    for (let at = 0; ; at++) {
      const faulty = new Faulty(fault, at)
      try {
        await runWith(fault, faulty)
      } catch (error) {
        throw new Error(`${fault} at call ${at}, ${faulty.hit}`, { cause: error })
      }
      if (faulty.hit === undefined) break
      hits.add(faulty.hit)
    }
    // Threads call in another order each time, so that a kind may have been passed over.
    for (const call of EXPECTED[fault].filter((kind) => !hits.has(kind))) {
      const faulty = new Faulty(fault, 0, [call])
      await runWith(fault, faulty)
      if (faulty.hit !== undefined) hits.add(faulty.hit)
    }
    t.deepEqual([...hits].toSorted(), EXPECTED[fault])
  })
}

test('the scenario itself, without a fault, does all it should', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory, maxBytes: MAX_BYTES })
    const told = new Told()
    await runScenario(store, told)
    t.deepEqual([...told.present.keys()].toSorted(), ['b', 'c unknown', 'last'])
    t.deepEqual([...told.absent].toSorted(), ['a', 'large', 'small'])
    t.is(told.unsure.size, 0)
    await checkTold(store, told, directory)
    await store.close()
  })
})
