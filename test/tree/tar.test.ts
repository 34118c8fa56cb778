import { test } from '../serial.ts'
import { execFileSync, spawnSync } from 'node:child_process'
import { linkSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, once } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { Key } from '../../src/hash/key.ts'
import type { StreamEntry } from '../../src/tree/build/entry-stream.ts'
import { putStream, type PutStreamResult } from '../../src/tree/build/put-stream.ts'
import { hashTree } from '../../src/tree/put/hash-tree.ts'
import { putTree } from '../../src/tree/put/put-tree.ts'
import { putTar } from '../../cli/tree/tar/put-tar.ts'
import { writeTree } from '../../cli/tree/tar/write-tree.ts'
import { ProgressLine } from '../../cli/terminal/progress.ts'
import { header, inPieces, padded } from '../cli/archive-import.ts'
import { folderOf, type Content } from './folder.ts'
import { MemoryTrees } from './memory-trees.ts'

const LONG = 'n'.repeat(255)

/** What tar files spell in many ways. */
const CONTENTS: Readonly<Record<string, Content>> = {
  'a.txt': 'a',
  'bin/run.sh': { exec: '#!/bin/sh\n' },
  'bin/link': { to: '../a.txt' },
  dangling: { to: 'nowhere' },
  [`deep/${LONG}/${LONG}/${LONG}/file`]: 'deep',
  'deep/long-link': { to: `${LONG}/${LONG}` },
  empty: null,
  'größe/x': 'a folder beyond ASCII',
  'large.bin': 'x'.repeat(1_500_000),
  'middle.bin': 'y'.repeat(100_000),
  'names/é\u0301': 'composed',
  'names/\ufeffmark': 'a mark',
  'names/a\nb': 'a line',
  'names/😀': 'beyond',
  zero: '',
}

const never = new AbortController().signal

async function keyOf(folder: string): Promise<string> {
  const tree = await hashTree(folder)
  tree.close()
  return tree.root.key.toString()
}

function put(
  node: MemoryTrees,
  archive: AsyncIterable<Uint8Array>,
  name?: string,
): Promise<PutStreamResult> {
  const line = new ProgressLine('tar', undefined)
  return putTar(node, archive, { signal: never, line, size: undefined, name })
}

const tar = (folder: string, ...args: string[]): Buffer =>
  execFileSync('tar', ['-C', folder, ...args, '-c', '-f', '-', '.'], { maxBuffer: 2 ** 26 })

async function written(node: MemoryTrees, key: Key): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const write = (bytes: Uint8Array): Promise<void> => {
    parts.push(Uint8Array.from(bytes))
    return Promise.resolve()
  }
  // This node finds values by the keys of their bytes.
  const reader = { get: (of: Key) => node.get(new Key(of.digest)) }
  await writeTree(reader, key, write, { signal: never, onProgress: () => undefined })
  return concat(parts)
}

test('R007-275: a directory as a tar file is the folder when tar unpacks it', async (t) => {
  const folder = folderOf(t, CONTENTS)
  const node = new MemoryTrees()
  const { key } = await putTree(node, folder)
  const archive = await written(node, key)
  const out = mkdtempSync(join(tmpdir(), 'dstore-tar-'))
  t.teardown(() => rmSync(out, { recursive: true }))
  const { status, stderr } = spawnSync('tar', ['-x', '-C', out], { input: archive })
  t.is(status, 0, stderr.toString())
  t.is(await keyOf(out), key.toString())
  t.deepEqual(await written(node, key), archive)
  // A path that not every tar reads alike stands in a PAX record, and no other does.
  const text = Buffer.from(archive)
  for (const [path, isInPax] of [
    ['a.txt', false],
    ['bin/', false],
    ['größe/', true],
    ['names/é\u0301', true],
    [`deep/${LONG}/`, true],
  ] as const) {
    t.is(text.includes(` path=${path}\n`), isInPax, path)
  }
  t.true(text.includes(` linkpath=${LONG}/${LONG}\n`))
})

test('R007-275: an empty directory is an empty tar file, and comes back', async (t) => {
  const node = new MemoryTrees()
  const { key } = await putTree(node, folderOf(t, {}))
  const archive = await written(node, key)
  t.is((await put(new MemoryTrees(), once(archive))).key.toString(), key.toString())
})

