/** What a pin stands for: a word, the value that it leads to, and everything below it. */
import { decodeDirectory } from '../../directory/reader.ts'
import type { Entry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { PINNED_VALUES, PIN_WORD_BYTES } from '../../limits.ts'
import type { CallOptions } from '../node.ts'
import { findTreeWord, splitKey, type TreeWord } from '../words/tree-word.ts'
import type { PinHost } from './pin-host.ts'
import type { PinnedValue, Values } from './pinned-values.ts'

/** Directories that are read at once. */
const AT_ONCE = 8

type Tree = Pick<PinHost, 'lookup' | 'stat' | 'readDirectory'>

/** Where a word leads to. */
export interface PinTarget {
  /** Of the key or name that the word begins with. */
  readonly root: Key
  /** What the path below it leads to. */
  readonly value: PinnedValue
  /** The seq of the put that made the key of `root` exist. */
  readonly incarnation: number
}

/**
 * A word as pins list it: a name as it is, one spelling for a key. Throws `usage` for one that
 * can be neither key nor name, and `too-large` beyond `PIN_WORD_BYTES`.
 */
export async function pinWord(text: string): Promise<string> {
  if (Buffer.byteLength(text) > PIN_WORD_BYTES) {
    throw new DstoreError('too-large', `a pin has at most ${PIN_WORD_BYTES} bytes of text`)
  }
  const keyed = splitKey(text)
  if (keyed !== undefined) return [keyed.key.toString(), ...keyed.path].join('/')
  // Only its form is checked here.
  await findTreeWord(text, async () => undefined)
  // A slash at its end may be a part of a name.
  return text
}

/** Whether the word begins with a key, which never stands for anything else. */
export const beginsWithKey = (word: string): boolean => splitKey(word) !== undefined

/** Errors: `not-found`; `usage` for a symbolic link; those of `NodeIndex.lookup` and `Node.get`. */
export async function targetOf(host: Tree, word: string, options: CallOptions): Promise<PinTarget> {
  const lookup = async (name: string): Promise<Key | undefined> =>
    (await host.lookup(name, options))?.key
  const found = await findTreeWord(word, lookup)
  if (found === undefined) throw new DstoreError('not-found', `no such name: ${word}`)
  const facts = await host.stat(found.key, options)
  if (facts === undefined) throw new DstoreError('not-found', `no such key: ${found.root}`)
  const { incarnation, size } = facts
  const below = await entryBelow(host, found, options)
  const value = below ?? { key: found.key, size }
  if (below?.key.kind === 'directory') {
    const directory = await host.stat(below.key, options)
    if (directory === undefined) throw new DstoreError('not-found', `no such path: ${word}`)
    return { root: found.key, incarnation, value: { key: below.key, size: directory.size } }
  }
  return { root: found.key, incarnation, value }
}

/** The value at the end of the word's path, a directory with the size of what is below it. */
async function entryBelow(
  host: Tree,
  { key, path, root }: TreeWord,
  options: CallOptions,
): Promise<PinnedValue | undefined> {
  let at: Key = key
  let entry: Entry | undefined
  let here = root
  for (const name of path) {
    const isFolder = entry === undefined ? at.kind === 'directory' : entry.type === 'directory'
    if (!isFolder) throw new DstoreError('not-found', `no such path: ${here}/${name}`)
    entry = decodeDirectory(await host.readDirectory(at, options)).get(name)
    here = `${here}/${name}`
    if (entry === undefined) throw new DstoreError('not-found', `no such path: ${here}`)
    if (entry.type !== 'link') at = keyOf(entry)
  }
  if (entry?.type !== 'link') return entry && { key: at, size: entry.size }
  throw new DstoreError(
    'usage',
    `${here} is a symbolic link to ${entry.target}, which has no value`,
  )
}

/**
 * The distinct values of a target: itself, and all that is below it. Reads every directory. Errors:
 * those of `Node.get`; `too-large` beyond `PINNED_VALUES`; `integrity` for no directory.
 */
export async function valuesOf(
  host: Pick<PinHost, 'readDirectory'>,
  { key, size }: PinnedValue,
  options: CallOptions,
): Promise<Values> {
  const all = new Map<string, PinnedValue>([[key.toHex(), { key, size }]])
  const directories = new Set<string>()
  let level = key.kind === 'directory' ? [key] : []
  while (level.length > 0) {
    const below: Key[] = []
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const some = level.slice(at, at + AT_ONCE)
      const read = await Promise.all(some.map((one) => host.readDirectory(one, options)))
      for (const [i, bytes] of read.entries()) {
        const directory = some[i]!
        all.set(directory.toHex(), { key: directory, size: bytes.byteLength })
        for (const entry of decodeDirectory(bytes).values()) {
          if (entry.type === 'link') continue
          const child = keyOf(entry)
          const id = child.toHex()
          if (entry.type === 'file') {
            if (!all.has(id)) all.set(id, { key: child, size: entry.size })
          } else if (!directories.has(id)) {
            directories.add(id)
            below.push(child)
          }
        }
        if (all.size + below.length > PINNED_VALUES) {
          throw new DstoreError('too-large', `pins keep at most ${PINNED_VALUES} values`)
        }
      }
    }
    level = below
  }
  return all
}

const keyOf = ({ digest, type }: Exclude<Entry, { type: 'link' }>): Key =>
  new Key(digest, type === 'directory' ? 'directory' : 'bytes')
