import { chmod, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { PIECE_BYTES } from '../../../src/limits.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Files, nodeFiles } from '../../../src/store/disk/files.ts'
import type { Database } from '../../../src/store/disk/records/database.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { Location, Transaction } from '../../../src/store/store.ts'
import { eventually } from '../../eventually.ts'
import { type Harness, storeSuite } from '../conformance.ts'
import { keep, keyOf, pattern, readAll, release, row, seal, text } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'
import { watched } from './journal-files.ts'

storeSuite({
  test,
  name: 'disk',
  supports: { durable: true },
  create: async (options): Promise<Harness> => {
    const directory = await mkdtemp(join(tmpdir(), 'dstore-store-'))
    const open = (): ReturnType<typeof openDiskStore> => openDiskStore({ directory, ...options })
    let current = await open()
    return {
      store: current,
      reopen: async () => {
        await current.close()
        return (current = await open())
      },
      destroy: async () => {
        await current.close()
        await rm(directory, { recursive: true })
      },
    }
  },
})

/** The filesystem, and what of it is open or was read. */
function counted(): { readonly files: Files; readonly count: { reads: number; open: number } } {
  const count = { reads: 0, open: 0 }
  const files: Files = {
    ...nodeFiles,
    open: async (path) => {
      const file = await nodeFiles.open(path)
      count.open++
      return {
        read: (into, position) => {
          count.reads++
          return file.read(into, position)
        },
        close: () => {
          count.open--
          return file.close()
        },
      }
    },
  }
  return { files, count }
}

test('R005-40: a reader that is slow has one piece read ahead of it, no more', async (t) => {
  await inTemporary(async (directory) => {
    const { files, count } = counted()
    const store = await openDiskStore({ directory }, { files })
    const location = await keep(store, pattern(6 * PIECE_BYTES))
    count.reads = 0
    let given = 0
    for await (const piece of store.read(location, { start: 0, end: 6 * PIECE_BYTES })) {
      t.is(piece.byteLength, PIECE_BYTES)
      given++
      const expected = Math.min(6, given + 1)
      await eventually((saw) => saw(count.reads) >= expected)
      // Time for a read that should not happen.
      await new Promise((resolve) => void setTimeout(resolve, 20))
      t.is(count.reads, expected)
    }
    await store.close()
  })
})

test('R005-20: the file of a value is closed when its reader ends, leaves, or is ended', async (t) => {
  await inTemporary(async (directory) => {
    const { files, count } = counted()
    const store = await openDiskStore({ directory }, { files })
    const [kept, gone] = [
      await keep(store, pattern(4 * PIECE_BYTES)),
      await keep(store, pattern(4 * PIECE_BYTES)),
    ]
    await readAll(store, kept, 0, 4 * PIECE_BYTES)
    t.is(count.open, 0)
    for await (const piece of store.read(kept, { start: 0, end: 4 * PIECE_BYTES })) {
      t.is(count.open, 1)
      t.true(piece.byteLength > 0)
      break
    }
    t.is(count.open, 0)
    const slow = store.read(gone, { start: 0, end: 4 * PIECE_BYTES })[Symbol.asyncIterator]()
    await slow.next()
    t.is(count.open, 1)
    await release(store, gone)
    t.is(count.open, 0, 'its space is free when the release is answered')
    await t.throwsAsync(slow.next(), { code: 'removed' })
    await store.close()
  })
})

test('R005-5: concurrent commits share writes, and fail separately', async (t) => {
  await inTemporary(async (directory) => {
    let writes = 0
    const journalFiles = watched({ onWrite: () => void writes++ })
    const store = await openDiskStore({ directory }, { journalFiles })
    const before = writes
    const sealed = await Promise.all(Array.from({ length: 500 }, () => seal(store, pattern(100))))
    const results = await Promise.allSettled(
      sealed.map((location, i) =>
        store.commit({
          conditions: [],
          writes: [{ key: keyOf(`${i}`), value: text(location) }],
          entry: text('put'),
          adopt: [i % 100 === 7 ? 'nowhere' : location],
        }),
      ),
    )
    t.is(results.filter(({ status }) => status === 'rejected').length, 5)
    t.is(await store.lastSeq(), 495)
    t.true(writes - before <= 3, `${writes - before} writes`)
    await store.close()
  })
})

/** A database whose transactions go through `around`. */
function transacting(
  around: <T>(transact: (write: () => T) => Promise<T>, write: () => T) => Promise<T>,
): (opened: Database) => Database {
  return (opened) =>
    new Proxy(opened, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        if (name !== 'transact') return member.bind(target) as unknown
        return (write: () => unknown) => around((inner) => target.transact(inner), write)
      },
    })
}

