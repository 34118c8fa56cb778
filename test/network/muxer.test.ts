/** The guard before Yamux. */
import '../../src/network/polyfill.ts'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, MessageStream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import test from 'ava'
import { createLibp2p } from 'libp2p'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { MIB, open, plain, stopAll, until } from './plain-libp2p.ts'

test.afterEach.always(stopAll)

test.serial('yamux collects a frame that no window allows; our guard does not', async (t) => {
  const naked = await plain(true)
  const believed = await announceFrame(naked.getMultiaddrs()[0]!.toString())
  await until(() => believed.sent())
  t.is(believed.connection.status, 'open', 'the package waits for the whole frame')
  const guarded = await createNetwork({
    identity: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  try {
    const dropped = await announceFrame(guarded.addresses()[0]!)
    await until(() => dropped.connection.status !== 'open')
    t.deepEqual(guarded.connections(), [])
  } finally {
    await guarded.close()
  }
})

/** Dial as a peer whose muxer announces a data frame of 1 GiB, and sends 32 MiB of it. */
async function announceFrame(
  address: string,
): Promise<{ connection: Connection; sent: () => boolean }> {
  let begun: MessageStream | undefined
  const evil = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => ({
        protocol: '/yamux/1.0.0',
        createStreamMuxer: (connection) => {
          setTimeout(() => {
            sendBigFrame(connection)
            begun = connection
          }, 50)
          return yamux()().createStreamMuxer(connection)
        },
      }),
    ],
  })
  open.push(evil)
  const connection = await evil.dial(multiaddr(address))
  return { connection, sent: () => begun?.writeBufferLength === 0 }
}

function sendBigFrame(connection: MessageStream): void {
  const header = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0x40, 0, 0, 0)
  connection.send(header)
  for (let i = 0; i < 32 && connection.status === 'open'; i++) connection.send(new Uint8Array(MIB))
}
