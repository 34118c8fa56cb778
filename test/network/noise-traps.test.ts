/** What the Noise package does that src/network/noise.ts relies on. */
import { eventually } from '../eventually.ts'
import '../../src/network/polyfill.ts'
import { noise, type ICryptoInterface } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { test } from '../serial.ts'
import { stopAll, streams } from './plain-libp2p.ts'

test.afterEach.always(stopAll)

test('Noise gives as memory for a large message a copy of it, or the message itself, without its tag', async (t) => {
  let seen = 0
  const crypto: ICryptoInterface = {
    ...defaultCrypto,
    chaCha20Poly1305Decrypt: (sealed, nonce, ad, key, into) => {
      if (sealed.byteLength > 1200) {
        const text = sealed.subarray(0, sealed.byteLength - 16)
        if (into !== undefined && Buffer.from(text).equals(into)) seen++
        else seen = -Infinity
      }
      return defaultCrypto.chaCha20Poly1305Decrypt(sealed, nonce, ad, key, into)
    },
  }
  const { here, there } = await streams({}, noise({ crypto }))
  let bytes = 0
  here.addEventListener('message', ({ data }) => (bytes += data.byteLength))
  there.send(new Uint8Array(200_000).fill(7))
  await eventually(() => bytes === 200_000)
  t.true(seen >= 4, `${seen}`)
})

test('Noise gives the transport three pieces or more for every message', async (t) => {
  const lists: number[] = []
  const { here, there } = await streams({}, (components) => {
    const inner = noise()(components)
    return {
      protocol: inner.protocol,
      secureInbound: (connection, options) => inner.secureInbound(connection, options),
      secureOutbound: (connection, options) => {
        const send = connection.send.bind(connection)
        connection.send = (data) => {
          lists.push(data instanceof Uint8Array ? 1 : [...data].length)
          return send(data)
        }
        return inner.secureOutbound(connection, options)
      },
    }
  })
  let bytes = 0
  there.addEventListener('message', ({ data }) => (bytes += data.byteLength))
  // Within the first window: two messages and a part of a third.
  here.send(new Uint8Array(150_000))
  await eventually(() => bytes === 150_000)
  t.true(Math.max(...lists) >= 9, lists.join(', '))
})
