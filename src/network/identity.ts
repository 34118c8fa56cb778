/**
 * A node's identity: an Ed25519 key pair. The public key is the peer id; the private key is secret.
 */
import './polyfill.ts'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'

export type Identity = Ed25519PrivateKey

export function newIdentity(): Promise<Identity> {
  return generateKeyPair('Ed25519')
}

export function peerIdOf(identity: Identity): string {
  return peerIdFromPrivateKey(identity).toString()
}

/** The private key in libp2p's protobuf encoding; secret. */
export function encodeIdentity(identity: Identity): Uint8Array {
  return privateKeyToProtobuf(identity)
}

/** Error: `unreadable`, unless the bytes encode an intact Ed25519 key pair. */
export async function decodeIdentity(bytes: Uint8Array): Promise<Identity> {
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type !== 'Ed25519' || !equal(privateKeyToProtobuf(key), bytes)) {
      throw new Error('not an Ed25519 private key')
    }
    const probe = new TextEncoder().encode('dstore')
    if (!(await key.publicKey.verify(probe, await key.sign(probe)))) {
      throw new Error('its public and private keys do not match')
    }
    return key
  } catch (cause) {
    throw new DstoreError('unreadable', 'the private key is damaged', { cause })
  }
}
