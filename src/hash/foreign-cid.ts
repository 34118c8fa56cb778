/** Explains why bytes are not a key's CID (specs/001-key.md, "Errors"). */
import { DIGEST_BYTES } from '../limits.ts'

const CODECS: ReadonlyMap<number, string> = new Map([
  [0x51, 'cbor'],
  [0x55, 'raw'],
  [0x70, 'dag-pb'],
  [0x71, 'dag-cbor'],
  [0x72, 'libp2p-key'],
  [0x0129, 'dag-json'],
  [0x0200, 'json'],
])

const HASHES: ReadonlyMap<number, string> = new Map([
  [0x00, 'identity'],
  [0x11, 'sha1'],
  [0x12, 'sha2-256'],
  [0x13, 'sha2-512'],
  [0x16, 'sha3-256'],
  [0x1b, 'keccak-256'],
  [0x1e, 'blake3'],
  [0x20, 'sha2-384'],
  [0xb220, 'blake2b-256'],
])

/** Of plain values, and of directories. */
const KEY_CODECS: readonly number[] = [0x55, 0x71]
const BLAKE3 = 0x1e

/** What multicodec calls a hash function, or its code. */
export const hashName = (code: number): string => named(HASHES, code)

const named = (names: ReadonlyMap<number, string>, code: number): string =>
  names.get(code) ?? `0x${code.toString(16)}`

/** The first reason why a CID is not a key's. */
export function whyNotKey(cid: Uint8Array): string {
  const reader = new VarintReader(cid)
  const version = reader.next()
  if (version === 0x12) return 'a CID of version 0, which is SHA-256; a key is a CIDv1 of BLAKE3'
  if (version === undefined) return 'too short for a CID'
  if (version !== 1) return `a CID of version ${version}; a key is a CIDv1`
  const codec = reader.next()
  if (codec === undefined) return 'too short for a CID'
  if (!KEY_CODECS.includes(codec)) {
    return `a CID of codec ${named(CODECS, codec)}; a key's is raw or dag-cbor`
  }
  const hash = reader.next()
  if (hash === undefined) return 'too short for a CID'
  if (hash !== BLAKE3) return `a CID of hash ${named(HASHES, hash)}; a key's is blake3`
  const length = reader.next()
  if (length === undefined) return 'too short for a CID'
  if (length !== DIGEST_BYTES) return `a digest of ${length} bytes; a key's is ${DIGEST_BYTES}`
  if (reader.rest < length) return `a digest cut short, to ${reader.rest} bytes`
  if (reader.rest > length) return `${reader.rest - length} bytes after the digest`
  return 'a CID whose numbers are not written in their shortest form'
}

/** Unsigned LEB128 as in multiformats, of at most four bytes: no code that we name is longer. */
class VarintReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get rest(): number {
    return this.#bytes.byteLength - this.#at
  }

  next(): number | undefined {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return undefined
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return undefined
  }
}
