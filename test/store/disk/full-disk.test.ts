/** Disks that are full, for real and by what the filesystem says. */
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { nodeFiles, type WritableFile } from '../../../src/store/disk/files.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { PartialUploadClocks } from '../../../src/store/disk/staged/partial-uploads.ts'
import type {
  CommitResult,
  Increment,
  Location,
  Staging,
  Store,
  Transaction,
} from '../../../src/store/store.ts'
import {
  adopt,
  commit,
  keep,
  keyOf,
  pattern,
  readAll,
  release,
  row,
  seal,
  text,
  write,
} from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

const FULL = { code: 'no-space' }

/** A second passes whenever the clock is looked at: so the disk is asked each time. */
function impatient(): PartialUploadClocks {
  let elapsedMs = 0
  return { wall: Date.now, elapsed: () => (elapsedMs += 1000) }
}

test('R005-38: below the reserve what adds is refused, what releases is not', async (t) => {
  await inTemporary(async (directory) => {
    let freeBytes = Number.MAX_SAFE_INTEGER
    const files = { ...nodeFiles, freeBytes: () => Promise.resolve(freeBytes) }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB / 2 },
      { files, clocks: impatient() },
    )
    const [first, second] = [await keep(store, pattern(100)), await keep(store, pattern(100_000))]
    const staged = await seal(store, pattern(100))
    freeBytes = 0
    await t.throwsAsync(keep(store, pattern(100)), FULL)
    await t.throwsAsync(commit(store, write('a', '1')), FULL)
    t.is(await row(store, 'a'), undefined)
    await commit(store, write('acknowledged', '7', 'meta'))
    await commit(store, write('a', undefined))
    const entry = pattern(1)
    const writes = [write('b', 'moved')]
    t.true((await store.commit({ conditions: [], writes, entry, release: [first] })).ok)
    await release(store, second)
    t.like(await store.usage(), { values: 0, valueBytes: 0 })
    freeBytes = MIB
    await commit(store, write('a', '1'))
    t.true((await store.commit({ conditions: [], writes: [], entry, adopt: [staged] })).ok)
    await store.close()
  })
})

test('R005-84: below the reserve a counter is raised only with a removal, and lowered always', async (t) => {
  await inTemporary(async (directory) => {
    let freeBytes = Number.MAX_SAFE_INTEGER
    const files = { ...nodeFiles, freeBytes: () => Promise.resolve(freeBytes) }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB / 2 },
      { files, clocks: impatient() },
    )
    const location = await keep(store, pattern(100))
    const add = (id: string, by: number): Increment => ({ key: keyOf(id, 'meta'), by })
    const change = async (
      increments: readonly Increment[],
      part: Partial<Transaction> = {},
    ): Promise<CommitResult> =>
      store.commit({ conditions: [], writes: [], entry: text('e'), increments, ...part })
    await change([add('a', 5)], { writes: [write('k', 'k'), write('n', 'n', 'names')] })
    freeBytes = 0
    await t.throwsAsync(change([add('a', 1)]), FULL)
    await t.throwsAsync(change([add('a', -1), add('b', 1)]), FULL)
    const marker = write('m', 'm', 'meta')
    await t.throwsAsync(change([add('b', 1)], { writes: [marker] }), FULL)
    await t.throwsAsync(change([add('b', 1)], { writes: [write('m', undefined, 'meta')] }), FULL)
    t.true((await change([add('a', -1)], { writes: [marker] })).ok)
    t.true((await change([add('b', 1)], { writes: [write('k', undefined)] })).ok)
    t.true((await change([add('b', 1)], { writes: [write('n', undefined, 'names')] })).ok)
    t.true((await change([add('b', 1)], { release: [location] })).ok)
    const counts = (await store.rows([keyOf('a', 'meta'), keyOf('b', 'meta')])).map(
      (row) => row && decodeCounter(row.value),
    )
    t.deepEqual(counts, [4, 3])
    freeBytes = MIB
    t.true((await change([add('a', 1)])).ok)
    await store.close()
  })
})

test('R005-58: without room for a database or its table of readers, LMDB does not open', async (t) => {
  const refused = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' }))
  for (const files of [
    { ...nodeFiles, freeBytes: () => Promise.resolve(255 * 1024) },
    {
      ...nodeFiles,
      create: async (path: string): Promise<WritableFile> => {
        const file = await nodeFiles.create(path)
        return path.endsWith('lock.mdb') ? { ...file, write: refused } : file
      },
    },
  ]) {
    await inTemporary(async (directory) => {
      await t.throwsAsync(openDiskStore({ directory }, { files }), FULL)
      const made = await readdir(directory, { recursive: true })
      t.deepEqual(
        made.filter((name) => name.endsWith('.mdb')),
        [],
      )
      // With room again, it opens.
      const store = await openDiskStore({ directory })
      await keep(store, pattern(100))
      await store.close()
      t.is((await stat(join(directory, 'store-v3/records/lock.mdb'))).size > 0, true)
    })
  }
})

test('R005-58: an empty table of readers, of an opening that was cut off, is written first', async (t) => {
  await inTemporary(async (directory) => {
    await mkdir(join(directory, 'store-v3/records'), { recursive: true })
    const lock = join(directory, 'store-v3/records/lock.mdb')
    await writeFile(lock, '')
    let written = 0
    const append = async (path: string, size: number): Promise<WritableFile> => {
      const file = await nodeFiles.append(path, size)
      const write = async (bytes: Uint8Array): Promise<number> => {
        if (path === lock) written += bytes.byteLength
        return file.write(bytes)
      }
      return { ...file, write }
    }
    const store = await openDiskStore({ directory }, { files: { ...nodeFiles, append } })
    t.true(written >= 8 * 1024)
    await store.close()
  })
})

