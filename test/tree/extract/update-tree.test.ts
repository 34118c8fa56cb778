import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../../../src/daemon/process/file-lock.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { updateTree, type UpdateOptions } from '../../../src/tree/extract/update-tree.ts'
import { test } from '../../serial.ts'
import { fill, type Content } from '../folder.ts'
import { contentsOf, emptyFolder } from '../on-disk.ts'
import { StoredValues } from '../stored-values.ts'

const TREE: Readonly<Record<string, Content>> = {
  a: 'text',
  'bin/run': { exec: '#!/bin/sh\n' },
  'bin/latest': { to: 'run' },
  'no files': null,
  'sub/deeper/x': 'x',
  'sub/large': 'y'.repeat(100_000),
}

/** The files of the tree that an update reads, by their paths. */
async function updated(
  t: ExecutionContext,
  before: Readonly<Record<string, Content>>,
  options: UpdateOptions = {},
): Promise<{ after: Record<string, Content>; read: string[]; removed: number; folder: string }> {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  fill(folder, before)
  stored.reads.length = 0
  const { files, removed } = await updateTree(stored, key, folder, options)
  const read = Object.entries(TREE).filter(([, content]) => {
    const text =
      typeof content === 'string' ? content : content && 'exec' in content && content.exec
    return typeof text === 'string' && stored.reads.includes(digestOf(text))
  })
  t.is(read.length, files)
  return { after: contentsOf(folder), read: read.map(([path]) => path), removed, folder }
}

const digestOf = (text: string): string => new Key(hash(Buffer.from(text)).digest).toHex()

test('R008-70 an update makes a folder, and what is missing in one', async (t) => {
  const all = await updated(t, {})
  t.deepEqual(all.after, TREE)
  const stored = new StoredValues()
  const target = join(emptyFolder(t), 'new')
  await updateTree(stored, stored.tree(TREE), target)
  t.deepEqual(contentsOf(target), TREE)
})

test('R008-70 only files that differ are fetched and written', async (t) => {
  t.deepEqual((await updated(t, TREE)).read, [])
  const changed = { ...TREE, a: 'texT', 'sub/large': 'y'.repeat(99_999) }
  const { after, read } = await updated(t, changed)
  t.deepEqual(read, ['a', 'sub/large'])
  t.deepEqual(after, TREE)
})

test('R008-70 executable bits and links are mended, and other permissions stay', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  fill(folder, { ...TREE, 'bin/run': '#!/bin/sh\n', 'bin/latest': { to: '/elsewhere' } })
  fs.rmSync(join(folder, 'a'))
  fill(folder, { a: { exec: 'other' } })
  fs.chmodSync(join(folder, 'a'), 0o750)
  fs.chmodSync(join(folder, 'bin/run'), 0o640)
  const inode = fs.statSync(join(folder, 'bin/run')).ino
  const { files } = await updateTree(stored, stored.tree(TREE), folder)
  t.is(files, 1)
  t.deepEqual(contentsOf(folder), TREE)
  const modeOf = (name: string): number => fs.statSync(join(folder, name)).mode & 0o777
  t.deepEqual([modeOf('a'), modeOf('bin/run')], [0o640, 0o750])
  t.is(fs.statSync(join(folder, 'bin/run')).ino, inode)
})

test('R008-70 what is as it should be is not touched', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  const key = stored.tree(TREE)
  await updateTree(stored, key, folder)
  const inodes = (): bigint[] =>
    ['a', 'bin', 'bin/run', 'bin/latest', 'sub/deeper/x'].map((path) => {
      const { ino, ctimeNs } = fs.lstatSync(join(folder, path), { bigint: true })
      return ino * 10n ** 20n + ctimeNs
    })
  const before = inodes()
  t.like(await updateTree(stored, key, folder, { delete: true }), { files: 0, removed: 0 })
  t.deepEqual(inodes(), before)
})

