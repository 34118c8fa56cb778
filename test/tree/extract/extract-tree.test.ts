import type { ExecutionContext } from 'ava'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockFile } from '../../../src/daemon/process/file-lock.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import { MIB } from '../../../src/limits.ts'
import { PLATFORM } from '../../../src/platform.ts'
import { Folder } from '../../../src/tree/extract/folder.ts'
import { extractTree } from '../../../src/tree/extract/extract-tree.ts'
import type { TreeProgress } from '../../../src/tree/extract/options.ts'
import { test } from '../../serial.ts'
import { fill, type Content } from '../folder.ts'
import { contentsOf, emptyFolder } from '../on-disk.ts'
import { StoredValues } from '../stored-values.ts'

const TREE: Readonly<Record<string, Content>> = {
  'a file': 'text',
  empty: '',
  'bin/run': { exec: '#!/bin/sh\n' },
  'bin/latest': { to: 'run' },
  'bin/nowhere': { to: '/does/not/exist' },
  'no files': null,
  'sub/deeper/deepest/é\n"': 'x',
  'sub/large': 'y'.repeat(3 * MIB),
  'sub/same': 'text',
}

const directoryKey = ({ digest }: Extract<Entry, { type: 'directory' }>): Key =>
  new Key(digest, 'directory')

/** What a failed extraction leaves beside its target: nothing. */
function isClean(t: ExecutionContext, folder: string, names: readonly string[] = []): void {
  t.deepEqual(fs.readdirSync(folder), names)
}

test('R008-64 a tree is written whole, with executable files, links and empty folders', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  const written = await extractTree(stored, stored.tree(TREE), join(folder, 'out'))
  t.deepEqual(contentsOf(join(folder, 'out')), TREE)
  t.deepEqual(written, { files: 6, bytes: 3 * MIB + 4 + 4 + 1 + 10 })
  isClean(t, folder, ['out'])
})

test('R008-64 an empty directory becomes an empty folder, and takes the place of one', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  fs.mkdirSync(join(folder, 'there'))
  for (const name of ['out', 'there', 'slash/']) {
    await extractTree(stored, stored.tree({}), join(folder, name))
  }
  t.deepEqual(contentsOf(folder), { out: null, there: null, slash: null })
  await extractTree(stored, stored.tree(TREE), join(folder, 'there'))
  t.deepEqual(contentsOf(join(folder, 'there')), TREE)
})

test('R008-64 permissions are those of the umask', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  const umask = process.umask(0o027)
  try {
    await extractTree(stored, stored.tree(TREE), join(folder, 'out'))
  } finally {
    process.umask(umask)
  }
  const modeOf = (name: string): string =>
    (fs.statSync(join(folder, 'out', name)).mode & 0o777).toString(8)
  t.deepEqual(['a file', 'bin/run', 'no files', ''].map(modeOf), ['640', '750', '750', '750'])
})

test('R008-64 links are made when every file is in place', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree({ 'a/link': { to: 'x' }, 'b/file': '1', link: { to: 'b' }, z: '2' })
  const folder = emptyFolder(t)
  const seen: string[] = []
  stored.beforeGet = ({ kind }) => {
    if (kind === 'bytes') seen.push(...fs.readdirSync(folder, { recursive: true }).map(String))
  }
  await extractTree(stored, key, join(folder, 'out'))
  t.true(seen.some((path) => path.endsWith('/file')))
  t.false(seen.some((path) => path.endsWith('link')))
})

test('R008-65 what is at the target stays, unless it is an empty folder', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  fill(folder, { file: '1', 'full/x': '2', link: { to: 'real' }, real: null })
  const before = contentsOf(folder)
  for (const [name, why] of [
    ['file', 'it is a file, and the value is a directory'],
    ['full', 'it is not empty'],
    ['link', 'it is a symbolic link'],
  ] as const) {
    const error = await t.throwsAsync<DstoreError>(extractTree(stored, key, join(folder, name)), {
      code: 'unwritable',
    })
    t.true(error.message.endsWith(why), error.message)
  }
  await t.throwsAsync(extractTree(stored, key, join(folder, 'none/out')), { code: 'unwritable' })
  await t.throwsAsync(extractTree(stored, key, '/'), { code: 'unwritable' })
  t.deepEqual(contentsOf(folder), before)
})