test('R005-38: of commits that share a sync, a full disk refuses those that add', async (t) => {
  await inTemporary(async (directory) => {
    let freeBytes = MIB
    const files = { ...nodeFiles, freeBytes: () => Promise.resolve(freeBytes) }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB },
      { files, clocks: impatient() },
    )
    freeBytes = 0
    const results = await Promise.allSettled([
      commit(store, write('a', '1')),
      commit(store, write('a', undefined)),
      commit(store, write('m', '1', 'meta')),
      commit(store, write('b', '1', 'names')),
    ])
    t.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled', 'rejected'],
    )
    await store.close()
  })
})

test('R005-49: the room on the disk is what is free beyond the reserve', async (t) => {
  await inTemporary(async (directory) => {
    let freeBytes = 10 * MIB
    const files = { ...nodeFiles, freeBytes: () => Promise.resolve(freeBytes) }
    const store = await openDiskStore(
      { directory, reserveBytes: MIB },
      { files, clocks: impatient() },
    )
    t.is(await store.freeBytes(), 9 * MIB)
    freeBytes = 10
    t.is(await store.freeBytes(), 0)
    await store.close()
    await t.throwsAsync(store.freeBytes(), { code: 'unreachable' })
    const failing = { ...nodeFiles, freeBytes: () => Promise.reject(new Error('the disk')) }
    const other = await openDiskStore({ directory }, { files: failing })
    await t.throwsAsync(other.freeBytes(), { code: 'unwritable' })
    await other.close()
  })
  t.is(await createMemoryStore().freeBytes(), undefined)
})

/** Fill with values of one size until refused. */
async function fill(store: Store, size: number): Promise<Location[]> {
  const kept: Location[] = []
  for (;;) {
    let staging: Staging | undefined
    try {
      staging = await store.stage(size)
      await staging.write(pattern(size))
      const location = await staging.seal(new Uint8Array(0))
      await adopt(store, location)
      kept.push(location)
    } catch (error) {
      await staging?.discard()
      if (kept.length === 0 || (error as { code?: string }).code !== 'no-space') throw error
      return kept
    }
  }
}

/** Run on a filesystem of this size, where this user may mount one. */
async function onSmallDisk(
  size: number,
  run: (directory: string) => Promise<void>,
): Promise<boolean> {
  return inTemporary(async (directory) => {
    const mounted = join(directory, 'disk')
    await mkdir(mounted)
    try {
      const options = ['-t', 'tmpfs', '-o', `size=${size}`, 'none', mounted]
      execFileSync('mount', options, { stdio: 'ignore' })
    } catch {
      return false
    }
    try {
      await run(mounted)
    } finally {
      // Lazily: what a failed test left open must not hide why it failed.
      execFileSync('umount', ['-l', mounted])
    }
    return true
  })
}

for (const size of [4000, 16_000, 100_000, 3 * MIB]) {
  test(`R005-38, R005-24: a real disk filled with values of ${size} bytes`, async (t) => {
    const ran = await onSmallDisk(8 * MIB, async (directory) => {
      const store = await openDiskStore({ directory, reserveBytes: MIB })
      const kept = await fill(store, size)
      const values = join(directory, 'store-v3', 'values')
      const files = (await readdir(values)).length
      t.is(files, size > 16_384 ? kept.length : 0, 'what was refused left no file')
      await t.throwsAsync(keep(store, pattern(20 * MIB)), FULL)
      for (const location of kept.slice(0, 5)) {
        t.is((await readAll(store, location, 0, size)).byteLength, size)
      }
      for (const location of kept) await release(store, location)
      t.like(await store.usage(), { values: 0, valueBytes: 0 })
      const again = await fill(store, size)
      // Values of several pages want them in a row: LMDB does not find a place for each again.
      t.true(again.length >= kept.length * 0.6, `${again.length} of ${kept.length} fit again`)
      await store.close()

      const reopened = await openDiskStore({ directory, reserveBytes: MIB })
      t.deepEqual(reopened.recovery, { deletedFiles: 0, damaged: [] })
      t.is((await reopened.usage()).values, again.length)
      for (const location of again) {
        const bytes = await readAll(reopened, location, 0, size)
        t.is(Buffer.compare(bytes, pattern(size)), 0)
      }
      await reopened.close()
    })
    if (!ran) {
      t.log('SKIPPED: this user may not mount a filesystem')
      t.pass()
    }
  })
}

test('R005-38: LMDB itself out of room is no-space, loses nothing, and recovers', async (t) => {
  const ran = await onSmallDisk(8 * MIB, async (directory) => {
    const store = await openDiskStore({ directory, reserveBytes: 0 })
    const kept = await fill(store, 16_000)
    const error = await t.throwsAsync(keep(store, pattern(16_000)), FULL)
    t.false(error?.message.includes('\n'))
    for (const location of kept) {
      t.is(Buffer.compare(await readAll(store, location, 0, 16_000), pattern(16_000)), 0)
    }
    await store.close()
    const reopened = await openDiskStore({ directory, reserveBytes: 0 })
    t.is((await reopened.usage()).values, kept.length)
    t.is(await reopened.lastSeq(), kept.length)
    await reopened.close()
  })
  if (!ran) {
    t.log('SKIPPED: this user may not mount a filesystem')
    t.pass()
  }
})
