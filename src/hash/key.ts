/** The key of a value: CIDv1, codec raw, multihash BLAKE3 of 32 bytes (specs/001-key.md). */
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'

const RAW_CODEC = 0x55
const BLAKE3_MULTIHASH = 0x1e

export class Key {
  /** BLAKE3 of the value, 32 bytes. Not to be changed. */
  readonly digest: Uint8Array
  #text: string | undefined

  constructor(bytes: Uint8Array) {
    if (bytes.byteLength !== 32) throw new RangeError('digest must be 32 bytes')
    this.digest = bytes
  }

  /** The CID in base32 lower case. */
  toString(): string {
    this.#text ??= CID.createV1(RAW_CODEC, digest.create(BLAKE3_MULTIHASH, this.digest)).toString()
    return this.#text
  }
}
