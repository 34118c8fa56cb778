/** Trees of files on disk, as a tester makes and compares them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Owner } from '../cli/command.ts'

/** Chunk, chunk group, inline value and piece, each with its neighbours. */
const SIZES = [0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 65_537, 1_048_577]

/** Names that programs have stumbled over, between spaces. All are legal on Linux, side by side. */
const WORDS = String.raw`
  - -- -rf --name ... ..a a.. * ? ~ $HOME \`id\` " ' \ a\b C: con %2f %00 # &
  __proto__ constructor toString hasOwnProperty tree src to size length 0
  .git .GIT README readme straße strasse İ i ı K k
`

/** With spaces, of Unicode that looks alike, and at the edges of each length of UTF-8. */
const ODD =
  ' |  x|x |. |\n|a\nb|\r\n|é|e\u0301|가|\u1100\u1161|\u212A|\uFEFF|\uFEFFx|\uFFFD|\u202Egpj|' +
  '\u0080|\u07FF|\u0800|\uFFFF|\u{10000}|\u{10FFFF}'

const LONGEST = ['n'.repeat(255), '漢'.repeat(85), `${'😀'.repeat(63)}abc`]

/** A legal name with each character of one byte, and one from every part of Unicode. */
export function legalNames(): string[] {
  const names = new Set([...WORDS.trim().split(/\s+/), ...ODD.split('|'), ...LONGEST])
  for (let code = 1; code < 128; code++) {
    const character = String.fromCodePoint(code)
    if (character === '/') continue
    if (character !== '.') names.add(character)
    names.add(`x${character}y`)
  }
  for (let code = 128; code <= 0x10_ffff; code += 6151) {
    if (code < 0xd800 || code > 0xdfff) names.add(String.fromCodePoint(code))
  }
  return [...names]
}

/** A folder that the owner removes, however deep it becomes. */
export function folder(owner: Owner): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-tree-'))
  // As `mkdir` makes them, and `get`.
  chmodSync(path, 0o755)
  owner.teardown(() => execFileSync('rm', ['-rf', path]))
  return path
}

/**
 * One of everything that a directory can hold: files of all boundary sizes, executable or not,
 * equal files, empty folders, links, every legal name, and `depth` levels of folders.
 */
export function writeEverything(root: string, depth: number): void {
  for (const path of ['', 'empty', 'a/b/empty', 'a/b/c', 'names', 'links', 'sizes']) {
    mkdirSync(join(root, path), { recursive: true })
  }
  for (const size of SIZES) writeFileSync(join(root, `sizes/${size}`), randomBytes(size))
  writeFileSync(join(root, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  for (const path of ['run', 'a/b/run', 'a/b/c/run']) {
    writeFileSync(join(root, path), '#!/bin/sh\n')
  }
  for (const [i, name] of legalNames().entries()) {
    writeFileSync(join(root, 'names', name), `${i}`, { mode: i % 3 === 0 ? 0o755 : 0o644 })
  }
  const links: readonly (readonly [path: string, target: string])[] = [
    ['links/file', '../run.sh'],
    ['links/folder', '../a/b'],
    ['links/nothing', 'is not there'],
    ['links/itself', 'itself'],
    ['links/here', '.'],
    ['links/root', '..'],
    ['links/way round', '../a/./b/../b/run'],
    ['links/\n', 'a\nb'],
    ['a/first', 'b'],
    ['a/zz', 'b/c/run'],
  ]
  for (const [path, target] of links) symlinkSync(target, join(root, path))
  writeDeep(join(root, 'deep'), depth, 'at the end')
}

/** `levels` folders below each other, and a file in the last, where Node takes so long a path. */
export function writeDeep(root: string, levels: number, text: string): void {
  const path = `${root}${'/d'.repeat(levels)}`
  execFileSync('mkdir', ['-p', path])
  if (path.length < 4000) writeFileSync(`${path}/file`, text)
}

/** `folders` folders of `files` files each, all different, of `size` bytes. */
export function writeMany(root: string, folders: number, files: number, size: number): void {
  for (let i = 0; i < folders; i++) {
    const path = folders === 1 ? root : join(root, `folder-${i}`)
    mkdirSync(path, { recursive: true })
    for (let j = 0; j < files; j++) {
      writeFileSync(join(path, `file-${j}`), contents(size, `${i}/${j}`))
    }
  }
}

/** Bytes that begin with the text, and do not compress. */
export function contents(size: number, text: string): Buffer {
  const seed = createHash('sha256').update(text).digest()
  const bytes = Buffer.alloc(size, seed)
  bytes.write(text.slice(0, size))
  return bytes
}

/** Asserts that two trees have the same names, kinds, modes, links and bytes. */
export function sameTree(t: ExecutionContext, actual: string, expected: string): void {
  const { stdout, stderr, status } = spawnSync(
    'diff',
    ['-r', '--no-dereference', actual, expected],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  )
  t.is(`${status} ${stdout}${stderr}`.slice(0, 2000), '0 ')
  const [a, b] = [listing(actual), listing(expected)]
  if (!a.equals(b)) t.deepEqual(linesOf(a), linesOf(b))
  t.true(a.byteLength > 0)
}

/** What is below a folder: kind, mode, target and path of each, with a NUL behind it. */
function listing(path: string): Buffer {
  const format = String.raw`%y %m %l %P\0`
  const { stdout, status } = spawnSync('find', [path, '-mindepth', '0', '-printf', format], {
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`find ended with ${status}`)
  return Buffer.from(linesOf(stdout).join('\0'))
}

const linesOf = (text: Buffer): string[] => text.toString('latin1').split('\0').toSorted()