test('R008-70 another link to a file keeps its contents and its permissions', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  const others = emptyFolder(t)
  fill(others, { run: '#!/bin/sh\n', a: 'mine' })
  fs.mkdirSync(join(folder, 'bin'))
  fs.linkSync(join(others, 'run'), join(folder, 'bin/run'))
  fs.linkSync(join(others, 'a'), join(folder, 'a'))
  await updateTree(stored, stored.tree(TREE), folder)
  t.deepEqual(contentsOf(folder), TREE)
  t.deepEqual(contentsOf(others), { run: '#!/bin/sh\n', a: 'mine' })
})

test('R008-71 what is not in the tree stays, unless its removal is asked for', async (t) => {
  const more = { extra: '1', 'sub/extra/deep/file': '2', 'bin/link': { to: '../..' } }
  const kept = await updated(t, { ...TREE, ...more })
  t.deepEqual(kept.after, { ...TREE, ...more })
  t.is(kept.removed, 0)
  const exact = await updated(t, { ...TREE, ...more }, { delete: true })
  t.deepEqual(exact.after, TREE)
  t.is(exact.removed, 3)
})

test('R008-71 removal does not follow links, and takes names that are not UTF-8', async (t) => {
  const stored = new StoredValues()
  const outside = emptyFolder(t)
  fill(outside, { 'keep/me': 'mine' })
  const folder = emptyFolder(t)
  fill(folder, { link: { to: outside }, 'd/link': { to: outside } })
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff, 0xfe)]), 'x')
  await updateTree(stored, stored.tree({}), folder, { delete: true })
  t.deepEqual(fs.readdirSync(folder), [])
  t.deepEqual(contentsOf(outside), { 'keep/me': 'mine' })
})

test('R008-72 nothing is written through a link in the folder', async (t) => {
  const outside = emptyFolder(t)
  fill(outside, { a: 'mine', x: 'mine' })
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const folder = emptyFolder(t)
  // A link in place of a file is replaced.
  fill(folder, { a: { to: join(outside, 'a') } })
  await updateTree(stored, key, folder)
  t.deepEqual(contentsOf(folder), TREE)
  // One in place of a folder is not entered.
  fs.rmSync(join(folder, 'sub'), { recursive: true })
  fill(folder, { sub: { to: outside } })
  await t.throwsAsync(updateTree(stored, key, folder), { code: 'usage' })
  await updateTree(stored, key, folder, { delete: true })
  t.deepEqual(contentsOf(folder), TREE)
  t.deepEqual(contentsOf(outside), { a: 'mine', x: 'mine' })
})

test('R008-72 the folder itself may be reached by a link: its user named it', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  fill(folder, { real: null, link: { to: 'real' } })
  await updateTree(stored, stored.tree(TREE), join(folder, 'link'))
  t.deepEqual(contentsOf(join(folder, 'real')), TREE)
})

test('R008-72 a link that takes the place of a folder meanwhile is not written through', async (t) => {
  const outside = emptyFolder(t)
  const stored = new StoredValues()
  const key = stored.tree({ 'a/first': '1', 'b/second': '2' })
  const folder = emptyFolder(t)
  fs.mkdirSync(join(folder, 'b'))
  let swapped = false
  stored.beforeGet = ({ kind }) => {
    if (kind === 'directory' || swapped) return
    swapped = true
    fs.rmdirSync(join(folder, 'b'))
    fs.symlinkSync(outside, join(folder, 'b'))
  }
  await updateTree(stored, key, folder).catch(() => undefined)
  t.true(swapped)
  t.deepEqual(fs.readdirSync(outside), [])
})

test('R008-73 a folder in the place of a file is refused before anything is written', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  for (const before of [
    { 'sub/deeper/x/mine': 'm' },
    { 'sub/deeper': 'm' },
    { 'bin/latest/x': 'm' },
    { 'no files': { to: '.' } },
  ]) {
    const folder = emptyFolder(t)
    fill(folder, before)
    const error = await t.throwsAsync<DstoreError>(updateTree(stored, key, folder), {
      code: 'usage',
    })
    t.is(error.hint, '`delete: true` replaces it')
    t.deepEqual(contentsOf(folder), before)
    await updateTree(stored, key, folder, { delete: true })
    t.deepEqual(contentsOf(folder), TREE)
  }
})

