/** A store whose files are taken away while it is open. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { type DiskStore, openDiskStore } from '../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { HeldFiles } from '../../../src/store/file/held-files.ts'
import { commit, keep, pattern, readAll, row, sameBytes, write } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

interface Paths {
  readonly directory: string
  readonly root: string
  readonly data: string
  readonly values: string
  readonly journal: string
}

const away = (path: string): void => fs.renameSync(path, `${path}-away`)

/** The store goes on: a file of its journal may get its name while the folder is copied. */
function copyBack(path: string): void {
  for (let tries = 1; ; tries++) {
    try {
      fs.cpSync(`${path}-away`, path, { recursive: true })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === COPIES) throw error
      fs.rmSync(path, { recursive: true })
    }
  }
}

const COPIES = 5

/** What an administrator or a script may do to a store in use. */
const REMOVALS: Readonly<Record<string, (paths: Paths) => void>> = {
  'the database is deleted': ({ data }) => fs.rmSync(data),
  'the database is truncated into a new file': ({ data }) => {
    fs.rmSync(data)
    fs.writeFileSync(data, '')
  },
  'the database is replaced by a copy': ({ data }) => {
    away(data)
    copyBack(data)
  },
  'the records are deleted': ({ data }) => fs.rmSync(join(data, '..'), { recursive: true }),
  'the journal is deleted': ({ journal }) =>
    // A spare segment may come meanwhile.
    fs.rmSync(journal, { recursive: true, maxRetries: 10 }),
  'the journal is moved, and a copy made': ({ journal }) => {
    away(journal)
    copyBack(journal)
  },
  'the segment of the journal is deleted': ({ journal }) => {
    for (const name of fs.readdirSync(journal)) fs.rmSync(join(journal, name))
  },
  'the segments of the journal are replaced by copies': ({ journal }) => {
    for (const name of fs.readdirSync(journal)) {
      const path = join(journal, name)
      const bytes = fs.readFileSync(path)
      fs.rmSync(path)
      fs.writeFileSync(path, bytes)
    }
  },
  'the values are deleted': ({ values }) => fs.rmSync(values, { recursive: true }),
  'the values are moved, and an empty folder made': ({ values }) => {
    away(values)
    fs.mkdirSync(values, { mode: 0o700 })
  },
  'the store is deleted': ({ root }) => fs.rmSync(root, { recursive: true }),
  'the store is moved': ({ root }) => away(root),
  'the store is moved, and a copy made': ({ root }) => {
    away(root)
    copyBack(root)
  },
  'the store becomes a file': ({ root }) => {
    away(root)
    fs.writeFileSync(root, '')
  },
  'the directory is deleted': ({ directory }) => fs.rmSync(directory, { recursive: true }),
  'the directory is moved, and a copy made': ({ directory }) => {
    away(directory)
    copyBack(directory)
  },
}

/** What looks like it, and takes nothing away. */
const HARMLESS: Readonly<Record<string, (paths: Paths) => void>> = {
  'a file beside it is deleted': ({ directory }) => {
    fs.writeFileSync(join(directory, 'other'), 'x')
    fs.rmSync(join(directory, 'other'))
  },
  'the store is moved away and back': ({ root }) => {
    away(root)
    fs.renameSync(`${root}-away`, root)
  },
  'the store is moved, and a symbolic link made': ({ root }) => {
    away(root)
    fs.symlinkSync(`${root}-away`, root)
  },
  'the database gets a second name': ({ data }) => {
    fs.linkSync(data, `${data}-other`)
    fs.rmSync(data)
    fs.renameSync(`${data}-other`, data)
  },
}

function pathsIn(parent: string): Paths {
  const directory = join(parent, 'state')
  const root = join(directory, 'store-v3')
  const data = join(root, 'records', 'data.mdb')
  return { directory, root, data, values: join(root, 'values'), journal: join(root, 'journal') }
}

/** Puts, does this to the files, puts again, and opens what is there then. */
async function putAround(
  parent: string,
  size: number,
  happens: (paths: Paths) => void,
): Promise<{ fault: DstoreError | undefined; isThere: boolean }> {
  const paths = pathsIn(parent)
  const { directory } = paths
  const store = await openDiskStore({ directory })
  await keep(store, pattern(size))
  happens(paths)
  let fault: DstoreError | undefined
  let location: string | undefined
  try {
    location = await keep(store, pattern(size))
    await commit(store, write('record', location))
  } catch (error) {
    if (!(error instanceof DstoreError)) throw error
    fault = error
  }
  await store.close().catch(() => undefined)
  let again: DiskStore | undefined
  try {
    again = await openDiskStore({ directory })
    if (location === undefined || (await row(again, 'record')) === undefined) {
      return { fault, isThere: false }
    }
    const isThere = Buffer.compare(await readAll(again, location, 0, size), pattern(size)) === 0
    return { fault, isThere }
  } catch (error) {
    // Copied without its values, or not a database: what is there cannot be opened.
    if (!(error instanceof DstoreError)) throw error
    return { fault, isThere: false }
  } finally {
    await again?.close()
  }
}

