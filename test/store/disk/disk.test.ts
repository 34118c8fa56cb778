import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { PIECE_BYTES } from '../../../src/limits.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Files, nodeFiles } from '../../../src/store/disk/files.ts'
import { type Harness, storeSuite } from '../conformance.ts'
import { keep, keyOf, pattern, readAll, release, seal, text } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

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
      await new Promise((resolve) => void setTimeout(resolve, 20))
      t.is(count.reads, Math.min(6, given + 1))
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

test('R005-5: concurrent commits share syncs, and fail separately', async (t) => {
  await inTemporary(async (directory) => {
    let commits = 0
    const store = await openDiskStore(
      { directory },
      {
        database: (opened) =>
          new Proxy(opened, {
            get: (target, name) => {
              if (name === 'transact') commits++
              const member = Reflect.get(target, name) as unknown
              return typeof member === 'function' ? (member.bind(target) as unknown) : member
            },
          }),
      },
    )
    const before = commits
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
    t.true(commits - before <= 3, `${commits - before} commits`)
    await store.close()
  })
})
