/**
 * Noise as libp2p's package does it, sent in fewer writes, and with two changes for messages that are not small. The
 * cipher key is handed to OpenSSL as a key object that is made once, not as bytes that are imported anew for every
 * message: on Node 24 that is worth a fifth of the speed. And what is decrypted is the copy in one piece that the package
 * makes of a message as memory for the result, not the pieces in which it came off the socket.
 */
import './polyfill.ts'
import { createDecipheriv, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import type { ICryptoInterface } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter } from '@libp2p/interface'
import { overJoined } from './joined-sends.ts'

/** Below this the package takes a cipher in WebAssembly, which wants bytes. */
const OPENSSL_FROM_BYTES = 1200

/** A cipher state keeps one array as its key for as long as it lives, and never writes into it. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>()

function keyObjectOf(key: Uint8Array): KeyObject {
  let object = keyObjects.get(key)
  if (object === undefined) {
    object = createSecretKey(key)
    keyObjects.set(key, object)
  }
  return object
}

const TAG_BYTES = 16

/** `text` is the message without its tag. Throws where it is not what the peer sealed. */
function open(
  text: Uint8Array,
  tag: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  key: KeyObject,
): Uint8Array {
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(ad, { plaintextLength: text.byteLength })
  decipher.setAuthTag(tag)
  const plain = decipher.update(text)
  // A stream cipher has given everything by now: this is the check of the tag.
  decipher.final()
  return plain
}

export const fastCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt: (plaintext, nonce, ad, key) =>
    defaultCrypto.chaCha20Poly1305Encrypt(
      plaintext,
      nonce,
      ad,
      // What the package does with it is to hand it to createCipheriv, which takes either.
      plaintext.byteLength < OPENSSL_FROM_BYTES ? key : (keyObjectOf(key) as unknown as Uint8Array),
    ),
  chaCha20Poly1305Decrypt: (sealed, nonce, ad, key, into) => {
    const length = sealed.byteLength - TAG_BYTES
    if (sealed.byteLength < OPENSSL_FROM_BYTES || into?.byteLength !== length) {
      return defaultCrypto.chaCha20Poly1305Decrypt(sealed, nonce, ad, key, into)
    }
    return open(into, sealed.subarray(length), nonce, ad, keyObjectOf(key))
  },
}

const packaged: ReturnType<typeof noise> = noise({ crypto: fastCrypto })

/** For libp2p: makes the encrypter of a node. */
export const encrypter = (components: Parameters<typeof packaged>[0]): ConnectionEncrypter =>
  overJoined(packaged(components))
