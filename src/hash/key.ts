/**
 * The key of a value: CIDv1, codec raw or DRISL, multihash BLAKE3 of 32 bytes (specs/001-key.md).
 */
import { equal, fromHex, toHex } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { showAsText } from '../inspect.ts'
import { DIGEST_BYTES, KEY_TEXT_CHARACTERS } from '../limits.ts'
import { whyNotKey } from './foreign-cid.ts'
import { BASES } from './multibase.ts'
import { KEY_TEXT_BYTES, keyKindOf, readKeyText, writeKeyText, type KeyKind } from './key-text.ts'

export type { KeyKind } from './key-text.ts'

/** The bytes before the digest in a key's CID: version 1, codec, hash blake3, 32 bytes. */
const CID_PREFIX = {
  bytes: Uint8Array.of(0x01, 0x55, 0x1e, DIGEST_BYTES),
  directory: Uint8Array.of(0x01, 0x71, 0x1e, DIGEST_BYTES),
} as const

/** Where a key's text is put together. */
const PRINTED = Buffer.alloc(KEY_TEXT_BYTES)

/** Identifies a value. Keys are equal if their digests are, whatever their kinds. */
export class Key {
  /** BLAKE3 of the value, 32 bytes. Callers must not change it. */
  readonly digest: Uint8Array
  readonly #kind: KeyKind
  #text: string | undefined
  #hex: string | undefined

  constructor(digest: Uint8Array, kind: KeyKind = 'bytes') {
    if (digest.byteLength !== DIGEST_BYTES) {
      throw new RangeError(`digest must be ${DIGEST_BYTES} bytes`)
    }
    this.digest = digest
    this.#kind = kind
  }

  /** What its codec says of the value. Not a property of its own, so keys stay deeply equal. */
  get kind(): KeyKind {
    return this.#kind
  }

  /**
   * The key that dstore prints like this; undefined for every other text.
   * @example const isPrinted = Key.printed(`${key}`) !== undefined
   */
  static printed(text: string): Key | undefined {
    const digest = readKeyText(text)
    if (digest === undefined) return undefined
    const key = new Key(digest, keyKindOf(text))
    key.#text = text
    return key
  }

  /**
   * Have both the same digest?
   * @example const isSame = key.equals(parseKey(key.toHex()))
   */
  equals(other: Key): boolean {
    return equal(this.digest, other.digest)
  }

  /**
   * The key of this kind for the same value.
   * @example const asFolder = key.as('directory')
   */
  as(kind: KeyKind): Key {
    return kind === this.kind ? this : new Key(this.digest, kind)
  }

  /**
   * The CID in base32 lower case: the one spelling that dstore prints.
   * @example console.log(key.toString())
   */
  toString(): string {
    if (this.#text !== undefined) return this.#text
    writeKeyText(this.digest, 0, PRINTED, 0, this.kind)
    return (this.#text = PRINTED.toString('latin1'))
  }

  /**
   * The binary CID, 36 bytes.
   * @example const cid = key.toBytes()
   */
  toBytes(): Uint8Array {
    const prefix = CID_PREFIX[this.kind]
    const bytes = new Uint8Array(prefix.byteLength + DIGEST_BYTES)
    bytes.set(prefix)
    bytes.set(this.digest, prefix.byteLength)
    return bytes
  }

  /**
   * The digest as 64 lower-case hex digits, as `b3sum` prints it. Cached: maps use it as their key.
   * @example console.log(key.toHex())
   */
  toHex(): string {
    this.#hex ??= toHex(this.digest)
    return this.#hex
  }

  /**
   * What JSON has of it.
   * @example console.log(JSON.stringify({ key }))
   */
  toJSON(): string {
    return this.toString()
  }
}

showAsText(Key.prototype, (key) => `Key(${key.toString()})`)

const malformed = (reason: string): DstoreError =>
  new DstoreError('malformed-key', `not a key: ${reason}`)

/**
 * Parses a key: its CID in any multibase, or the 64 hex digits of its digest in any case. Throws
 * `malformed-key` with the reason for anything else (specs/001-key.md, R001-3 to R001-7).
 * @example const key = parseKey('bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq')
 */
export function parseKey(text: string): Key {
  const printed = Key.printed(text)
  if (printed !== undefined) return printed
  if (text.length === 0) throw malformed('it is empty')
  if (text.length > KEY_TEXT_CHARACTERS) {
    throw malformed(`longer than ${KEY_TEXT_CHARACTERS} characters`)
  }
  if (text.length === 2 * DIGEST_BYTES) {
    const digest = fromHex(text)
    if (digest !== undefined) return new Key(digest)
  }
  return keyOfCid(decodeMultibase(text))
}

function decodeMultibase(text: string): Uint8Array {
  if (/^Qm[1-9A-HJ-NP-Za-km-z]{44}$/.test(text)) {
    throw malformed('a CID of version 0, which is SHA-256; a key is a CIDv1 of BLAKE3')
  }
  const base = BASES.get(String.fromCodePoint(text.codePointAt(0)!))
  if (base === undefined) {
    throw malformed('neither a CID in a known multibase nor 64 hex digits')
  }
  let bytes: Uint8Array
  try {
    bytes = base.decode(text)
  } catch {
    throw malformed('neither a CID nor 64 hex digits; it looks cut short or mistyped')
  }
  // Each base has one text for a key: reject excess padding and unused bits.
  if (base.encode(bytes).toLowerCase() !== text.toLowerCase()) {
    throw malformed(`${base.name} with padding or bits that do not belong there`)
  }
  return bytes
}

function keyOfCid(cid: Uint8Array): Key {
  for (const kind of ['bytes', 'directory'] as const) {
    const prefix = CID_PREFIX[kind]
    if (cid.byteLength !== prefix.byteLength + DIGEST_BYTES) continue
    if (equal(cid.subarray(0, prefix.byteLength), prefix)) {
      return new Key(cid.slice(prefix.byteLength), kind)
    }
  }
  throw malformed(whyNotKey(cid))
}