test('R008-65 the working directory is not replaced', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  fs.mkdirSync(join(folder, 'here'))
  const before = process.cwd()
  process.chdir(join(folder, 'here'))
  try {
    for (const target of ['.', join(folder, 'here')]) {
      const { message, hint } = await t.throwsAsync<DstoreError>(extractTree(stored, key, target), {
        code: 'unwritable',
      })
      t.is(message, `cannot write to ${target}: it is the working directory, which is not replaced`)
      t.is(hint, 'to bring it to the state of the tree: `update: true`')
    }
    t.is(process.cwd(), fs.realpathSync(join(folder, 'here')))
  } finally {
    process.chdir(before)
  }
})

test('R008-65 the permissions of an empty folder are those of the tree in its place', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  const target = join(folder, 'private')
  fs.mkdirSync(target)
  fs.chmodSync(target, 0o700)
  await extractTree(stored, key, target)
  t.is(fs.statSync(target).mode & 0o777, 0o700)
})

test('R008-65 a file that fails leaves nothing, and the message has its path', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  stored.values.delete(new Key((stored.file('x') as { digest: Uint8Array }).digest).toHex())
  const target = join(folder, 'out')
  const error = await t.throwsAsync(extractTree(stored, key, target), { code: 'not-found' })
  t.true(error.message.startsWith(`${target}/sub/deeper/deepest/é`), error.message)
  isClean(t, folder)
})

test('R008-65 a value of another size than its entry says is refused', async (t) => {
  const folder = emptyFolder(t)
  for (const size of [3, 5, 2 * MIB]) {
    const stored = new StoredValues()
    const file = { ...stored.file('four'), size } as Entry
    const key = directoryKey(stored.directory([['f', file]]))
    await t.throwsAsync(extractTree(stored, key, join(folder, 'out')), { code: 'integrity' })
    // The same where small values come whole.
    const whole = { get: stored.get.bind(stored), getSmall: async () => Buffer.from('four') }
    await t.throwsAsync(extractTree(whole, key, join(folder, 'out')), { code: 'integrity' })
    const copy = async (_: Key, __: number, to: { fd: number }): Promise<boolean> =>
      fs.writeSync(to.fd, 'four') > 0
    const copied = { get: stored.get.bind(stored), copy }
    await t.throwsAsync(extractTree(copied, key, join(folder, 'out')), { code: 'integrity' })
  }
  isClean(t, folder)
})

test('R008-65 bytes that do not come, and those of another size, are not taken for the file', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree({ f: 'four' })
  const folder = emptyFolder(t)
  const withFile = (
    size: number,
    bytes: () => AsyncIterable<Uint8Array>,
  ): Pick<StoredValues, 'get'> => ({
    get: async (of) => (of.kind === 'directory' ? stored.get(of) : { size, bytes: bytes() }),
  })
  async function* short(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('fou')
  }
  async function* unread(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('four')
    t.fail('it was read')
  }
  for (const reader of [withFile(4, short), withFile(5, unread)]) {
    await t.throwsAsync(extractTree(reader, key, join(folder, 'out')), { code: 'integrity' })
  }
  isClean(t, folder)
})

test('R008-65 a signal ends it, and nothing is left', async (t) => {
  const stored = new StoredValues()
  const contents = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`d${i % 7}/${i}`, `${i}`]),
  )
  const key = stored.tree(contents)
  const folder = emptyFolder(t)
  const ender = new AbortController()
  let reads = 0
  stored.beforeGet = () => {
    if (++reads === 100) ender.abort(new DstoreError('cancelled', 'cancelled'))
  }
  const work = extractTree(stored, key, join(folder, 'out'), { signal: ender.signal })
  await t.throwsAsync(work, { code: 'cancelled' })
  t.true(reads < 250, `${reads}`)
  isClean(t, folder)
})

test('R008-65 what appears at the target meanwhile stays', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  stored.beforeGet = () => fs.writeFileSync(join(folder, 'out'), 'mine')
  await t.throwsAsync(extractTree(stored, key, join(folder, 'out')), { code: 'unwritable' })
  t.deepEqual(contentsOf(folder), { out: 'mine' })
})

