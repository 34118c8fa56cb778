/** What is wrong with a text that was probably meant as a key. */
import { asDstoreError, type DstoreError } from '../../src/errors.ts'

/** The usual spellings of keys: as dstore prints them, and as b3sum does. */
export const USUAL_KEY: RegExp = /^(baf[ky]r4i[a-h][a-z2-7]{51}|[0-9a-fA-F]{64})$/

/** If no such name is bound, this was probably meant as a key. */
const KEY_LIKE = /^[0-9A-Za-z]{40,}$/

/** The error for an unbound name: `malformed-key` if the text looks like a misspelled key. */
export async function explainNotFound(text: string, error: unknown): Promise<unknown> {
  if (asDstoreError(error).code !== 'not-found' || !KEY_LIKE.test(text)) return error
  return (await keyFault(text)) ?? error
}

/** Why a text is no spelling of a key; undefined if it is one. */
export async function keyFault(text: string): Promise<DstoreError | undefined> {
  const { parseKey } = await import('../../src/hash/key.ts')
  try {
    parseKey(text)
    return undefined
  } catch (error) {
    return asDstoreError(error)
  }
}
