/**
 * One of everything that a store does to a disk, and what must be true of it whatever went wrong.
 */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import { PIECE_BYTES, SMALL_VALUE_BYTES } from '../../src/limits.ts'
import { decodeCounter } from '../../src/store/counters.ts'
import type { DiskStore } from '../../src/store/disk/disk.ts'
import type { Location, Staging, Store } from '../../src/store/store.ts'
import { keyOf, pattern, readAll, row, text } from './conformance/suite.ts'

/** An outboard that does not fit into the records, and one that does. */
const outboardOf = (id: string): Uint8Array => pattern(id === 'large' ? 20_000 : 64)

export const MAX_BYTES: number = 20 * PIECE_BYTES

/** How many values there are: transactions count it. */
const COUNT = keyOf('count', 'meta')

/** Read in two pieces. */
const LARGE_BYTES = PIECE_BYTES + 1
/** Kept in a file. */
const MIDDLE_BYTES = 100_000

/**
 * What a caller of the store was told: the record of each value, or that it is gone, or nothing for
 * sure.
 */
export class Told {
  readonly present: Map<string, { readonly location: Location; readonly size: number }> = new Map()
  readonly absent: Set<string> = new Set()
  readonly unsure: Set<string> = new Set()

  /** Do something that a fault of the disk may prevent. */
  async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      assert.match(error.code, /^(no-space|unwritable|unreadable|integrity)$/)
      assert.ok(!error.message.includes('\n'))
    }
  }
}

/** Stage, seal and adopt a value, with the record that names it. */
export async function put(store: Store, told: Told, id: string, size: number): Promise<void> {
  let staging: Staging | undefined
  await told.attempt(async () => {
    try {
      staging = await store.stage(id.endsWith('unknown') ? undefined : size)
      const bytes = pattern(size)
      await staging.write(bytes.subarray(0, size >> 1))
      await staging.write(bytes.subarray(size >> 1))
      const location = await staging.seal(outboardOf(id))
      told.unsure.add(id)
      const result = await store.commit({
        conditions: [{ key: keyOf(id), version: 0 }],
        writes: [{ key: keyOf(id), value: text(JSON.stringify({ location, size })) }],
        increments: [{ key: COUNT, by: 1 }],
        entry: text(`put ${id}`),
        adopt: [location],
      })
      assert.ok(result.ok)
      told.present.set(id, { location, size })
      told.unsure.delete(id)
    } catch (error) {
      await staging?.discard()
      throw error
    }
  })
}

async function remove(store: Store, told: Told, id: string): Promise<void> {
  const known = told.present.get(id)
  if (known === undefined) return
  await told.attempt(async () => {
    told.present.delete(id)
    told.unsure.add(id)
    const result = await store.commit({
      conditions: [],
      writes: [{ key: keyOf(id), value: undefined }],
      increments: [{ key: COUNT, by: -1 }],
      entry: text(`remove ${id}`),
      release: [known.location],
    })
    assert.ok(result.ok)
    told.unsure.delete(id)
    told.absent.add(id)
  })
}

/**
 * Puts small and large values, one at a time and together; reads, removes, discards, puts again.
 */
export async function runScenario(store: Store, told: Told): Promise<void> {
  await put(store, told, 'small', 100)
  await put(store, told, 'large', LARGE_BYTES)
  await Promise.all(['a', 'b', 'c unknown'].map((id) => put(store, told, id, MIDDLE_BYTES)))
  const large = told.present.get('large')
  if (large !== undefined) {
    await told.attempt(async () => {
      await readAll(store, large.location, 0, large.size)
      await store.outboard(large.location)
    })
  }
  await told.attempt(async () => {
    const staging = await store.stage(undefined)
    await staging.write(pattern(MIDDLE_BYTES))
    await staging.discard()
  })
  await Promise.all(['a', 'large'].map((id) => remove(store, told, id)))
  await remove(store, told, 'small')
  await put(store, told, 'last', 2 * MIDDLE_BYTES)
}

/** All that was told is true, what was not is whole or not there, and nothing else takes room. */
export async function checkTold(store: DiskStore, told: Told, directory: string): Promise<void> {
  for (const [id, { location, size }] of told.present) {
    assert.ok(await row(store, id), `${id} has its record`)
    await checkValue(store, location, size, outboardOf(id))
  }
  for (const id of told.absent) assert.equal(await row(store, id), undefined, `${id} is gone`)
  const rows = await store.scan('keys', { limit: 100 })
  let bytes = 0
  let files = 0
  for (const { id, value } of rows) {
    const name = Buffer.from(id).toString()
    assert.ok(told.present.has(name) || told.unsure.has(name), `${name} was never put`)
    const { location, size } = JSON.parse(Buffer.from(value).toString()) as {
      location: Location
      size: number
    }
    await checkValue(store, location, size, outboardOf(name))
    bytes += size
    if (size > SMALL_VALUE_BYTES) files += outboardOf(name).byteLength > SMALL_VALUE_BYTES ? 2 : 1
  }
  assert.deepEqual(await store.usage(), {
    damaged: 0,
    unfinishedBytes: 0,
    values: rows.length,
    valueBytes: bytes,
    quotaBytes: MAX_BYTES,
    headroomBytes: MAX_BYTES - bytes,
  })
  const counted = await row(store, COUNT.id, COUNT.table)
  assert.equal(decodeCounter(counted?.value), rows.length)
  assert.equal((await readdir(join(directory, 'store-v3', 'values'))).length, files)
  const log = await store.log(0, 100)
  assert.equal(await store.lastSeq(), log.length)
  assert.deepEqual(store.recovery.damaged, [])
}

async function checkValue(
  store: Store,
  location: Location,
  size: number,
  outboard: Uint8Array,
): Promise<void> {
  const bytes = await readAll(store, location, 0, size)
  assert.equal(Buffer.compare(bytes, pattern(size)), 0)
  assert.equal(Buffer.compare(await store.outboard(location), outboard), 0)
}