test('R005-56: in 200 rounds nothing is acknowledged that the next opening does not find', async (t) => {
  const happenings = Object.entries(REMOVALS)
  for (let round = 0; round < 200; round++) {
    const [what, happens] = happenings[round % happenings.length]!
    const size = [0, 100, 16_384, 20_000, 100_000][round % 5]!
    await inTemporary(async (parent) => {
      const { fault, isThere } = await putAround(parent, size, happens)
      t.false(isThere, what)
      t.is(fault?.code, 'unwritable', `${what}, ${size} bytes`)
      t.regex(fault!.message, / was removed or replaced while it was in use$/)
    })
  }
})

for (const [what, happens] of Object.entries(HARMLESS)) {
  test(`R005-56: if ${what}, the store goes on`, async (t) => {
    await inTemporary(async (parent) => {
      for (const size of [100, 100_000]) {
        const outcome = await putAround(join(parent, String(size)), size, happens)
        t.deepEqual(outcome, { fault: undefined, isThere: true })
      }
    })
  })
}

test('R005-57: a store that was taken away refuses from then on, also if it is put back', async (t) => {
  await inTemporary(async (parent) => {
    const { directory, data, root } = pathsIn(parent)
    const store = await openDiskStore({ directory })
    const location = await keep(store, pattern(100))
    fs.renameSync(data, `${data}-away`)
    const refused = await t.throwsAsync(commit(store, write('a', '1')), { instanceOf: DstoreError })
    t.is(refused.code, 'unwritable')
    t.regex(refused.message, /data\.mdb was removed or replaced while it was in use$/)
    t.truthy(refused.hint)
    fs.renameSync(`${data}-away`, data)
    for (const call of [
      () => commit(store, write('b', '1')),
      () => store.confirm(),
      () => store.trim(1),
    ]) {
      t.is(await t.throwsAsync(call()), refused)
    }
    // Reads go on: the files are open.
    sameBytes(t, await readAll(store, location, 0, 100), pattern(100))
    t.true(fs.existsSync(root))
    await store.close()
  })
})

test('R005-56: jobs of one group commit share one comparison, and all of them fail', async (t) => {
  await inTemporary(async (parent) => {
    const { directory, data } = pathsIn(parent)
    let looked = 0
    const identity = (path: string): string | undefined => {
      looked++
      return nodeFiles.identity(path)
    }
    const store = await openDiskStore({ directory }, { files: { ...nodeFiles, identity } })
    await commit(store, write('first', '1'))
    looked = 0
    const puts = (): Promise<number>[] =>
      Array.from({ length: 100 }, (_, n) => commit(store, write(`k${n}`, '1')))
    await Promise.all(puts())
    t.is(looked, 4, 'database, folder of values, journal and its segment, once each')
    fs.rmSync(data)
    const outcomes = await Promise.allSettled(puts())
    t.true(outcomes.every(({ status }) => status === 'rejected'))
    await store.close()
  })
})

test('R005-56: files of others that must stay are compared too, and the loss is reported', async (t) => {
  await inTemporary(async (parent) => {
    const { directory } = pathsIn(parent)
    fs.mkdirSync(directory)
    const lock = join(directory, 'lock')
    fs.writeFileSync(lock, '')
    const open = fs.openSync(lock, 'r')
    const held = new HeldFiles()
    await held.addOpened(lock)
    const store = await openDiskStore({ directory, held })
    await commit(store, write('a', '1'))
    fs.rmSync(lock)
    fs.writeFileSync(lock, '')
    await t.throwsAsync(commit(store, write('b', '1')), { message: /lock was removed or replaced/ })
    t.is((await held.lost).code, 'unwritable')
    await store.close()
    fs.closeSync(open)
    await t.throwsAsync(held.addOpened(join(directory, 'none')), { code: 'unwritable' })
  })
})

test('R005-56: a comparison that cannot be made refuses that commit, and no other', async (t) => {
  await inTemporary(async (parent) => {
    const { directory } = pathsIn(parent)
    let fault: Error | undefined
    const identity = (path: string): string | undefined => {
      if (fault !== undefined) throw fault
      return nodeFiles.identity(path)
    }
    const store = await openDiskStore({ directory }, { files: { ...nodeFiles, identity } })
    fault = Object.assign(new Error('EIO: i/o error, stat'), { code: 'EIO' })
    await t.throwsAsync(commit(store, write('a', '1')), { code: 'unwritable', message: /look for/ })
    fault = undefined
    await commit(store, write('b', '1'))
    await store.close()
  })
})
