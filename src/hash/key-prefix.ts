/**
 * The beginning of a key as a range of digests: keys are listed in the order of digests
 * (specs/007, "Short keys").
 */
import { fromHex } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { DIGEST_BYTES } from '../limits.ts'
import { keyKindOf, readKeyText, type KeyKind } from './key-text.ts'

export interface KeyPrefix {
  /** What both begin with: `bafkr4i...` or hexadecimal digits, in lower case. */
  readonly text: string
  /** Undefined where the text says nothing of it: hexadecimal digits are those of the digest. */
  readonly kind: KeyKind | undefined
  /** The least digest that begins like this. */
  readonly first: Uint8Array
  /** The greatest one. */
  readonly last: Uint8Array
}

const PRINTED = /^(baf[ky]r4i)((?:[a-h][a-z2-7]{0,51})?)$/
const HEX = /^[0-9a-f]{1,64}$/

/** Characters of a printed key behind those that all keys of its kind share. */
const OWN_CHARACTERS = 52

/** The text that the least and the greatest digest have behind `bafkr4i`. */
const LEAST = 'a'.repeat(OWN_CHARACTERS)
/** Of the first character two bits belong to what is before it, of the last one two are no bits. */
const GREATEST = `h${'7'.repeat(OWN_CHARACTERS - 2)}4`

/**
 * The keys that begin with a text; undefined if no key begins with it. Either the beginning of a
 * key as dstore prints it, at least `bafkr4i` or `bafyr4i`, or the first hexadecimal digits of a
 * digest; in lower case or in upper case.
 */
export function readKeyPrefix(given: string): KeyPrefix | undefined {
  const text = given === given.toUpperCase() ? given.toLowerCase() : given
  const [, head, own = ''] = PRINTED.exec(text) ?? []
  if (head !== undefined) {
    const first = readKeyText(head + own + LEAST.slice(own.length))
    const last = readKeyText(head + own + GREATEST.slice(own.length))
    return first && last && { text, kind: keyKindOf(head), first, last }
  }
  const digits = given.toLowerCase()
  if (!HEX.test(digits)) return undefined
  const first = fromHex(digits.padEnd(2 * DIGEST_BYTES, '0'))!
  const last = fromHex(digits.padEnd(2 * DIGEST_BYTES, 'f'))!
  return { text: digits, kind: undefined, first, last }
}

/** The same; throws `usage` if no key begins with the text. */
export function parseKeyPrefix(text: string): KeyPrefix {
  const prefix = readKeyPrefix(text)
  if (prefix !== undefined) return prefix
  throw new DstoreError('usage', 'no key begins like this', {
    hint: 'the beginning of a key has bafkr4i or bafyr4i, or hexadecimal digits of the digest',
  })
}

/** The digest before another one, in their order; undefined before the least. */
export function digestBefore(digest: Uint8Array): Uint8Array | undefined {
  const before = digest.slice()
  for (let at = before.length - 1; at >= 0; at--) {
    if (before[at]! > 0) {
      before[at]!--
      return before
    }
    before[at] = 255
  }
  return undefined
}
