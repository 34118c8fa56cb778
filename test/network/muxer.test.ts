/** The guard before Yamux. */
import '../../src/network/polyfill.ts'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, MessageStream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { test } from '../serial.ts'
import { createLibp2p } from 'libp2p'
import { concat } from '../../src/bytes.ts'
import { PROBE_EVERY_MS, STREAM_UNASKED_BYTES } from '../../src/limits.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { writeHeader } from '../../src/network/yamux-frames.ts'
import { eventually } from '../eventually.ts'
import { MIB, open, plain, stopAll } from './plain-libp2p.ts'

test.afterEach.always(stopAll)

test('yamux collects a frame that no window allows; our guard does not', async (t) => {
  const naked = await plain(true)
  const believed = await announceFrame(naked.getMultiaddrs()[0]!.toString())
  await eventually(() => believed.sent())
  t.is(believed.connection.status, 'open', 'the package waits for the whole frame')
  const guarded = await createNetwork({
    identity: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  try {
    const began = performance.now()
    const dropped = await announceFrame(guarded.addresses()[0]!)
    await eventually(() => dropped.connection.status !== 'open')
    t.deepEqual(guarded.connections(), [])
    t.true(performance.now() - began < PROBE_EVERY_MS, 'by the guard, not by a probe')
  } finally {
    await guarded.close()
  }
})

test('R003-125 a peer that sends more than its window is cut off', async (t) => {
  const guarded = await createNetwork({
    identity: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  // Its streams are not read.
  await guarded.handle('/dstore/muxer/1', () => {})
  const line = (text: string): Uint8Array =>
    concat([Uint8Array.of(text.length + 1), Buffer.from(`${text}\n`)])
  const negotiation = concat([line('/multistream/1.0.0'), line('/dstore/muxer/1')])
  const frame = (flags: number, body: Uint8Array): Uint8Array =>
    concat([writeHeader({ type: 0, flags, stream: 101, length: body.byteLength }), body])
  const rest = new Uint8Array(STREAM_UNASKED_BYTES - negotiation.byteLength)
  try {
    for (const [extra, isCut] of [
      [0, false],
      [1, true],
    ] as const) {
      const { connection, sent } = await hostile(guarded.addresses()[0]!, (below) => {
        below.send(frame(1, negotiation))
        below.send(frame(0, rest))
        if (extra > 0) below.send(frame(0, new Uint8Array(extra)))
      })
      await eventually(() => sent())
      if (isCut) await eventually(() => connection.status !== 'open')
      else t.is(connection.status, 'open')
    }
  } finally {
    await guarded.close()
  }
})

/** Dial as a peer whose muxer announces a data frame of 1 GiB, and sends 32 MiB of it. */
const announceFrame = (address: string): ReturnType<typeof hostile> =>
  hostile(address, sendBigFrame)

/** Dial as a peer that sends something of its own below its muxer. */
async function hostile(
  address: string,
  send: (connection: MessageStream) => void,
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
            send(connection)
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