for (const format of ['gnu', 'pax', 'posix']) {
  test(`R007-277: a tar file of a folder has the key of the folder: ${format}`, async (t) => {
    const folder = folderOf(t, CONTENTS)
    const archive = tar(folder, `--format=${format}`)
    const node = new MemoryTrees()
    const { key, size, files, existed } = await put(node, inPieces(archive, 100_000))
    t.is(key.toString(), await keyOf(folder))
    t.is(key.kind, 'directory')
    const texts = Object.values(CONTENTS).flatMap((one) =>
      typeof one === 'string' ? [one] : one !== null && 'exec' in one ? [one.exec] : [],
    )
    t.deepEqual([files, size], [texts.length, texts.join('').length])
    t.false(existed)
    t.deepEqual([...node.holds], [])
    const before = node.received.size
    t.true((await put(node, once(archive))).existed)
    t.is(node.received.size, before)
  })
}

test('R007-278: hard links are entries of one value, and a later entry replaces an earlier one', async (t) => {
  const folder = folderOf(t, { 'a/one': 'same' })
  linkSync(join(folder, 'a/one'), join(folder, 'two'))
  const node = new MemoryTrees()
  t.is((await put(node, once(tar(folder)))).key.toString(), await keyOf(folder))
  const archive = concat([entry('x', 'old'), entry('y', 'y'), entry('./x', 'new'), END])
  const expected = await keyOf(folderOf(t, { x: 'new', y: 'y' }))
  t.is((await put(node, once(archive))).key.toString(), expected)
})

test('R007-278: links in a circle are kept as text', async (t) => {
  const folder = folderOf(t, { 'd/a': { to: 'b' }, 'd/b': { to: '../d/a' }, c: { to: 'd/a/../x' } })
  t.is((await put(new MemoryTrees(), once(tar(folder)))).key.toString(), await keyOf(folder))
})

test('R007-277: a file is executable if its owner may execute it', async (t) => {
  const withMode = (mode: string): Buffer =>
    Buffer.concat([
      header('f', 1, '0', (block) => void block.write(mode, 100)),
      padded(Buffer.from('x')),
      END,
    ])
  const [plain, executable] = [
    await keyOf(folderOf(t, { f: 'x' })),
    await keyOf(folderOf(t, { f: { exec: 'x' } })),
  ]
  for (const [mode, expected] of [
    ['0000645', plain],
    ['0000677', plain],
    ['0000100', executable],
    ['0004744', executable],
  ] as const) {
    t.is((await put(new MemoryTrees(), once(withMode(mode)))).key.toString(), expected, mode)
  }
})

test('R007-280: a stream of too many entries is refused, and nothing is committed', async (t) => {
  const links = async function* (): AsyncGenerator<StreamEntry> {
    for (let i = 0; ; i++) yield await Promise.resolve({ path: `${i}`, type: 'link', target: 'x' })
  }
  const node = new MemoryTrees()
  const parts = { trees: node.trees, put: node.put.bind(node), putMany: node.putMany.bind(node) }
  await t.throwsAsync(putStream(parts, links(), { most: 5 }), {
    code: 'too-large',
    message: /at most 5 entries/,
  })
  t.deepEqual([node.roots, [...node.holds]], [[], []])
})

const END = Buffer.alloc(1024)
const entry = (name: string, text: string): Buffer =>
  Buffer.concat([header(name, text.length, '0'), padded(Buffer.from(text))])
const linkTo = (name: string, type: '1' | '2', target: string): Buffer =>
  header(name, 0, type, (block) => void block.write(target, 157))

