/** What the disk store makes of what it finds when it opens. */
import {
  chmod,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import type { Database } from '../../../src/store/disk/records/database.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { Layout } from '../../../src/store/disk/layout.ts'
import type { Location } from '../../../src/store/store.ts'
import { adopt, keep, pattern, readAll, row, seal } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

const LARGE_BYTES = 2 * PIECE_BYTES

/** Open, do, close. */
async function withStore<T>(
  directory: string,
  run: (store: Awaited<ReturnType<typeof openDiskStore>>) => Promise<T>,
): Promise<T> {
  const store = await openDiskStore({ directory })
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}

const valuesIn = (directory: string): string => join(directory, 'store-v3', 'values')

test('R005-35: files that no record names are deleted and counted, others are not touched', async (t) => {
  await inTemporary(async (directory) => {
    const kept = await withStore(directory, (store) => keep(store, pattern(LARGE_BYTES)))
    const small = await withStore(directory, (store) => keep(store, pattern(10)))
    const values = valuesIn(directory)
    const orphans = ['00000001000000000fff', `${kept}.part`, small, '0000000100000000aaaa.part']
    for (const name of orphans) await writeFile(join(values, name), 'half')
    const foreign = ['README', `${kept}.bak`, kept.toUpperCase() + 'A', '.part']
    for (const name of foreign) await writeFile(join(values, name), 'mine')

    await withStore(directory, async (store) => {
      t.deepEqual(store.recovery, { deletedFiles: 4, damaged: [] })
      t.is((await readAll(store, kept, 0, LARGE_BYTES)).byteLength, LARGE_BYTES)
      t.is((await readAll(store, small, 0, 10)).byteLength, 10)
    })
    t.deepEqual((await readdir(values)).toSorted(), [kept, ...foreign].toSorted())
  })
})

test('R005-43: after a crash, a partial upload can be resumed for a day', async (t) => {
  await inTemporary(async (directory) => {
    await withStore(directory, async () => undefined)
    const values = valuesIn(directory)
    const file = (id: number): string => join(values, `${id.toString(16).padStart(64, '0')}.part`)
    for (const id of [1, 2]) await writeFile(file(id), pattern(GROUP_BYTES + 9))
    await writeFile(file(3), 'less than a group')
    const yesterday = Date.now() / 1000 - 86_401
    await utimes(file(2), yesterday, yesterday)
    await withStore(directory, async (store) => {
      t.is(store.recovery.deletedFiles, 1)
      const kept = async (): Promise<number[]> => {
        const id = (last: number) => Uint8Array.from({ length: 32 }, (_, i) => (i < 31 ? 0 : last))
        return Promise.all([1, 2, 3].map((last) => store.partialBytes(id(last))))
      }
      t.deepEqual(await kept(), [GROUP_BYTES, GROUP_BYTES, 0], 'opening deletes none for its age')
      await store.expire(Date.now())
      t.deepEqual(await kept(), [GROUP_BYTES, 0, 0])
      t.is((await store.usage()).unfinishedBytes, GROUP_BYTES)
    })
    await withStore(directory, (store) => store.expire(Date.now() + 2 * 86_400_000))
    t.deepEqual(await readdir(values), [])
  })
})

test('R005-41: a file that was set aside goes with its value, and no other', async (t) => {
  await inTemporary(async (directory) => {
    const [damaged, whole] = await withStore(directory, async (store) => {
      const kept = [
        await keep(store, pattern(LARGE_BYTES)),
        await keep(store, pattern(LARGE_BYTES)),
      ]
      await store.quarantine(kept[0]!)
      return kept as [Location, Location]
    })
    const values = valuesIn(directory)
    t.deepEqual((await readdir(values)).toSorted(), [`${damaged}.damaged`, whole].toSorted())
    await writeFile(join(values, `${whole}.damaged`), 'an orphan')
    await withStore(directory, async (store) => {
      t.is(store.recovery.deletedFiles, 1)
      t.true(await store.isDamaged(damaged))
      await store.replace(damaged, await seal(store, pattern(LARGE_BYTES)))
      t.is((await readdir(values)).length, 2, 'the damaged file is gone')
    })
    await withStore(directory, async (store) => {
      t.is(store.recovery.deletedFiles, 0)
      t.is((await readAll(store, damaged, 0, LARGE_BYTES)).byteLength, LARGE_BYTES)
    })
  })
})

test('R005-35: missing and truncated values are reported, and reading them is integrity', async (t) => {
  await inTemporary(async (directory) => {
    const [missing, cut, longer, whole] = await withStore(directory, async (store) => {
      const kept: Location[] = []
      for (let i = 0; i < 4; i++) kept.push(await keep(store, pattern(LARGE_BYTES), pattern(64)))
      return kept as [Location, Location, Location, Location]
    })
    const file = (location: Location): string => join(valuesIn(directory), location)
    await rm(file(missing))
    for (const location of [cut, longer]) await chmod(file(location), 0o600)
    await truncate(file(cut), PIECE_BYTES + 1)
    await truncate(file(longer), LARGE_BYTES + 65)

    await withStore(directory, async (store) => {
      t.is(store.recovery.deletedFiles, 0)
      t.deepEqual(store.recovery.damaged.toSorted(), [missing, cut, longer].toSorted())
      const read = (location: Location, end: number): Promise<Uint8Array> =>
        readAll(store, location, 0, end)
      await t.throwsAsync(read(missing, 1), { code: 'integrity' })
      await t.throwsAsync(read(cut, LARGE_BYTES), { code: 'integrity' })
      await t.throwsAsync(store.outboard(cut), { code: 'integrity' })
      await t.throwsAsync(read(cut, 1), { code: 'integrity' })
      t.is((await store.usage()).damaged, 3)
      t.is((await read(whole, LARGE_BYTES)).byteLength, LARGE_BYTES)
      t.is((await store.usage()).values, 4)
    })
  })
})

test('R005-35: more large values than are asked for at once', async (t) => {
  await inTemporary(async (directory) => {
    const kept = await withStore(directory, async (store) => {
      const sealed: Location[] = []
      for (let i = 0; i < 150; i++) sealed.push(await seal(store, pattern(20_000)))
      await adopt(store, ...sealed)
      return sealed
    })
    const lost = kept.filter((_, i) => i % 50 === 7)
    for (const location of lost) await rm(join(valuesIn(directory), location))
    await withStore(directory, async (store) => {
      t.deepEqual(store.recovery.damaged.toSorted(), lost.toSorted())
    })
  })
})

test('R005-36: a layout of another version is refused and not touched', async (t) => {
  await inTemporary(async (directory) => {
    await mkdir(join(directory, 'store-v4'))
    await t.throwsAsync(openDiskStore({ directory }), {
      code: 'incompatible',
      message: `${directory} holds store-v4, a layout that this version of dstore cannot read`,
    })
    t.deepEqual(await readdir(directory), ['store-v4'])
  })
})

async function refused(t: ExecutionContext, directory: string, code: string): Promise<void> {
  const error = await t.throwsAsync(openDiskStore({ directory }), { code })
  t.true(error?.message.includes(directory))
  t.false(error?.message.includes('\n'))
}

/** Do something to the file of LMDB in a store with one small and one large value. */
async function damage(
  t: ExecutionContext,
  act: (bytes: Buffer) => Uint8Array,
  check: (directory: string) => Promise<void>,
): Promise<void> {
  await inTemporary(async (directory) => {
    await withStore(directory, async (store) => {
      await keep(store, pattern(LARGE_BYTES))
      await keep(store, pattern(16_000))
    })
    const data = join(directory, 'store-v3', 'records', 'data.mdb')
    await writeFile(data, act(await readFile(data)))
    await check(directory)
    t.is((await readdir(valuesIn(directory))).length, 1, 'the value is still there')
  })
}

const DAMAGES: readonly (readonly [string, (bytes: Buffer) => Uint8Array])[] = [
  ['other bytes', () => pattern(8192)],
  ['zeros', (bytes) => new Uint8Array(bytes.byteLength)],
  ['fewer than a page', (bytes) => bytes.subarray(0, 100)],
  ['one page', (bytes) => bytes.subarray(0, 4096)],
  ['the first meta page lost', (bytes) => bytes.fill(0, 0, 4096)],
  ['the second meta page lost', (bytes) => bytes.fill(0, 4096, 8192)],
  ['all pages but the meta pages zeros', (bytes) => bytes.fill(0, 8192)],
  ['all pages but the meta pages cut off', (bytes) => bytes.subarray(0, 8192)],
  ['nothing', () => new Uint8Array(0)],
]

for (const [title, act] of DAMAGES) {
  test(`R005-36: records are ${title}: refused, and nothing is deleted`, async (t) => {
    await damage(t, act, (directory) => refused(t, directory, 'integrity'))
  })
}

test('R005-36: records that are not there are not taken for an empty store', async (t) => {
  await inTemporary(async (directory) => {
    await withStore(directory, (store) => keep(store, pattern(LARGE_BYTES)))
    await rm(join(directory, 'store-v3', 'records'), { recursive: true })
    await refused(t, directory, 'integrity')
    t.is((await readdir(valuesIn(directory))).length, 1)
  })
})

test('R005-36: a file in the place of a directory is unwritable', async (t) => {
  await inTemporary(async (directory) => {
    await writeFile(join(directory, 'store-v3'), 'in the way')
    await refused(t, directory, 'unwritable')
  })
})

test('R005-37: other users cannot read it, and sealed values are read-only', async (t) => {
  await inTemporary(async (parent) => {
    const directory = join(parent, 'a', 'b')
    const mask = process.umask(0)
    try {
      await withStore(directory, async (store) => {
        const location = await keep(store, pattern(LARGE_BYTES))
        const staging = await store.stage(undefined)
        await staging.write(pattern(LARGE_BYTES))
        const root = join(directory, 'store-v3')
        const modes: Record<string, number> = {}
        const journal = /^journal\/[0-9a-f]{16}\.(segment|spare|new)$/
        const names = await readdir(root, { recursive: true })
        for (const name of ['.', ...names]) {
          // Spare files come and go.
          if (name.endsWith('.new')) continue
          const mode = (await stat(join(root, name))).mode & 0o777
          if (journal.test(name)) t.is(mode, 0o600, name)
          else modes[name] = mode
        }
        const part = names.find((name) => name.endsWith('.part'))
        t.deepEqual(modes, {
          '.': 0o700,
          journal: 0o700,
          records: 0o700,
          values: 0o700,
          'records/data.mdb': 0o600,
          'records/lock.mdb': 0o600,
          [`values/${location}`]: 0o400,
          [part!]: 0o600,
        })
        t.is((await stat(directory)).mode & 0o777, 0o700)
      })
    } finally {
      process.umask(mask)
    }
  })
})

test('R005-29: a state directory that was moved serves where it is now', async (t) => {
  await inTemporary(async (directory) => {
    const [from, to] = [join(directory, 'from'), join(directory, 'to')]
    const location = await withStore(from, (store) => keep(store, pattern(LARGE_BYTES)))
    await rename(from, to)
    await withStore(to, async (store) => {
      t.is((await readAll(store, location, 0, LARGE_BYTES)).byteLength, LARGE_BYTES)
      t.is(await row(store, 'absent'), undefined)
    })
  })
})

test('R005-39: opening asks for no record and no small value, however many there are', async (t) => {
  await inTemporary(async (directory) => {
    await withStore(directory, async (store) => {
      const sealed = await Promise.all(Array.from({ length: 2000 }, () => seal(store, pattern(10))))
      await adopt(store, ...sealed)
    })
    const asked: string[] = []
    const database = (opened: Database): Database =>
      new Proxy(opened, {
        get: (target, name) => {
          asked.push(String(name))
          const member = Reflect.get(target, name) as unknown
          return typeof member === 'function' ? (member.bind(target) as unknown) : member
        },
      })
    const store = await openDiskStore({ directory }, { database })
    t.is((await store.usage()).values, 2000)
    const calls = ['damagedCount', 'files', 'tally', 'tally']
    t.deepEqual(asked.toSorted(), calls)
    await store.close()
  })
})

test('R005-29: every name is synced after it was created, before the store is open', async (t) => {
  await inTemporary(async (parent) => {
    const layout = new Layout(`${parent}/state`)
    const unsynced = new Set<string>()
    const files = {
      ...nodeFiles,
      makeDirectory: (path: string) => {
        unsynced.add(path)
        return nodeFiles.makeDirectory(path)
      },
      setMode: (path: string, mode: number) => {
        // LMDB created it a moment ago.
        unsynced.add(path)
        return nodeFiles.setMode(path, mode)
      },
      syncDirectory: async (path: string) => {
        await nodeFiles.syncDirectory(path)
        for (const name of unsynced) if (dirname(name) === path) unsynced.delete(name)
      },
    }
    const store = await openDiskStore({ directory: layout.parent }, { files })
    t.deepEqual([...unsynced], [])
    await store.close()
  })
})
