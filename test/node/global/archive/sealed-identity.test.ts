import { toHex } from '../../../../src/bytes.ts'
import {
  IDENTITY_BYTES,
  openSealed,
  peerInSealed,
  sealIdentity,
} from '../../../../src/node/global/archive/sealed-identity.ts'
import { test } from '../../../serial.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const key = Uint8Array.from({ length: 32 }, (_, i) => i)
const set = bytes('{"version":1,"set":"00112233445566778899aabbccddeeff"}')
const nonce = Uint8Array.from({ length: 12 }, (_, i) => 0xa0 + i)
const peer = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const secret = bytes('the private key of a node')

/** Of the format, so that no release writes what another cannot open. */
const VECTOR =
  '647369640134313244334b6f6f57506a63655172537764575850794c4c65414252586d75717436395267337342596255314e6674394879513658a0a1a2a3a4a5a6a7a8a9aaab9270190d35b96bc90311e2f36c1fb9fe1fca7971b2d92d08f953e181036c4679f9059e3acb2bd1540c'

test('R011-87 a sealed identity is this vector, and opens with its key and its set', (t) => {
  const sealed = sealIdentity(secret, peer, { set, key }, nonce)
  t.is(toHex(sealed), VECTOR)
  t.is(peerInSealed(sealed), peer)
  t.deepEqual(new Uint8Array(openSealed(sealed, { set, key })), new Uint8Array(secret))
})

test('R011-87 a sealed identity does not open with another key, of another set, or changed', (t) => {
  const sealed = sealIdentity(secret, peer, { set, key }, nonce)
  const other = key.map((byte, i) => (i === 31 ? byte ^ 1 : byte))
  t.throws(() => openSealed(sealed, { set, key: other }), { code: 'unreadable' })
  const renamed = bytes('{"version":1,"set":"10112233445566778899aabbccddeeff"}')
  t.throws(() => openSealed(sealed, { set: renamed, key }), { code: 'unreadable' })
  // Each bit: the head is authenticated as well as what is encrypted.
  for (let at = 0; at < sealed.byteLength; at++) {
    for (const bit of [0x01, 0x80]) {
      const changed = sealed.map((byte, i) => (i === at ? byte ^ bit : byte))
      t.throws(() => openSealed(changed, { set, key }), undefined, `byte ${at}`)
    }
  }
  for (const length of [0, 3, 4, 5, 6, 20, sealed.byteLength - 17, sealed.byteLength - 1]) {
    t.throws(() => openSealed(sealed.subarray(0, length), { set, key }), undefined, `${length}`)
  }
  const longer = new Uint8Array(sealed.byteLength + 1)
  longer.set(sealed)
  t.throws(() => openSealed(longer, { set, key }), { code: 'unreadable' })
  t.throws(() => peerInSealed(new Uint8Array(IDENTITY_BYTES + 1)), { code: 'integrity' })
})

test('R011-87 a later version, and a peer id that is none, are named as such', (t) => {
  const sealed = sealIdentity(secret, peer, { set, key }, nonce)
  const later = sealed.map((byte, i) => (i === 4 ? 2 : byte))
  t.throws(() => peerInSealed(later), { code: 'incompatible' })
  for (const name of ['', 'a/b', 'x'.repeat(129), 'a b', '\u00e9']) {
    const bad = sealIdentity(secret, name, { set, key }, nonce)
    t.throws(() => peerInSealed(bad), { code: 'integrity' }, name)
    t.throws(() => openSealed(bad, { set, key }), { code: 'integrity' }, name)
  }
})