/** Archives that hold what a directory cannot, and what the message says. */
const REFUSED: readonly (readonly [what: string, parts: readonly Uint8Array[], why: RegExp])[] = [
  ['an absolute path', [entry('/etc/passwd', 'x')], /\/etc\/passwd is outside the archive/],
  ['a path upwards', [entry('a/../../b', 'x')], /a\/\.\.\/\.\.\/b is outside/],
  ['a device', [header('dev/null', 0, '3')], /dev\/null is a character device/],
  ['a pipe', [header('p', 0, '6')], /p is a named pipe/],
  ['a sparse file', [header('s', 0, 'S')], /s is a sparse file/],
  ['a path below a file', [entry('a', 'x'), entry('a/b', 'y')], /two entries are at one path: a$/],
  [
    'a path below a link',
    [linkTo('a', '2', 'c'), entry('a/b', 'y')],
    /two entries are at one path/,
  ],
  [
    'a link out',
    [linkTo('d/l', '2', '../../x')],
    /d\/l is a link out of the directory: \.\.\/\.\.\/x/,
  ],
  ['an absolute link', [linkTo('l', '2', '/etc')], /l is a link out/],
  [
    'a link out through another',
    [linkTo('d/up', '2', '..'), linkTo('l', '2', 'd/up/../x')],
    /l is a link out/,
  ],
  [
    'a link to nothing',
    [linkTo('l', '2', '')],
    /l is a link that no directory can have: it is empty/,
  ],
  ['a hard link to nothing', [linkTo('l', '1', 'x')], /l is a hard link to x, which is no file/],
  ['a hard link upwards', [linkTo('l', '1', '../x')], /l is outside/],
  [
    'a name of 256 bytes',
    [header('long', 256, 'L'), padded(Buffer.from('n'.repeat(256))), entry('n', 'x')],
    /not a path in a directory: n+: a name in it: it has more than 255 bytes/,
  ],
  [
    'a name that is not UTF-8',
    [header('caf\0', 0, '0', (block) => block.set([0xe9], 3))],
    /not a path in a directory: caf\ufffd: a name in it: it is not Unicode/,
  ],
  [
    'a link that is not UTF-8',
    [header('l', 0, '2', (block) => block.set([0xe9], 157))],
    /l is a link that no directory can have: it is not Unicode/,
  ],
]

for (const [what, parts, why] of REFUSED) {
  test(`R007-278, R007-279: refused by name, and nothing is committed: ${what}`, async (t) => {
    const node = new MemoryTrees()
    const archive = concat([entry('first', 'first'), ...parts, END])
    const error = await t.throwsAsync(put(node, once(archive), 'n/1'), { message: why })
    t.is((error as { code?: string }).code, 'usage')
    t.deepEqual(node.roots, [])
    t.deepEqual([...node.holds], [], 'the hold is released')
  })
}

test('R007-279: a damaged archive is `unreadable`, wherever it is cut, and nothing is committed', async (t) => {
  const whole = tar(folderOf(t, { a: 'a'.repeat(2000), 'b/c': 'c' }))
  for (const end of [0, 1, 511, 512, 700, 1024, 1536, 3000]) {
    const node = new MemoryTrees()
    const error = await t.throwsAsync(put(node, once(whole.subarray(0, end))), undefined, `${end}`)
    t.is((error as { code?: string }).code, 'unreadable', `${end}`)
    t.deepEqual(node.roots, [])
  }
  const damaged = Uint8Array.from(whole)
  damaged[600]! ^= 1
  const node = new MemoryTrees()
  await t.throwsAsync(put(node, once(damaged)), { code: 'unreadable' })
  t.deepEqual([...node.holds], [])
})

test('R007-280: small files go in batches, each value once, and what is there is not sent', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [`d${i % 7}/f${i}`, `file ${i % 1500}`] as const),
  )
  const node = new MemoryTrees()
  await putTree(node, folderOf(t, { first: 'file 7' }))
  node.batches.length = 0
  const archive = tar(folderOf(t, files))
  await put(node, once(archive))
  t.true(node.batches.length < 15, `${node.batches.length}`)
  // 1,499 files and the root; the other directories are larger than small.
  t.is(
    node.batches.reduce((sum, one) => sum + one),
    1499 + 1,
  )
})

test('R007-280: after a failure on the way the hold stays, for a repeat to find what was sent', async (t) => {
  const node = new MemoryTrees()
  node.putMany = () => Promise.reject(new DstoreError('unreachable', 'Global is away'))
  await t.throwsAsync(put(node, once(concat([entry('a', 'a'), END]))), { code: 'unreachable' })
  t.is(node.holds.size, 1)
  t.deepEqual(node.roots, [])
})