test('R008-66 many files are written at once, and no more than are bounded', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}`, `file ${i}`])),
  )
  stored.gate = sleep(100)
  const folder = emptyFolder(t)
  await extractTree(stored, key, join(folder, 'out'))
  t.is(fs.readdirSync(join(folder, 'out')).length, 500)
  t.true(stored.mostReading > 30 && stored.mostReading <= 64, `${stored.mostReading}`)
})

test('R008-66 progress counts files and bytes, also within a large file', async (t) => {
  const stored = new StoredValues()
  const seen: TreeProgress[] = []
  const folder = emptyFolder(t)
  const onProgress = (progress: TreeProgress): void => void seen.push(progress)
  await extractTree(stored, stored.tree(TREE), join(folder, 'out'), { onProgress })
  const total = 3 * MIB + 4 + 4 + 1 + 10
  t.deepEqual(seen.at(-1), { doneFiles: 6, totalFiles: 6, doneBytes: total, totalBytes: total })
  t.true(seen.some(({ doneBytes }) => doneBytes > MIB && doneBytes < 2 * MIB))
  const amounts = seen.map(({ doneBytes }) => doneBytes)
  t.deepEqual(
    amounts,
    amounts.toSorted((a, b) => a - b),
  )
})

test('R008-67 what a killed process left is removed, and what one is writing is not', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  let release = (): void => undefined
  stored.gate = new Promise((resolve) => (release = resolve))
  const slow = extractTree(stored, key, join(folder, 'slow'), { lockFile })
  slow.catch(() => undefined)
  while (fs.readdirSync(folder).length === 0) await sleep(1)
  const [active = ''] = fs.readdirSync(folder)
  // A killed one is alike, but for the lock.
  fill(folder, {
    '.dstore-0-00000000.part/lock': '',
    '.dstore-0-00000000.part/tree/a/b/c/d': 'x',
    '.dstore-0-00000000.part/tree/a/link': { to: '/' },
    '.dstore-0-00000001.part': null,
    'dstore-0-00000000.part/lock': '',
    '.dstore-0-00000002.part': 'a file of another command',
  })
  const other = new StoredValues()
  await extractTree(other, other.tree({ f: '1' }), join(folder, 'quick'), { lockFile })
  t.deepEqual(
    fs.readdirSync(folder),
    ['.dstore-0-00000002.part', active, 'dstore-0-00000000.part', 'quick'].toSorted(),
  )
  release()
  await slow
  t.deepEqual(contentsOf(join(folder, 'slow')), TREE)
  t.false(fs.existsSync(join(folder, active)))
})

test('R008-68 a tree may be deeper than a path may be long', async (t) => {
  const stored = new StoredValues()
  let entry = stored.directory([['f', stored.file('deep')]])
  const name = 'n'.repeat(200)
  for (let level = 0; level < 60; level++) {
    entry = stored.directory([
      [name, entry],
      ['l', { type: 'link', target: name }],
    ])
  }
  const folder = emptyFolder(t)
  const target = join(folder, 'out')
  if (!PLATFORM.hasDescriptorPaths) return void t.pass()
  const written = await extractTree(stored, directoryKey(entry), target)
  t.is(written.files, 1)
  let at = Folder.open(target)
  for (let level = 0; level < 60; level++) {
    t.is(fs.readlinkSync(at.pathOf('l')), name)
    const below = at.enter(name)
    at.release()
    at = below
  }
  t.is(fs.readFileSync(at.pathOf('f'), 'utf8'), 'deep')
  at.release()
  // And a failed one is removed all the same.
  stored.values.delete(new Key((stored.file('deep') as { digest: Uint8Array }).digest).toHex())
  await t.throwsAsync(extractTree(stored, directoryKey(entry), join(folder, 'failed')))
  isClean(t, folder, ['out'])
  execRemove(target)
})

/** The test's own clean-up by path would find it too long. */
function execRemove(path: string): void {
  let at = path
  while (fs.readdirSync(at).includes('n'.repeat(200))) {
    const up = `${path}-${Math.random()}`
    fs.renameSync(join(at, 'n'.repeat(200)), up)
    fs.rmSync(at, { recursive: true })
    at = up
  }
  fs.rmSync(at, { recursive: true })
}

test('R008-69 all is durable at once where that can be, else each file', async (t) => {
  const stored = new StoredValues()
  const many = stored.tree(
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i % 5}/${i}`, `${i}`])),
  )
  const folder = emptyFolder(t)
  const synced: string[] = []
  const syncAll =
    (outcome: boolean) =>
    (path: string): Promise<boolean> => {
      synced.push(fs.readdirSync(path).join(' '))
      return Promise.resolve(outcome)
    }
  await extractTree(stored, many, join(folder, 'all'), { syncAll: syncAll(true) })
  await extractTree(stored, many, join(folder, 'each'), { syncAll: syncAll(false) })
  t.deepEqual(synced, ['d0 d1 d2 d3 d4', 'd0 d1 d2 d3 d4'])
  await extractTree(stored, stored.tree(TREE), join(folder, 'few'), { syncAll: syncAll(true) })
  t.is(synced.length, 2)
  t.deepEqual(contentsOf(join(folder, 'each')), contentsOf(join(folder, 'all')))
})
