/** Resolves a word to a key: a key in any spelling, otherwise a name (specs/007, R007-36). */
import { asDstoreError, type DstoreError } from '../../errors.ts'
import { Key, parseKey } from '../../hash/key.ts'
import { DIGEST_BYTES } from '../../limits.ts'
import { checkName } from '../../index/name.ts'
import { batchesOf } from './batches.ts'
import type { CallOptions, Node, ValueFacts } from '../node.ts'
import { noSuch } from './no-such.ts'

/** A long word of letters and digits. If it is not a bound name, the caller meant a key. */
const LIKE_A_KEY = /^[0-9A-Za-z]{40,}$/

/**
 * The key that a word stands for. Throws `not-found` if it is a name that is not bound,
 * `malformed-key` if that name looks like a key, `usage` if it can be neither, and the errors of
 * `lookup`.
 */
export async function resolveKey(
  node: Pick<Node, 'role' | 'index' | 'inactive'>,
  word: Key | string,
  options?: CallOptions,
): Promise<Key> {
  if (word instanceof Key) return word
  const key = readKey(word)
  if (key instanceof Key) return key
  const bound = await node.index.lookup(checkName(word), options)
  if (bound !== undefined) return bound.key
  throw LIKE_A_KEY.test(word) ? key : await noSuch('name', word, node, hintAtKey(word))
}

/**
 * Calls `use` with the key that a word stands for. If the value of a name is gone, the name may
 * have been bound to another since this node heard of it: then asks Global for the name, and calls
 * `use` once more (R004-87), unless `canRepeat` says that it is too late. Errors as `resolveKey`
 * and `use`.
 */
export async function withKey<T>(
  node: Pick<Node, 'role' | 'index' | 'inactive'>,
  word: Key | string,
  options: CallOptions,
  use: (key: Key) => Promise<T>,
  canRepeat: () => boolean = () => true,
): Promise<T> {
  const key = await resolveKey(node, word, options)
  try {
    return await use(key)
  } catch (error) {
    if (!isGone(error) || !isName(word) || !canRepeat()) throw error
    const bound = await node.index.lookup(word, { ...options, fresh: true })
    if (bound === undefined) throw await noSuch('name', word, node)
    return use(bound.key)
  }
}

function isGone(error: unknown): boolean {
  const { code } = asDstoreError(error)
  return code === 'not-found' || code === 'removed'
}

/** What surrounds a key in a URL, a list or a message. */
const AROUND_KEY = /^[\s"'`<(]*(?:(?:ipfs|dstore):\/\/|\S*\/ipfs\/|blake3[:-])?|[\s"'`>).,;/]*$/g

/** Said of a name that is not bound, if a key was meant: it has something around it, or is cut. */
export function hintAtKey(word: string): string | undefined {
  const bare = word.replace(AROUND_KEY, '')
  if (bare !== word && readKey(bare) instanceof Key) return `did you mean the key ${bare}?`
  const { length } = PRINTED[0]
  const isCut = PRINTED.some((key) => bare.startsWith(key.slice(0, 7))) && bare.length < length
  if (!isCut) return undefined
  return `a key has ${length} characters, and this has ${bare.length}: it seems to be cut off`
}

/** Some keys: all of a kind have the same length and the same first characters. */
const PRINTED = [
  new Key(new Uint8Array(DIGEST_BYTES)).toString(),
  new Key(new Uint8Array(DIGEST_BYTES), 'directory').toString(),
] as const

/** The key that the text spells, or the error. */
function readKey(text: string): Key | DstoreError {
  try {
    return parseKey(text)
  } catch (error) {
    return asDstoreError(error)
  }
}

/**
 * Facts about the value of each word, in the same order; undefined if there is no such name or key.
 */
export async function statWords(
  node: Pick<Node, 'role' | 'index' | 'inactive'>,
  words: readonly (Key | string)[],
  options?: CallOptions,
): Promise<(ValueFacts | undefined)[]> {
  const all: (ValueFacts | undefined)[] = []
  for (const batch of batchesOf(words)) {
    const keys = await Promise.all(
      batch.map((word) => resolveKey(node, word, options).catch(unlessAbsent)),
    )
    const there = keys.filter((key) => key !== undefined)
    const facts = (await node.index.statMany(there, options)).values()
    const found = keys.map((key) => (key === undefined ? undefined : facts.next().value))
    const mayHaveMoved = (_: unknown, i: number): boolean =>
      keys[i] !== undefined && found[i] === undefined && isName(batch[i]!)
    const again = batch.filter(mayHaveMoved) as string[]
    const moved = (await statFresh(node, again, options)).values()
    all.push(...found.map((one, i) => (mayHaveMoved(one, i) ? moved.next().value : one)))
  }
  return all
}

const isName = (word: Key | string): word is string =>
  !(word instanceof Key || readKey(word) instanceof Key)

/** Facts about the values of names, as Global knows these (R004-87). */
async function statFresh(
  node: Pick<Node, 'index'>,
  names: readonly string[],
  options?: CallOptions,
): Promise<(ValueFacts | undefined)[]> {
  const bound = await Promise.all(
    names.map((name) => node.index.lookup(name, { ...options, fresh: true })),
  )
  const there = bound.filter((one) => one !== undefined).map(({ key }) => key)
  const facts =
    there.length === 0 ? [].values() : (await node.index.statMany(there, options)).values()
  return bound.map((one) => (one === undefined ? undefined : facts.next().value))
}

function unlessAbsent(error: unknown): undefined {
  if (asDstoreError(error).code !== 'not-found') throw error
}
