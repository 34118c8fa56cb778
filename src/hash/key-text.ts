/**
 * The printed text of a key, written and read without the work that any other spelling needs: the
 * CID of a digest in base32 lower case, as `Key.toString` gives it (specs/001-key.md).
 */
import { DIGEST_BYTES } from '../limits.ts'

/** What a key's codec says of its value: plain bytes, or a directory (specs/008-directories.md). */
export type KeyKind = 'bytes' | 'directory'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * The multibase prefix, and the characters of the CID's first 30 bits: version 1, codec, hash
 * blake3. Two bits of the length of the digest are left over for the next character.
 */
const PREFIX: Uint8Array = Buffer.from('bafkr4i')

/** The prefix of a directory's key, which differs in one character. */
const DIRECTORY_PREFIX = 'bafyr4i'
const CODEC_AT = 3
const DIRECTORY_CODEC = DIRECTORY_PREFIX.charCodeAt(CODEC_AT)

/** Characters of a key's text. */
export const KEY_TEXT_BYTES: number = PREFIX.byteLength + 52

/** The two characters of each ten bits, the first one in the low byte. */
const PAIRS: Uint16Array = Uint16Array.from({ length: 1024 }, (_, bits) => {
  return ALPHABET.charCodeAt(bits >> 5) | (ALPHABET.charCodeAt(bits & 31) << 8)
})

/**
 * Writes the text of the digest that begins at `from` in `digests` to `to` in `text`, as
 * `KEY_TEXT_BYTES` bytes. Returns where it ends.
 */
export function writeKeyText(
  digests: Uint8Array,
  from: number,
  text: Uint8Array,
  to: number,
  kind: KeyKind = 'bytes',
): number {
  for (let i = 0; i < PREFIX.length; i++) text[to + i] = PREFIX[i]!
  if (kind === 'directory') text[to + CODEC_AT] = DIRECTORY_CODEC
  // The last byte of the CID's prefix is 32: its two lowest bits are 0.
  let at = pair(text, to + PREFIX.length, digests[from]!)
  const last = from + DIGEST_BYTES - 1
  for (let i = from + 1; i < last; i += 5) {
    const [a, b, c, d, e] = [
      digests[i]!,
      digests[i + 1]!,
      digests[i + 2]!,
      digests[i + 3]!,
      digests[i + 4]!,
    ]
    at = pair(text, at, (a << 2) | (b >> 6))
    at = pair(text, at, ((b & 63) << 4) | (c >> 4))
    at = pair(text, at, ((c & 15) << 6) | (d >> 2))
    at = pair(text, at, ((d & 3) << 8) | e)
  }
  return pair(text, at, digests[last]! << 2)
}

function pair(text: Uint8Array, at: number, bits: number): number {
  const two = PAIRS[bits]!
  text[at] = two & 255
  text[at + 1] = two >> 8
  return at + 2
}

/** By character code: its five bits; undefined for any other. */
const FIVES: readonly (number | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const bits = ALPHABET.indexOf(String.fromCharCode(code))
  return bits === -1 ? undefined : bits
})

const PREFIX_TEXT = Buffer.from(PREFIX).toString()

/** What a printed key names. */
export const keyKindOf = (text: string): KeyKind =>
  text.charCodeAt(CODEC_AT) === DIRECTORY_CODEC ? 'directory' : 'bytes'

/** The digest in a printed key; undefined for a text that dstore does not print. */
export function readKeyText(text: string): Uint8Array | undefined {
  if (text.length !== KEY_TEXT_BYTES) return undefined
  if (!text.startsWith(PREFIX_TEXT) && !text.startsWith(DIRECTORY_PREFIX)) return undefined
  const digest = new Uint8Array(DIGEST_BYTES)
  let held = 0
  // The last character of the prefix, and the next two bits, end the CID's prefix.
  let bits = -2
  let at = 0
  for (let i = PREFIX.length; i < KEY_TEXT_BYTES; i++) {
    const five = FIVES[text.charCodeAt(i)]
    if (five === undefined) return undefined
    held = (held << 5) | five
    bits += 5
    if (bits < 8) continue
    bits -= 8
    const byte = held >> bits
    held &= (1 << bits) - 1
    // The two bits of the prefix are 0, and so the first byte has no more than 8.
    if (byte > 255) return undefined
    digest[at++] = byte
  }
  // Each key has one text: the bits after the last byte are 0.
  return held === 0 ? digest : undefined
}
