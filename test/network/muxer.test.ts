/** The guard before Yamux. */
import '../../src/network/polyfill.ts'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { StreamMessageEvent } from '@libp2p/interface'
import type { Connection, MessageStream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { test } from '../serial.ts'
import { createLibp2p } from 'libp2p'
import { Uint8ArrayList } from 'uint8arraylist'
import { concat } from '../../src/bytes.ts'
import { PROBE_EVERY_MS } from '../../src/limits.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { FrameLengths, guard } from '../../src/network/muxer.ts'
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

/** The header of a Yamux frame. */
function header(type: number, length: number): Uint8Array {
  const bytes = Uint8Array.of(0, type, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
  new DataView(bytes.buffer).setUint32(8, length)
  return bytes
}

test('the longest body announced in a piece counts, wherever its header is', (t) => {
  const data = (length: number): Uint8Array => concat([header(0, length), new Uint8Array(length)])
  const lengths = new FrameLengths()
  t.is(lengths.take(concat([data(5), header(1, 2 ** 31), data(300), data(7)])), 300)
  t.is(lengths.take(header(0, 20).subarray(0, 11)), 0)
  t.is(lengths.take(concat([header(0, 20).subarray(11), new Uint8Array(19)])), 20)
  t.is(lengths.take(concat([Uint8Array.of(9), header(2, 77), header(0, 1 << 30)])), 1 << 30)
})

test('a frame is found at any cut of a stream', (t) => {
  const wire = concat([header(0, 40), new Uint8Array(40), header(1, 999), header(0, 41)])
  for (let cut = 0; cut <= wire.byteLength; cut++) {
    const lengths = new FrameLengths()
    const seen = [lengths.take(wire.subarray(0, cut)), lengths.take(wire.subarray(cut))]
    t.is(Math.max(...seen), 41)
  }
})

test('the guard looks at every piece of a message, and hides one that it refuses', (t) => {
  const events = new EventTarget()
  const aborted: Error[] = []
  guard(Object.assign(events, { abort: (reason: Error) => aborted.push(reason) }) as never)
  let passed = 0
  events.addEventListener('message', () => passed++)
  const window = 2 * MIB
  events.dispatchEvent(new StreamMessageEvent(concat([header(0, window), new Uint8Array(window)])))
  t.deepEqual([passed, aborted.length], [1, 0])
  const list = new Uint8ArrayList(header(1, 2 ** 31), header(0, window + 1))
  events.dispatchEvent(new StreamMessageEvent(list))
  t.is(passed, 1)
  t.like(aborted, [{ code: 'protocol' }])
})
