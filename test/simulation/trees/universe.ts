/**
 * The values of a simulated world with trees: files of one byte, and directories that share them.
 * Each has a number, its token, which is every byte of its digest.
 */
import { toHex } from '../../../src/bytes.ts'
import { DistinctChildren, type Children } from '../../../src/directory/children.ts'
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import { totalsOf, type Directory, type Entry } from '../../../src/directory/directory.ts'
import { digestOf } from '../tokens.ts'

/** Files that callers also put and remove by themselves, and files that are only in trees. */
export const FILES: readonly number[] = [1, 2, 3, 4, 5]

/** What each directory lists, children before parents: an entry's name, and its token. */
const LISTED: readonly (readonly [number, Readonly<Record<string, number>>])[] = [
  [101, {}],
  [102, { a: 1, b: 2 }],
  [103, { a: 2, c: 4, again: 4 }],
  [104, { x: 102, y: 1 }],
  [105, { x: 102, y: 103, z: 5 }],
  [106, { m: 105, n: 105, o: 101, p: 4 }],
]

export const DIRECTORIES: readonly number[] = LISTED.map(([token]) => token)

const directories = new Map<number, Directory>()
const bytes = new Map<number, Uint8Array>()
const tokens = new Map<string, number>()

for (const token of FILES) bytes.set(token, Uint8Array.of(token))
for (const [token, names] of LISTED) {
  const entries = Object.entries(names).map(([name, child]) => [name, entryOf(child)] as const)
  directories.set(token, new Map(entries))
  bytes.set(token, encodeDirectory(entries))
}
for (const [token, value] of bytes) tokens.set(toHex(value), token)

function entryOf(token: number): Entry {
  const digest = digestOf(token)
  const directory = directories.get(token)
  if (directory === undefined) return { type: 'file', digest, size: 1, executable: false }
  return { type: 'directory', digest, ...totalsOf(directory) }
}

export const isDirectory = (token: number): boolean => directories.has(token)

/** The bytes of the value, as they are put. */
export const bytesOf = (token: number): Uint8Array =>
  bytes.get(token) ?? new Uint8Array(Math.max(1, token - 199)).fill(token)

/** The token of a value that is put. */
export const tokenOf = (value: Uint8Array): number => tokens.get(toHex(value)) ?? value[0]!

/** The distinct children of a directory; none of a file. */
export function childrenOf(token: number): number[] {
  const entries = [...(directories.get(token)?.values() ?? [])]
  return [...new Set(entries.flatMap((one) => (one.type === 'link' ? [] : one.digest[0]!)))]
}

/** Some of the distinct children of a directory, as the store of a node gives them. */
export function childrenIn(token: number, from: number, limit: number): Children {
  const directory = directories.get(token)
  if (directory === undefined) throw new RangeError(`${token} is no directory`)
  return new DistinctChildren(directory).slice(from, limit)
}

/** Everything below a directory, without itself. */
export function below(token: number): Set<number> {
  const found = new Set<number>()
  for (const child of childrenOf(token)) {
    found.add(child)
    for (const one of below(child)) found.add(one)
  }
  return found
}

/** Directories of a tree, by level, the root's first; each at its deepest level. */
export function levelsOf(root: number): number[][] {
  const levels: number[][] = []
  for (let level = [root]; level.length > 0;) {
    levels.push(level)
    level = [...new Set(level.flatMap(childrenOf).filter(isDirectory))]
  }
  return levels.map((level, i) =>
    level.filter((one) => !levels.slice(i + 1).some((deeper) => deeper.includes(one))),
  )
}
