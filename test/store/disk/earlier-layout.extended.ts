/** Stores of layout 1: taken over, and their outboards moved, whatever interrupts it. */
import assert from 'node:assert/strict'
import { appendFile, chmod, cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { PIECE_BYTES, SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import { type DiskStore, openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Files, nodeFiles } from '../../../src/store/disk/files.ts'
import { Database, type Tally } from '../../../src/store/disk/records/database.ts'
import type { Location } from '../../../src/store/store.ts'
import { keep, pattern, readAll, release } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'
import { Faulty } from './faulty.ts'

/** Both sides of what fits into the records, and none. */
const OUTBOARDS = [0, 64, SMALL_VALUE_BYTES, SMALL_VALUE_BYTES + 1, PIECE_BYTES + 64]
const SIZE = 50_000

const valuesIn = (directory: string): string => join(directory, 'store-v3', 'values')

/** A store as layout 1 left it: each outboard behind its value. */
async function makeEarlier(directory: string): Promise<readonly Location[]> {
  const store = await openDiskStore({ directory })
  const locations: Location[] = []
  for (const bytes of OUTBOARDS) {
    locations.push(await keep(store, pattern(SIZE), pattern(bytes)))
  }
  await store.close()
  const database = new Database(join(directory, 'store-v3', 'records'))
  await database.transact(() => {
    const { run, lastSeq, revision, values, valueBytes } = database.tally()
    database.writeTally({ run, lastSeq, revision, values, valueBytes } as Tally)
    for (const { location, value } of database.files()) {
      database.writeValue(location, { ...value, place: 'behind' })
    }
  })
  await database.close()
  for (const [i, location] of locations.entries()) {
    const path = join(valuesIn(directory), location)
    await chmod(path, 0o600)
    await appendFile(path, pattern(OUTBOARDS[i]!))
    await chmod(path, 0o400)
    await rm(`${path}.outboard`, { force: true })
  }
  await rm(join(directory, 'store-v3', 'journal'), { recursive: true })
  await rename(join(directory, 'store-v3'), join(directory, 'store-v1'))
  return locations
}

async function checkWhole(store: DiskStore, locations: readonly Location[]): Promise<void> {
  assert.deepEqual(store.recovery.damaged, [])
  for (const [i, location] of locations.entries()) {
    const bytes = await readAll(store, location, 0, SIZE)
    assert.equal(Buffer.compare(bytes, pattern(SIZE)), 0)
    const outboard = await store.outboard(location)
    assert.equal(Buffer.compare(outboard, pattern(OUTBOARDS[i]!)), 0, `outboard ${i}`)
  }
}

/** Each file has its value alone, and nothing else is there but the outboards that are large. */
async function checkMoved(directory: string, locations: readonly Location[]): Promise<void> {
  const values = valuesIn(directory)
  const large = locations.filter((_, i) => OUTBOARDS[i]! > SMALL_VALUE_BYTES)
  const expected = [...locations, ...large.map((location) => `${location}.outboard`)]
  assert.deepEqual((await readdir(values)).toSorted(), expected.toSorted())
  for (const name of await readdir(values)) {
    const { size, mode } = await stat(join(values, name))
    if (!name.endsWith('.outboard')) assert.equal(size, SIZE)
    assert.equal(mode & 0o777, 0o400, name)
  }
}

test('R005-64, R005-65: values of layout 1 are read at once, and their outboards moved', async (t) => {
  await inTemporary(async (directory) => {
    const locations = await makeEarlier(directory)
    const store = await openDiskStore({ directory })
    t.deepEqual(await readdir(directory), ['store-v3'])
    await checkWhole(store, locations)
    await store.outboardsMoved
    await checkWhole(store, locations)
    await checkMoved(directory, locations)
    await release(store, ...locations)
    t.deepEqual(await readdir(valuesIn(directory)), [], 'a removal takes both files')
    await store.close()
  })
})

/** The calls that take over a store, and some more. */
const TAKEOVER = 12

/** Of the others each second, once each kind was hit; every one with `npm run test:faults`. */
const STEP = process.env['DSTORE_KILLS'] === undefined ? 2 : 1

/** What each fault has to hit. */
const CALLS = {
  kill: ['cut', 'rename', 'sync'],
  EIO: ['cut', 'rename', 'sync'],
  cut: ['write'],
  late: ['journal.write'],
} as const

for (const fault of ['kill', 'EIO', 'cut', 'late'] as const) {
  test(`R005-65: ${fault} at any call of the move loses nothing, and the next opening completes it`, async (t) => {
    await inTemporary(async (parent) => {
      const origin = join(parent, 'origin')
      const locations = await makeEarlier(origin)
      const hits = new Set<string>()
      const hitsAll = (): boolean => CALLS[fault].every((call) => hits.has(call))
      for (let at = 0; ; at += at < TAKEOVER || !hitsAll() ? 1 : STEP) {
        const directory = join(parent, `${at}`)
        await cp(origin, directory, { recursive: true })
        const faulty = new Faulty(fault, at)
        try {
          const store = await openDiskStore({ directory }, faulty)
          await store.outboardsMoved
          // Whatever failed, what the store says is so. After "kill" it reads nothing.
          if (fault !== 'kill' && store.recovery.damaged.length === 0) {
            await checkWhole(store, locations)
          }
          await store.close()
        } catch (error) {
          if (faulty.hit === undefined) throw error
          if (error instanceof assert.AssertionError) throw error
        }
        const again = await openDiskStore({ directory })
        await checkWhole(again, locations)
        await again.outboardsMoved
        await checkWhole(again, locations)
        await again.close()
        await checkMoved(directory, locations)
        await rm(directory, { recursive: true })
        if (faulty.hit === undefined) break
        hits.add(faulty.hit)
      }
      for (const call of CALLS[fault]) t.true(hits.has(call), call)
    })
  })
}

test('R005-65: a read that began before its outboard was moved gets it', async (t) => {
  await inTemporary(async (directory) => {
    const locations = await makeEarlier(directory)
    let isHeld = false
    let goOn = (): void => undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const files: Files = {
      ...nodeFiles,
      open: async (path) => {
        const file = await nodeFiles.open(path)
        if (!isHeld) return file
        isHeld = false
        return { ...file, read: async (...args) => (await held, file.read(...args)) }
      },
    }
    const store = await openDiskStore({ directory }, { files })
    isHeld = true
    const outboard = store.outboard(locations[4]!)
    await store.outboardsMoved
    goOn()
    t.is(Buffer.compare(await outboard, pattern(OUTBOARDS[4]!)), 0)
    await store.close()
  })
})

test('R005-64: two stores in one directory are refused, and neither is changed', async (t) => {
  await inTemporary(async (directory) => {
    await makeEarlier(directory)
    for (const other of ['store-v3', 'store-v2']) {
      await mkdir(join(directory, other))
      const error = await t.throwsAsync(openDiskStore({ directory }), { code: 'integrity' })
      t.regex(error.message, /store-v\d and .*store-v\d are both there/)
      t.deepEqual((await readdir(directory)).toSorted(), ['store-v1', other].toSorted())
      await rm(join(directory, other), { recursive: true })
    }
  })
})

test('R005-36: a store of layout 1 whose records are lost keeps its name', async (t) => {
  await inTemporary(async (directory) => {
    await makeEarlier(directory)
    await rm(join(directory, 'store-v1', 'records', 'data.mdb'))
    await t.throwsAsync(openDiskStore({ directory }), { code: 'integrity' })
    t.deepEqual(await readdir(directory), ['store-v1'])
  })
})
