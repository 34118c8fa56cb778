/**
 * Keys that are pasted with something around them, and short keys (R007-430 to R007-433). Commands
 * that read take them; `rm`, `name` and `tag` never guess what they change.
 */
import { USUAL_KEY } from './key-fault.ts'
import type { KeyLine } from '../../src/daemon/api/api.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { KeyPrefix } from '../../src/hash/key-prefix.ts'

/** What is asked for the keys that begin with a text. */
export interface KeyLists {
  readonly lists: {
    keys(query: { readonly prefix: string; readonly limit: number }): AsyncIterable<KeyLine>
  }
}

/** A connection for the question; undefined if no daemon runs any more. */
export type Connected = () => KeyLists | undefined | Promise<KeyLists | undefined>

/** How many keys an error lists that begin with the same text. */
const CANDIDATES = 4

/** Every text that may be one, and a few that are none. Spares the others loading the parser. */
const MAY_SPELL =
  /^[\s\p{Cf}"'`<(\u201c\u2018]|[\s\p{Cf}]$|ipfs|^dstore:|^blake3[:-]|^baf[ky]r4i|^[0-9a-f]{8}/iu

/** Codes of errors for a text that is no bound name; Global may be away, and a key be here. */
const LEADS_NOWHERE: ReadonlySet<string> = new Set([
  'not-found',
  'usage',
  'malformed-key',
  'unreachable',
])

/** May it be a key with something around it, or the beginning of one? A whole key is neither. */
export const maySpell = (text: string): boolean => MAY_SPELL.test(text) && !USUAL_KEY.test(text)

/** Might a text with this error be a spelling of a key? */
export const isUnknown = (text: string, error: unknown): boolean =>
  maySpell(text) && LEADS_NOWHERE.has(asDstoreError(error).code)

/**
 * Calls `use` with a text, which may be a name; if it leads to nothing, with the key that it
 * spells. Rejects as `use` does, or as `spelledKey`.
 */
export async function withSpelling<Result>(
  connected: Connected,
  text: string,
  use: (word: string) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(text)
  } catch (error) {
    if (!isUnknown(text, error)) throw error
    const word = await spelledKey(connected, text)
    if (word === undefined) throw error
    return use(word)
  }
}

/**
 * The key that a text spells which is bound to nothing, with the path behind it; undefined if it
 * spells none. Errors: `not-found` for a short key that no key begins with, `malformed-key` if
 * several do.
 */
export async function spelledKey(connected: Connected, text: string): Promise<string | undefined> {
  const { readPasted } = await import('../../src/node/words/pasted.ts')
  const pasted = readPasted(text)
  if (pasted === undefined) return undefined
  const key = pasted.type === 'key' ? pasted.key : await keyOf(connected, pasted.prefix)
  if (key === undefined) return undefined
  const word = `${key}${pasted.path}`
  return word === text ? undefined : word
}

/** Undefined for hexadecimal digits that no key begins with: they were meant as a name. */
async function keyOf(connected: Connected, prefix: KeyPrefix): Promise<string | undefined> {
  const { text, kind } = prefix
  const keys = await keysFrom(connected, prefix)
  const [only, ...others] = keys
  if (only === undefined) {
    if (kind === undefined) return undefined
    throw new DstoreError('not-found', `no such key or name: ${text}`, {
      hint: 'no key begins like this; `dstore ls --keys` lists keys',
    })
  }
  if (others.length === 0) return only
  const shown = keys.slice(0, CANDIDATES).join(' ')
  const more = keys.length > CANDIDATES ? ' and more' : ''
  throw new DstoreError('malformed-key', `several keys begin with ${text}`, {
    hint: `give more of it: ${shown}${more}`,
  })
}

/** A few keys that begin with the text. */
async function keysFrom(connected: Connected, { text, kind }: KeyPrefix): Promise<string[]> {
  const { parseKey } = await import('../../src/hash/key.ts')
  const keys: string[] = []
  try {
    const client = await connected()
    if (client === undefined) throw new DstoreError('unreachable', 'the daemon has stopped')
    for await (const { key } of client.lists.keys({ prefix: text, limit: CANDIDATES + 1 })) {
      const spelling = kind === undefined ? parseKey(key).toHex() : key
      // An earlier daemon knows no prefix, and lists all keys.
      if (!spelling.startsWith(text)) throw tooOld()
      if (keys.push(key) > CANDIDATES) break
    }
    return keys
  } catch (error) {
    const { code, message } = asDstoreError(error)
    if (code !== 'unreachable' || kind === undefined) throw error
    throw new DstoreError(code, message, {
      cause: error,
      hint: 'only Global knows which key a short one stands for: give the whole key',
    })
  }
}

const tooOld = (): DstoreError =>
  new DstoreError('unsupported', 'the daemon is of an earlier version, which knows no short keys', {
    hint: 'give the whole key, or restart it: dstore stop, then dstore start',
  })

/** The same error, with the key that a command wants which changes something (R007-432). */
export async function askForKey(text: string, error: unknown): Promise<unknown> {
  const { code, message, hint } = asDstoreError(error)
  if (hint !== undefined || !isUnknown(text, error)) return error
  const { readPasted } = await import('../../src/node/words/pasted.ts')
  const pasted = readPasted(text)
  if (pasted === undefined || pasted.path !== '') return error
  const whole =
    pasted.type === 'key'
      ? `give the key alone: ${pasted.key}`
      : `give the whole key, which \`dstore stat ${pasted.prefix.text}\` shows`
  return new DstoreError(code, message, { cause: error, hint: whole })
}
