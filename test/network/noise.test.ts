/**
 * Our Noise: the cipher agrees with the package's own, and pieces are joined before they are sent.
 */
import { randomBytes } from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { test } from '../serial.ts'
import { Uint8ArrayList } from 'uint8arraylist'
import { newIdentity } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { fastCrypto, joined } from '../../src/network/noise.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { pattern, readAll, same } from '../wire/conformance.ts'

const TAG_BYTES = 16
const SIZES = [0, 1, 1183, 1184, 1199, 1200, 1216, 65_519]

const [key, nonce, ad] = [randomBytes(32), randomBytes(12), randomBytes(5)]

/** Bytes as the package takes them: its list is of an earlier version, and the same to use. */
type Bytes = Parameters<typeof fastCrypto.chaCha20Poly1305Decrypt>[0]

const flat = (bytes: { subarray(): Uint8Array }): Buffer => Buffer.from(bytes.subarray())

/**
 * As the package asks: with a copy of the message, or the message itself, as memory for the result.
 */
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

const MIB = 1 << 20
const PROTOCOL = '/dstore/joined/1'

/** A list of pieces of these lengths. */
const list = (lengths: readonly number[]): Uint8ArrayList =>
  new Uint8ArrayList(...lengths.map((length, i) => pattern(length, i)))

const JOINED: readonly (readonly number[])[] = [
  [],
  [2, 16],
  [2, 4078, 16],
  [2, 65503, 16, 2, 1, 16],
]
const LEFT: readonly (readonly number[])[] = [
  [2, 4079, 16],
  // A frame whose header was encrypted for itself: one message all the same.
  [2, 12, 30_000, 16],
  [2, 65503, 16],
]

for (const lengths of [...JOINED, ...LEFT]) {
  const isJoined = JOINED.includes(lengths)
  test(`pieces of ${lengths.join(', ') || 'nothing'} are ${isJoined ? 'joined' : 'left'}`, (t) => {
    const data = list(lengths)
    const result = joined(data)
    t.is(result instanceof Uint8Array, isJoined)
    same(t, result.subarray(), data.subarray())
  })
}

test('what comes in one piece is not copied', (t) => {
  const bytes = pattern(MIB, 1)
  t.is(joined(bytes), bytes)
})

test('a piece of 1 MiB goes to the system in a few calls', async (t) => {
  const writes: number[] = []
  const watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    // Not before: to connect takes back what was put in its place.
    socket.once('connect', () => {
      const write: (bytes: Uint8Array) => boolean = socket.write.bind(socket)
      socket.write = (bytes: Uint8Array | string): boolean => {
        writes.push(bytes.length)
        return write(bytes as Uint8Array)
      }
    })
  }
  diagnostics.subscribe('net.client.socket', watch)
  const identities = [await newIdentity(), await newIdentity()] as const
  const server = await createNetwork({ identity: identities[0], listen: ['/ip4/127.0.0.1/tcp/0'] })
  const client = await createNetwork({ identity: identities[1] })
  t.teardown(() => {
    diagnostics.unsubscribe('net.client.socket', watch)
    return Promise.all([server.close(), client.close()])
  })
  const accepted = new Promise<Channel>((resolve) => void server.handle(PROTOCOL, resolve))
  const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
  const bytes = pattern(4 * MIB, 2)
  writes.length = 0
  const reading = accepted.then((theirs) => readAll(theirs))
  for (let at = 0; at < bytes.byteLength; at += MIB)
    await channel.write(bytes.subarray(at, at + MIB))
  await channel.end()
  same(t, await reading, bytes)
  const large = writes.filter((length) => length > 4096)
  t.log(`${writes.length} writes, ${large.length} of more than 4 KiB`)
  // A window may have room for only a part of a piece.
  t.true(large.length >= 4 && large.length <= 16, large.join(', '))
  t.true(writes.length <= 64, `${writes.length} writes`)
})