const adopting = (location: Location): Transaction => ({
  conditions: [],
  writes: [],
  entry: text('adopt'),
  adopt: [location],
})

test('R005-22: of two that adopt one value in the same commit, one is refused', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory })
    const [damaged, once, twice] = [
      await keep(store, pattern(100)),
      await seal(store, pattern(100)),
      await seal(store, pattern(100)),
    ]
    const refused = { instanceOf: RangeError }
    const first = store.commit(adopting(once))
    await t.throwsAsync(store.commit(adopting(once)), refused)
    t.true((await first).ok)
    const second = store.commit(adopting(twice))
    await t.throwsAsync(store.replace(damaged, twice), refused)
    t.true((await second).ok)
    t.like(await store.usage(), { values: 3, valueBytes: 300 })
    await store.close()
  })
})

test('R005-21: discarding while the commit that adopts it is under way does nothing', async (t) => {
  await inTemporary(async (directory) => {
    let during = (): void => undefined
    const journalFiles = watched({ onWrite: () => during() })
    const store = await openDiskStore({ directory }, { journalFiles })
    const staging = await store.stage(50_000)
    await staging.write(pattern(50_000))
    const location = await staging.seal(new Uint8Array(0))
    let discarded: Promise<void> | undefined
    during = () => {
      discarded ??= staging.discard()
    }
    t.true((await store.commit(adopting(location))).ok)
    await discarded
    t.is((await readAll(store, location, 0, 50_000)).byteLength, 50_000)
    t.is((await store.usage()).values, 1)
    await store.close()
  })
})

test('R005-32, R005-83, R005-91: what LMDB refuses is in the journal, and applied once', async (t) => {
  await inTemporary(async (directory) => {
    let refused = 0
    let isBroken = false
    const database = transacting((transact, write) => {
      if (!isBroken) return transact(write)
      refused++
      return Promise.reject(Object.assign(new Error('refused'), { code: 'EIO' }))
    })
    const reported: string[] = []
    const onFailedCommit = (fault: Error): unknown => reported.push(fault.message)
    const store = await openDiskStore({ directory, onFailedCommit }, { database })
    const sealed = await Promise.all([1, 2, 3].map(() => seal(store, pattern(100))))
    isBroken = true
    const increments = [{ key: keyOf('count', 'meta'), by: 1 }]
    const put = async (location: Location): Promise<number | false> => {
      const result = await store.commit({ ...adopting(location), increments })
      return result.ok && result.seq
    }
    t.deepEqual(await Promise.all(sealed.slice(0, 2).map(put)), [1, 2])
    await eventually((saw) => saw(refused) >= 2)
    t.is(reported.length, 1, 'it is tried again and again, and reported once')
    t.is(await put(sealed[2]!), 3)
    await store.close()
    const again = await openDiskStore({ directory })
    t.is(decodeCounter((await row(again, 'count', 'meta'))?.value), 3)
    t.is((await again.usage()).values, 3)
    await again.close()
  })
})

test('R005-28: a staging takes one call at a time', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory })
    const staging = await store.stage(undefined)
    const writing = staging.write(pattern(PIECE_BYTES))
    await t.throwsAsync(staging.write(pattern(1)), { instanceOf: TypeError, message: /one call/ })
    await writing
    const location = await staging.seal(new Uint8Array(0))
    t.is((await readAll(store, location, 0, PIECE_BYTES)).byteLength, PIECE_BYTES)
    await store.close()
  })
})

test('a value whose file was cut while the store is open is damage, not a hang', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory })
    const location = await keep(store, pattern(50_000))
    const path = join(directory, 'store-v3', 'values', location)
    await chmod(path, 0o600)
    await truncate(path, 40_000)
    await t.throwsAsync(readAll(store, location, 0, 50_000), { code: 'integrity' })
    t.is((await readAll(store, location, 0, 40_000)).byteLength, 40_000)
    await store.close()
  })
})
