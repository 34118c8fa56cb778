/** What a connection is encrypted with: the package's own cipher, reached in another way. */
import { randomBytes } from 'node:crypto'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import test from 'ava'
import { Uint8ArrayList } from 'uint8arraylist'
import { fastCrypto } from '../../src/network/noise.ts'

const TAG_BYTES = 16
const SIZES = [0, 1, 1183, 1184, 1199, 1200, 1216, 65_519]

const [key, nonce, ad] = [randomBytes(32), randomBytes(12), randomBytes(5)]

/** Bytes as the package takes them: its list is of an earlier version, and the same to use. */
type Bytes = Parameters<typeof fastCrypto.chaCha20Poly1305Decrypt>[0]

const flat = (bytes: { subarray(): Uint8Array }): Buffer => Buffer.from(bytes.subarray())

/** As the package asks: with a copy of the message, or the message itself, as memory for the result. */
function opened(crypto: typeof fastCrypto, sealed: Uint8Array, parts: number): Buffer {
  const at = Math.floor(sealed.byteLength / parts)
  const list = new Uint8ArrayList(sealed.subarray(0, at), sealed.subarray(at))
  const into = list.subarray(0, sealed.byteLength - TAG_BYTES)
  return flat(crypto.chaCha20Poly1305Decrypt(list as unknown as Bytes, nonce, ad, key, into))
}

for (const size of SIZES) {
  test(`${size} bytes pass to the package's own cipher, and back`, (t) => {
    const plain = randomBytes(size)
    const ours = flat(fastCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key))
    const theirs = flat(defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key))
    t.true(ours.equals(theirs))
    for (const parts of [1, 2, 3]) {
      t.true(opened(fastCrypto, Buffer.from(ours), parts).equals(plain))
      t.true(opened(defaultCrypto, Buffer.from(ours), parts).equals(plain))
    }
  })

  test(`${size} bytes that were changed anywhere are refused`, (t) => {
    const sealed = flat(fastCrypto.chaCha20Poly1305Encrypt(randomBytes(size), nonce, ad, key))
    for (const at of [0, Math.floor(size / 2), size, size + TAG_BYTES - 1]) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 1
      t.throws(() => opened(fastCrypto, changed, 2), undefined, `byte ${at}`)
    }
    t.throws(() => fastCrypto.chaCha20Poly1305Decrypt(sealed, nonce, randomBytes(5), key))
  })
}
