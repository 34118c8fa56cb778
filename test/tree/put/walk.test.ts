import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { decodeDirectory } from '../../../src/directory/reader.ts'
import type { Directory } from '../../../src/directory/directory.ts'
import { asDstoreError } from '../../../src/errors.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { DIRECTORY_DEPTH } from '../../../src/limits.ts'
import type { TreeProgress } from '../../../src/tree/put/tree-progress.ts'
import { IgnoreRules } from '../../../src/tree/put/walk/ignore-rules.ts'
import { Walk } from '../../../src/tree/put/walk/walk.ts'
import { hashTree } from '../../../src/tree/put/hash-tree.ts'
import type { HashTreeOptions } from '../../../src/tree/put/hash-tree.ts'
import { putTree } from '../../../src/tree/put/put-tree.ts'
import { fill, folderOf } from '../folder.ts'
import { MemoryTrees } from '../memory-trees.ts'

/** Every path below a folder as it would be stored: links with their targets. */
async function stored(path: string, options: HashTreeOptions = {}): Promise<string[]> {
  const node = new MemoryTrees()
  const { key } = await putTree(node, path, options)
  const list = (directory: Directory, at: string): string[] =>
    [...directory].flatMap(([name, entry]) => {
      if (entry.type === 'link') return [`${at}${name} -> ${entry.target}`]
      if (entry.type === 'file') return [at + name]
      const digest = Buffer.from(entry.digest).toString('hex')
      return [`${at}${name}/`, ...list(node.directory(digest), `${at}${name}/`)]
    })
  return list(decodeDirectory(node.values.get(node.textOf(key.toHex()))!), '')
}

/** The error of a put, which stored nothing, and names the path. */
async function refused(
  t: {
    readonly is: (a: unknown, b: unknown) => unknown
    readonly true: (a: boolean, m?: string) => unknown
  },
  path: string,
  name: string,
  options: HashTreeOptions = {},
): Promise<DstoreError> {
  const node = new MemoryTrees()
  const error = await putTree(node, path, options).then(() => undefined, asDstoreError)
  t.is(node.received.size + node.holds.size, 0)
  t.true(error?.message.includes(`${path}/${name}`) === true, error?.message)
  return error!
}

