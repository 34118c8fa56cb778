/** Peer ids of Ed25519 keys, in the canonical spelling that libp2p prints. */
import { base58btc } from 'multiformats/bases/base58'
import { concat, equal } from '../bytes.ts'
import { PUBLIC_KEY_BYTES } from '../limits.ts'

/** An identity multihash of 36 bytes: a protobuf of key type Ed25519 and 32 bytes of key. */
const PREFIX: Uint8Array = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

export function peerIdOfKey(publicKey: Uint8Array): string {
  if (publicKey.byteLength !== PUBLIC_KEY_BYTES) {
    throw new RangeError(`publicKey must be ${PUBLIC_KEY_BYTES} bytes`)
  }
  return base58btc.encode(concat([PREFIX, publicKey])).slice(1)
}

/** The public key in a peer id; undefined for any other text or spelling. */
export function keyOfPeerId(text: string): Uint8Array | undefined {
  // Every id of an Ed25519 key has this form. Base58 takes quadratic time, so check the length
  // first.
  if (!/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(text)) return undefined
  const bytes = base58btc.decode(`z${text}`)
  if (!equal(bytes.subarray(0, PREFIX.byteLength), PREFIX)) return undefined
  return bytes.slice(PREFIX.byteLength)
}
