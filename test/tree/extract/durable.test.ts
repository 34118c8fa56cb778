/**
 * What a power loss could take of a tree that was written, by the calls that are made to the
 * system: they are recorded, because the modules under test load after this file has patched them.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { test } from '../../serial.ts'
import { emptyFolder } from '../on-disk.ts'
import { StoredValues } from '../stored-values.ts'

type Call = (...args: unknown[]) => unknown

/** Files whose bytes or modes, and folders whose entries, a power loss could still take. */
const unsynced = new Set<number>()
/** Called before each rename. */
let onRename: (from: string, to: string) => void = () => undefined

const real = { ...fs } as unknown as Record<string, Call>
const inodeAt = (path: unknown): number => fs.lstatSync(String(path)).ino
const folderOf = (path: unknown): number => fs.statSync(dirname(String(path))).ino

/** The same call; before it, what it changes is not durable any more. */
const changing =
  (name: string, inodes: (...args: unknown[]) => number[]): Call =>
  (...args) => {
    const result = real[name]!(...args)
    for (const inode of inodes(...args)) unsynced.add(inode)
    return result
  }

const written = (fd: unknown): number[] => [fs.fstatSync(fd as number).ino]
const synced = (fd: unknown): void => void unsynced.delete(fs.fstatSync(fd as number).ino)

const isStaging = (path: unknown): boolean => basename(String(path)).startsWith('.dstore-')

const patched = {
  writeSync: (fd: number, ...rest: unknown[]) => {
    for (const inode of written(fd)) unsynced.add(inode)
    return real['writeSync']!(fd, ...rest)
  },
  write: Object.defineProperties(
    changing('write', (fd) => written(fd)),
    Object.getOwnPropertyDescriptors(real['write']!),
  ),
  openSync: (path: unknown, flags: unknown, ...rest: unknown[]) => {
    const makes = typeof flags === 'string' && flags.startsWith('w')
    const fd = real['openSync']!(path, flags, ...rest)
    if (makes) unsynced.add(folderOf(path)).add(inodeAt(path))
    return fd
  },
  // A staging folder that comes back is removed by the next call (R008-67).
  mkdirSync: changing('mkdirSync', (path) => (isStaging(path) ? [] : [folderOf(path)])),
  symlinkSync: changing('symlinkSync', (_target, path) => [folderOf(path)]),
  unlinkSync: changing('unlinkSync', (path) => [folderOf(path)]),
  chmodSync: changing('chmodSync', (path) => [fs.statSync(String(path)).ino]),
  fchmodSync: changing('fchmodSync', (fd) => written(fd)),
  renameSync: (from: string, to: string) => {
    onRename(from, to)
    const [source, target] = [folderOf(from), folderOf(to)]
    real['renameSync']!(from, to)
    unsynced.add(source).add(target)
  },
  fsyncSync: (fd: number) => {
    real['fsyncSync']!(fd)
    synced(fd)
  },
  fsync: (fd: number, done: (error: unknown) => void) =>
    real['fsync']!(fd, (error: unknown) => {
      synced(fd)
      done(error)
    }),
}
Object.assign(fs, patched)
syncBuiltinESMExports()
const { extractTree } = await import('../../../src/tree/extract/extract-tree.ts')
const { updateTree } = await import('../../../src/tree/extract/update-tree.ts')

test.after(() => {
  for (const name of Object.keys(patched)) Object.assign(fs, { [name]: real[name] })
  syncBuiltinESMExports()
})

const LARGE = 'x'.repeat(100_000)
const TREE = {
  a: 'a',
  large: LARGE,
  'sub/run': { exec: '#!' },
  'sub/deep/b': 'b',
  'sub/empty': null,
  'sub/deep/link': { to: 'b' },
  link: { to: 'a' },
}
/** Above 64 files, the file system is made durable as a whole where it can be. */
const MANY = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`d${n % 5}/${n}`, `${n}`]))

/** Paths below a folder, itself included, that a power loss could change. */
function atRisk(folder: string): string[] {
  const stats = fs.lstatSync(folder)
  const below = stats.isDirectory() ? fs.readdirSync(folder) : []
  return [
    ...(unsynced.has(stats.ino) ? [folder] : []),
    ...below.flatMap((name) => atRisk(join(folder, name))),
  ]
}

for (const [what, contents, syncAll] of [
  ['', TREE, undefined],
  ['many files, ', MANY, undefined],
  ['many files, where the file system cannot be synced, ', MANY, () => Promise.resolve(false)],
] as const) {
  for (const isThere of [false, true]) {
    const place = isThere ? 'an empty folder' : 'nothing'
    test(`R008-69 a tree in the place of ${place}: ${what}all is durable before the rename, its name after it`, async (t) => {
      const parent = emptyFolder(t)
      const target = join(parent, 'tree')
      if (isThere) fs.mkdirSync(target, 0o750)
      const stored = new StoredValues()
      const key = stored.tree(contents)
      unsynced.clear()
      let renamed = 0
      onRename = (from, to) => {
        if (!to.endsWith('/tree')) return
        renamed++
        t.deepEqual(atRisk(from), [])
      }
      await extractTree(stored, key, target, syncAll && { syncAll })
      t.is(renamed, 1)
      t.deepEqual(atRisk(parent), [])
      if (isThere) t.is(fs.statSync(target).mode & 0o777, 0o750)
    })
  }
}

test('R008-69 of many files all are durable at once, before the rename', async (t) => {
  const parent = emptyFolder(t)
  const stored = new StoredValues()
  const calls: string[] = []
  const syncAll = (path: string): Promise<boolean> => {
    calls.push(`sync ${fs.readdirSync(path).length}`)
    unsynced.clear()
    return Promise.resolve(true)
  }
  onRename = (from) => void calls.push(...(from.endsWith('/tree') ? ['rename'] : []))
  await extractTree(stored, stored.tree(MANY), join(parent, 'tree'), { syncAll })
  t.deepEqual(calls, ['sync 5', 'rename'])
  t.deepEqual(atRisk(parent), [])
})

test('R008-69, R008-74 an update: each file is durable before its rename, its name at the end', async (t) => {
  const parent = emptyFolder(t)
  const target = join(parent, 'tree')
  const stored = new StoredValues()
  onRename = (from) => {
    if (fs.lstatSync(from).isFile()) t.false(unsynced.has(inodeAt(from)), from)
  }
  unsynced.clear()
  await updateTree(stored, stored.tree(TREE), target)
  t.deepEqual(atRisk(parent), [])

  const changed = { ...TREE, a: { exec: 'a' }, large: 'small', 'sub/new/c': 'c', link: { to: 'b' } }
  unsynced.clear()
  await updateTree(stored, stored.tree(changed), target)
  t.deepEqual(atRisk(parent), [])

  const { 'sub/deep/b': _, ...rest } = changed
  unsynced.clear()
  await updateTree(stored, stored.tree(rest), target, { delete: true })
  t.deepEqual(atRisk(parent), [])
})
