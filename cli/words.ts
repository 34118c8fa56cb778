/** Words that stand for values: a key in any spelling, else a name (R007-36). */
import { asDstoreError } from '../src/errors.ts'
import type { DstoreError } from '../src/errors.ts'
import type { Client } from '../src/daemon/client/client.ts'

export interface Word {
  readonly text: string
  readonly type: 'key' | 'name'
}

/** The spellings of keys that are printed. */
const USUAL = /^(bafkr4i[a-h][a-z2-7]{51}|[0-9a-fA-F]{64})$/

/** Names that are no keys, for 36 bytes are longer in every base. For all other words the parser is worth loading. */
const PLAIN_NAME = /^[\w./@:+-]{1,36}$/

/** One long word of letters and digits: where no such name is bound, a key was meant. */
const LIKE_A_KEY = /^[0-9A-Za-z]{40,}$/

/** What each word is, by its text; `usage` for what is neither. Asks nobody. */
export async function readWords(texts: readonly string[]): Promise<ReadonlyMap<string, Word>> {
  const words = new Map<string, Word>()
  for (const text of texts) {
    words.set(text, { text, type: await typeOf(text) })
  }
  return words
}

async function typeOf(text: string): Promise<Word['type']> {
  if (PLAIN_NAME.test(text)) return 'name'
  if (USUAL.test(text) || (await faultOfKey(text)) === undefined) return 'key'
  await checkName(text)
  return 'name'
}

/** What is shown of a word beside progress: a name whole, the beginning of a key. */
export function label(text: string): string {
  return USUAL.test(text) ? text.slice(0, 16) : text
}

/** The key that a word stands for; `not-found` where its name is not bound. */
export async function keyOf(client: Client, { text, type }: Word): Promise<string> {
  if (type === 'key') return text
  try {
    return (await client.lookup(text)).key
  } catch (error) {
    throw await unknownWord(text, error)
  }
}

/** What to say of a word that is no name: a key that is spelled wrong is better called so. */
export async function unknownWord(text: string, error: unknown): Promise<unknown> {
  if (asDstoreError(error).code !== 'not-found' || !LIKE_A_KEY.test(text)) return error
  return (await faultOfKey(text)) ?? error
}

/** Throws `usage`, with the reason, unless it can be a name. */
export async function checkName(name: string): Promise<void> {
  if (PLAIN_NAME.test(name)) return
  const names = await import('../src/index/name.ts')
  names.checkName(name)
}

async function faultOfKey(text: string): Promise<DstoreError | undefined> {
  const { parseKey } = await import('../src/hash/key.ts')
  try {
    parseKey(text)
    return undefined
  } catch (error) {
    return asDstoreError(error)
  }
}