test('R008-41 devices, sockets and pipes are refused by path', async (t) => {
  const path = folderOf(t, { 'sub/a': 'a', z: 'z' })
  execFileSync('mkfifo', [join(path, 'sub/pipe')])
  const phases = new Set<string>()
  const onTreeProgress = ({ phase }: TreeProgress): void => void phases.add(phase)
  fill(path, { 'a-first': 'first' })
  const pipe = await refused(t, path, 'sub/pipe', { onTreeProgress })
  // Before anything is read.
  t.deepEqual([...phases], ['scan'])
  rmSync(join(path, 'a-first'))
  t.is(pipe.code, 'usage')
  t.regex(pipe.message, /is a pipe$/)
  const server = createServer().listen(join(path, 'a-socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  t.regex((await refused(t, path, 'a-socket')).message, /is a socket$/)
  server.close()
  const rest = await stored(path, { ignore: new IgnoreRules('pipe\na-socket\n') })
  t.deepEqual(rest, ['sub/', 'sub/a', 'z'])
})

test('R008-41 a link with --follow to a device is refused', async (t) => {
  const path = folderOf(t, { null: { to: '/dev/null' } })
  t.regex((await refused(t, path, 'null', { follow: true })).message, /is a device$/)
})

test('R008-42 every legal name is kept, and one that is not UTF-8 is refused', async (t) => {
  const names = [
    'a b',
    'a\nb',
    '\'"\\',
    '..a',
    '.a',
    '\ufffd',
    '\ufeff',
    'é',
    'e\u0301',
    '😀',
    '\uffff',
  ]
  const long = 'n'.repeat(255)
  const path = folderOf(
    t,
    Object.fromEntries([...names, long, '__proto__'].map((name) => [name, name])),
  )
  const expected = [...names, long, '__proto__'].toSorted((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )
  t.deepEqual(await stored(path), expected)
  writeFileSync(Buffer.concat([Buffer.from(`${path}/xé`), Buffer.of(0xff)]), '')
  const error = await refused(t, path, 'x\\xc3\\xa9\\xff')
  t.is(error.code, 'usage')
  t.regex(error.message, /not UTF-8/)
})

test('R008-43 an executable file is one that its owner may execute', async (t) => {
  const path = folderOf(t, { a: 'a', b: 'b' })
  chmodSync(join(path, 'a'), 0o744)
  chmodSync(join(path, 'b'), 0o654)
  const tree = await hashTree(path)
  const entries = [...tree.entriesOf(tree.root)]
  t.deepEqual(
    entries.map(([, entry]) => entry.type === 'file' && entry.executable),
    [true, false],
  )
  tree.close()
})

test('R008-44 links inside are kept as text, also those that lead nowhere or in a circle', async (t) => {
  const links = {
    'd/e/up': { to: '../../file' },
    'd/e/self': { to: 'self' },
    'd/to-d': { to: '../d' },
    'd/through': { to: 'to-d/to-d/e' },
    'd/nowhere': { to: '../missing/../gone' },
    here: { to: '.' },
  }
  const path = folderOf(t, { file: 'f', ...links })
  const kept = await stored(path, { follow: true })
  t.deepEqual(
    kept.filter((one) => one.includes('->')),
    Object.entries(links)
      .map(([name, { to }]) => `${name} -> ${to}`)
      .toSorted(),
  )
})

test('R008-44 links out of the tree are refused, also those that leave through another link', async (t) => {
  for (const links of [
    { 'd/bad': { to: '/etc/hostname' } },
    { 'd/bad': { to: '../../x' } },
    { 'd/bad': { to: '..//./../x' } },
    { here: { to: '.' }, 'z-bad': { to: 'here/..' } },
    { absolute: { to: '/etc' }, 'a-bad': { to: 'absolute/hostname' } },
    { 'a/b/c/deep': 'x', 'a/top': { to: 'b/../..' }, 'z-bad': { to: 'a/top/../inside' } },
  ]) {
    const path = folderOf(t, links)
    const name = Object.keys(links).at(-1)!
    const error = await refused(t, path, name)
    t.is(error.code, 'usage')
    t.regex(error.hint ?? '', /`follow: true`/)
  }
})

test('R008-44 an absolute link into the tree itself is refused: elsewhere it would lead out', async (t) => {
  const path = folderOf(t, { file: 'f' })
  symlinkSync(join(path, 'file'), join(path, 'link'))
  await refused(t, path, 'link')
  t.deepEqual(await stored(path, { follow: true }), ['file', 'link'])
})

test('R008-45 with --follow, what links out of the tree point to is stored', async (t) => {
  const outside = folderOf(t, {
    'blobs/1': 'one',
    'blobs/2': { exec: 'two' },
    'folder/x': 'x',
    'folder/sub/inner': { to: '../x' },
    'folder/out': { to: '../blobs/1' },
  })
  const path = join(outside, 'snapshots/main')
  fill(path, {
    'config.json': { to: '../../blobs/1' },
    'sub/run': { to: '../../../blobs/2' },
    all: { to: '../../folder' },
    own: { to: 'config.json' },
  })
  t.deepEqual(await stored(path, { follow: true }), [
    'all/',
    'all/out',
    'all/sub/',
    'all/sub/inner -> ../x',
    'all/x',
    'config.json',
    'own',
    'sub/',
    'sub/run',
  ])
})

test('R008-45 with --follow, a circle is refused by path, and so is a link to nothing', async (t) => {
  const outside = folderOf(t, { 'tree/a/file': 'f', 'other/back': { to: '../tree' } })
  const path = join(outside, 'tree')
  symlinkSync('../../other', join(path, 'a/out'))
  const circle = await refused(t, path, 'a/out/back', { follow: true })
  t.is(circle.code, 'usage')

  const up = folderOf(t, { 'tree/file': 'f', 'tree/up': { to: '..' } })
  await refused(t, join(up, 'tree'), 'up/tree', { follow: true })

  const broken = folderOf(t, { gone: { to: '/nowhere/at/all' } })
  const error = await refused(t, broken, 'gone', { follow: true })
  t.is(error.code, 'unreadable')
  t.regex(error.message, /nowhere/)
})

test('R008-46 an ignore file leaves out what git would', async (t) => {
  const path = folderOf(t, {
    'a.log': '',
    'keep.log': '',
    'A.LOG': '',
    'build/x': '',
    'src/build/y': '',
    'src/main.c': '',
    'src/deep/a.log': '',
    'docs/a.txt': '',
    'docs/sub/b.txt': '',
  })
  const rules = '# comment\n*.log\n!keep.log\n/build/\ndocs/*.txt\n'
  t.deepEqual(await stored(path, { ignore: new IgnoreRules(rules) }), [
    'A.LOG',
    'docs/',
    'docs/sub/',
    'docs/sub/b.txt',
    'keep.log',
    'src/',
    'src/build/',
    'src/build/y',
    'src/deep/',
    'src/main.c',
  ])
})

test('R008-46 what is left out need not be readable', async (t) => {
  const path = folderOf(t, { 'closed/x': 'x', y: 'y' })
  chmodSync(join(path, 'closed'), 0)
  t.teardown(() => chmodSync(join(path, 'closed'), 0o700))
  t.deepEqual(await stored(path, { ignore: new IgnoreRules('closed/') }), ['y'])
})

test('R008-47 a tree that is too deep is refused by path', async (t) => {
  const path = folderOf(t, {})
  let at = path
  for (let depth = 1; depth < DIRECTORY_DEPTH; depth++) mkdirSync((at += '/d'))
  const tree = await hashTree(path)
  t.is(tree.directories, DIRECTORY_DEPTH)
  t.is(tree.root.height, DIRECTORY_DEPTH - 1)
  tree.close()
  mkdirSync((at += '/d'))
  const error = await refused(t, path, 'd/d')
  t.is(error.code, 'too-large')
  t.true(error.message.length < 400, error.message)
})

test('R008-47 a folder of too many entries is refused by path, before anything is read', async (t) => {
  const files = Array.from({ length: 100 }, (_, one) => [`wide/${one}`, 'x'.repeat(300)] as const)
  const path = folderOf(t, Object.fromEntries(files))
  execFileSync('mkfifo', [join(path, 'wide/#')])
  // What a name costs at least, and the rest of what the names cost with it.
  const error = await refused(t, path, 'wide', { directoryBytes: 1000 })
  t.is(error.code, 'too-large')
  t.regex(error.hint ?? '', /tar file/)
  const wide = join(path, 'wide')
  rmSync(join(wide, '#'))
  t.is((await refused(t, path, 'wide', { directoryBytes: 5600 })).code, 'too-large')
  const tree = await hashTree(wide)
  tree.close()
  t.is((await hashTree(wide, { directoryBytes: tree.root.bytes })).root.bytes, tree.root.bytes)
  const links = folderOf(t, { 'wide/long': { to: 'x'.repeat(1000) } })
  await refused(t, links, 'wide', { directoryBytes: 1000 })
})

test('R008-40 a folder that is replaced while it is walked ends the put with its path', async (t) => {
  const path = folderOf(t, { 'a/x': 'x', 'b/y': 'y', other: null })
  const walk = new Walk({})
  const root = walk.root(path, path)
  const found = await walk.list(root)
  const [a, b] = found.filter((one) => one.type === 'folder').map((one) => walk.enter(root, one))
  rmSync(join(path, 'a'), { recursive: true })
  symlinkSync('other', join(path, 'a'))
  rmSync(join(path, 'b'), { recursive: true })
  const replaced = asDstoreError(await t.throwsAsync(walk.list(a!)))
  t.is(replaced.code, 'changed')
  t.is(replaced.message, `${path}/a was replaced while it was being read`)
  t.is(asDstoreError(await t.throwsAsync(walk.list(b!))).code, 'changed')
})

test('R008-40 the root may be a link to a folder, and nothing but a folder', async (t) => {
  const path = folderOf(t, { 'real/x': 'x', link: { to: 'real' }, file: 'f' })
  t.deepEqual(await stored(join(path, 'link')), ['x'])
  const error = asDstoreError(await t.throwsAsync(hashTree(join(path, 'file'))))
  t.is(error.code, 'usage')
  t.is(asDstoreError(await t.throwsAsync(hashTree(join(path, 'no')))).code, 'unreadable')
})