test('R008-73 a file is no folder to update', async (t) => {
  const stored = new StoredValues()
  const folder = emptyFolder(t)
  fill(folder, { file: 'mine' })
  await t.throwsAsync(updateTree(stored, stored.tree(TREE), join(folder, 'file')), {
    code: 'unwritable',
  })
  t.deepEqual(contentsOf(folder), { file: 'mine' })
})

test('R008-74 an update that was cut short is completed by the next', async (t) => {
  const stored = new StoredValues()
  const contents = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`d${i % 5}/${i}`, `new ${i}`]),
  )
  const old = Object.fromEntries(Object.keys(contents).map((path) => [path, `old ${path}`]))
  const key = stored.tree(contents)
  const folder = emptyFolder(t)
  fill(folder, { ...old, extra: '1' })
  let left = 60
  stored.beforeGet = ({ kind }) => {
    if (kind === 'bytes' && left-- === 0) throw new Error('cut short')
  }
  await t.throwsAsync(updateTree(stored, key, folder, { lockFile }), { code: 'internal' })
  // Every file is the old or the new one, and nothing else is there.
  const between = contentsOf(folder)
  for (const [path, content] of Object.entries(between)) {
    t.true(content === old[path] || content === contents[path] || path === 'extra', path)
  }
  t.is(Object.keys(between).length, 201)
  // What a killed one left goes, and is no entry that --delete counts.
  fill(folder, { '.dstore-0-0000000z.part/lock': '', '.dstore-0-0000000z.part/7': 'half' })
  stored.beforeGet = () => undefined
  const { files, removed } = await updateTree(stored, key, folder, { lockFile, delete: true })
  t.true(files < 200, `${files}`)
  t.is(removed, 1)
  t.deepEqual(contentsOf(folder), contents)
})

test('R008-73 a file in place of the folder is refused, and stays', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(TREE)
  const file = join(emptyFolder(t), 'file')
  fs.writeFileSync(file, 'mine')
  await t.throwsAsync(updateTree(stored, key, file), {
    code: 'unwritable',
    message: `cannot write to ${file}: it is a file, and the value is a directory`,
  })
  t.is(fs.readFileSync(file, 'utf8'), 'mine')
  const pipe = join(emptyFolder(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  await t.throwsAsync(updateTree(stored, key, pipe), { message: /pipe: it is a file, and the/ })
})

test('R008-71 a folder goes with what is in it, also where its user may not write to it', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree({ a: 'text' })
  const folder = emptyFolder(t)
  fill(folder, { 'module/sub/file': 'x', 'empty/sub/file': 'x' })
  fs.rmSync(join(folder, 'empty/sub'), { recursive: true })
  const [module, empty] = [join(folder, 'module'), join(folder, 'empty')]
  for (const path of ['module/sub/file', 'module/sub', 'module', 'empty', '']) {
    fs.chownSync(join(folder, path), USER, USER)
  }
  for (const path of [join(module, 'sub'), module]) fs.chmodSync(path, 0o555)
  fs.chmodSync(empty, 0)
  await asUser(async () => {
    // What cannot be moved all the same is left as it was.
    fs.chmodSync(folder, 0o555)
    await t.throwsAsync(updateTree(stored, key, folder, { delete: true }), { code: 'unwritable' })
    t.is(fs.statSync(module).mode & 0o777, 0o555)
    fs.chmodSync(folder, 0o755)
    const { removed } = await updateTree(stored, key, folder, { delete: true })
    t.is(removed, 2)
  })
  t.deepEqual(contentsOf(folder), { a: 'text' })
})

/** Root may write anywhere, and acts as another user here. */
const USER = process.getuid!() || 65_534

async function asUser(work: () => Promise<void>): Promise<void> {
  const before = process.geteuid!()
  process.seteuid!(USER)
  try {
    await work()
  } finally {
    process.seteuid!(before)
  }
}
