/**
 * Arguments that refer to values: a key in any spelling, else a name (R007-36), each with a path
 * below it if it is a directory (R007-255).
 */
import { asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { USUAL_KEY, explainNotFound, keyFault } from './key-fault.ts'
import { PRINTED_KEY } from './key-spelling.ts'

export interface Reference {
  readonly text: string
  /** `path`: a key, a slash, and more. A name with slashes may be one with a path as well. */
  readonly type: 'key' | 'name' | 'path'
  /** Is it the key of a directory? Names tell that only when they are looked up. */
  readonly isDirectory?: boolean
}

/** Is it the key of a directory, as dstore prints it? */
export const isDirectoryKey = (key: string): boolean => key.startsWith('bafyr4i')

/** Cannot be a key: a CID of 36 bytes is longer in every base. Spares loading the parser. */
const PLAIN_NAME = /^[\w./@:+-]{1,36}$/

/** What each argument refers to, by its text; `usage` if it can be neither. Asks no daemon. */
export async function parseReferences(
  texts: readonly string[],
): Promise<ReadonlyMap<string, Reference>> {
  const references = new Map<string, Reference>()
  for (const text of texts) references.set(text, { text, ...(await kindOf(text)) })
  return references
}

async function kindOf(text: string): Promise<Omit<Reference, 'text'>> {
  if (PLAIN_NAME.test(text)) return { type: 'name' }
  if (USUAL_KEY.test(text)) return { type: 'key', isDirectory: isDirectoryKey(text) }
  const { splitKey } = await import('../../src/tree/read/tree-word.ts')
  const word = splitKey(text)
  if (word !== undefined) {
    const isDirectory = word.key.kind === 'directory'
    return { type: word.root === text ? 'key' : 'path', isDirectory }
  }
  // The path below a name is bounded by what the directories have, not by what a name may be.
  if (!text.includes('/') && !(await isPasted(text))) await checkName(text)
  return { type: 'name' }
}

/** With blanks or quotes around it, or a part of one: what reads takes these (R007-430). */
async function isPasted(text: string): Promise<boolean> {
  const { readPasted } = await import('../../src/node/words/pasted.ts')
  return readPasted(text) !== undefined
}

/** Is it a spelling of a key? */
export async function isKey(text: string): Promise<boolean> {
  return (await keyFault(text)) === undefined
}

/** The spelling of a key by which its file is named. */
export async function canonicalKey(text: string): Promise<string> {
  if (PRINTED_KEY.test(text)) return text
  const { parseKey } = await import('../../src/hash/key.ts')
  return parseKey(text).toString()
}

/** What a progress line calls a reference: a name, or the beginning of a key. */
export function shortLabel(text: string): string {
  return USUAL_KEY.test(text) ? text.slice(0, 16) : text
}

/** The key that a reference stands for; `not-found` if it leads to nothing. */
export async function resolveKey(client: Client, { text, type }: Reference): Promise<string> {
  if (type === 'key') return text
  if (type === 'path') return keyBelow(client, text)
  try {
    return (await client.lookup(text)).key
  } catch (error) {
    if (asDstoreError(error).code === 'not-found' && text.includes('/')) {
      return keyBelow(client, text)
    }
    throw await explainNotFound(text, error)
  }
}

/** The same of a word to be read, which may also spell a key in another way (R007-430). */
export async function keyOfWord(client: Client, reference: Reference): Promise<string> {
  const { withSpelling } = await import('./spelling.ts')
  return withSpelling(
    () => client,
    reference.text,
    async (word) => {
      if (word === reference.text) return resolveKey(client, reference)
      return resolveKey(client, { text: word, ...(await kindOf(word)) })
    },
  )
}

async function keyBelow(client: Client, text: string): Promise<string> {
  const { findValue, listingsOf } = await import('../tree/open-tree.ts')
  return (await findValue({ client, listings: listingsOf(client) }, text)).key.toString()
}

/** Throws `usage`, with the reason, unless it can be a name. */
export async function checkName(name: string): Promise<void> {
  if (PLAIN_NAME.test(name)) return
  const names = await import('../../src/index/name.ts')
  names.checkName(name)
}
