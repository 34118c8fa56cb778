/**
 * What libp2p's packages do otherwise than their documentation, or than one would think. Each test fails on the day an
 * upgrade mends or breaks one: then src/node/ can be made simpler, or must be looked at.
 */
import { performance } from 'node:perf_hooks'
import '../../src/network/polyfill.ts'
import { noise, type ICryptoInterface } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, MessageStream, Stream, StreamCloseEvent } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import test from 'ava'
import { createLibp2p } from 'libp2p'
import type { Libp2p } from 'libp2p'
import { createNetwork } from '../../src/network/libp2p-network.ts'

const PROTOCOL = '/dstore/traps/1'
const MIB = 1 << 20

type YamuxInit = NonNullable<Parameters<typeof yamux>[0]>

const open: Libp2p[] = []

test.afterEach.always(async () => {
  await Promise.all(open.splice(0).map(async (node) => node.stop()))
})

async function plain(
  listen: boolean,
  muxer: YamuxInit = {},
  encrypter: ReturnType<typeof noise> = noise(),
): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: listen ? ['/ip4/127.0.0.1/tcp/0'] : [] },
    transports: [tcp()],
    connectionEncrypters: [encrypter],
    streamMuxers: [yamux(muxer)],
  })
  open.push(node)
  return node
}

/** A stream between two plain nodes: where it was opened, where it was accepted. */
async function streams(
  muxer: YamuxInit = {},
  encrypter?: ReturnType<typeof noise>,
): Promise<{ here: Stream; there: Stream; connection: Connection; server: Libp2p }> {
  const server = await plain(true, muxer)
  const client = await plain(false, muxer, encrypter)
  const accepted = new Promise<Stream>((resolve) => {
    void server.handle(PROTOCOL, (stream) => resolve(stream))
  })
  const connection = await client.dial(server.getMultiaddrs())
  const here = await connection.newStream(PROTOCOL)
  return { here, there: await accepted, connection, server }
}

const turns = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Wait until it is so. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition();) {
    if (Date.now() > end) throw new Error('it never came')
    await turns(5)
  }
}

/** The value once it has begun to change, or has not for long, and then stays as it is. */
async function settled(value: () => number): Promise<number> {
  const first = value()
  for (let i = 0; i < 200 && value() === first; i++) await turns(5)
  for (let before = value(); ; before = value()) {
    await turns(300)
    if (value() === before) return before
  }
}

function next(stream: Stream, event: 'drain' | 'close'): Promise<Event> {
  return new Promise((resolve) => stream.addEventListener(event, resolve, { once: true }))
}

test.serial('onDrain waits once per stream, and never again', async (t) => {
  const { here, there } = await streams()
  there.pause()
  let received = 0
  there.addEventListener('message', ({ data }) => (received += data.byteLength))
  const fill = (): number => {
    let bytes = 0
    while (here.send(new Uint8Array(65_536))) bytes += 65_536
    return bytes
  }
  fill()
  const first = here.onDrain()
  there.resume()
  await first
  there.pause()
  fill()
  t.true(here.writableNeedsDrain)
  const winner = await Promise.race([
    here.onDrain().then(() => 'onDrain'),
    turns(100).then(() => 'still waiting'),
  ])
  t.is(winner, 'onDrain', 'it was mended: Libp2pChannel may use it')
  t.true(here.writableNeedsDrain)
})

test.serial('a drain event comes while most of a large write still waits', async (t) => {
  const { here, there } = await streams()
  there.addEventListener('message', () => {})
  t.false(here.send(new Uint8Array(8 * MIB)))
  await next(here, 'drain')
  t.true(here.writeBufferLength > MIB, `${here.writeBufferLength} bytes left`)
})

test.serial('for await over a stream has no back-pressure', async (t) => {
  const { here, there } = await streams()
  let pieces = 0
  const reading = (async () => {
    for await (const _ of there) {
      pieces++
      await new Promise(() => {})
    }
  })()
  void reading
  const total = 32 * MIB
  for (let sent = 0; sent < total; sent += MIB) {
    if (here.send(new Uint8Array(MIB))) continue
    while (here.writeBufferLength > 0) await turns(1)
  }
  t.is(pieces, 1)
  t.is(here.writeBufferLength, 0, 'everything was taken from a reader that took one piece')
})

test.serial(
  'a pause resets the stream when its window has grown beyond its read buffer',
  async (t) => {
    // Windows grow by themselves, by default to 16 MiB; the read buffer stays at 4 MiB.
    const grown = { initialStreamWindowSize: 16 * MIB, maxStreamWindowSize: 16 * MIB }
    const { here, there } = await streams({ streamOptions: grown })
    t.is(there.maxReadBufferLength, 4 * MIB)
    const closed = next(there, 'close') as Promise<StreamCloseEvent>
    there.pause()
    here.send(new Uint8Array(8 * MIB))
    const event = await Promise.race([closed, turns(5000)])
    t.is(event instanceof Event ? event.error?.name : 'nothing happened', 'StreamBufferError')
  },
)

test.serial('window options at the top level of yamux are ignored', async (t) => {
  const wide = { initialStreamWindowSize: 4 * MIB, maxStreamWindowSize: 4 * MIB }
  const unread = async (muxer: YamuxInit): Promise<number> => {
    const { here, there } = await streams(muxer)
    there.pause()
    here.send(new Uint8Array(8 * MIB))
    return settled(() => there.readBufferLength)
  }
  t.is(await unread({ ...wide } as YamuxInit), 256 * 1024)
  t.is(await unread({ streamOptions: { ...wide, maxReadBufferLength: 8 * MIB } }), 4 * MIB)
})

test.serial('a stream over the limit of the peer is handed out as if it were open', async (t) => {
  const server = await plain(true)
  const client = await plain(false)
  await server.handle(PROTOCOL, () => {}, { maxInboundStreams: 2 })
  const connection = await client.dial(server.getMultiaddrs())
  const opened = await Promise.allSettled(
    Array.from({ length: 6 }, () => connection.newStream(PROTOCOL)),
  )
  t.true(opened.every(({ status }) => status === 'fulfilled'))
  const open = (): unknown[] =>
    opened.filter((one) => one.status === 'fulfilled' && one.value.status === 'open')
  await until(() => open().length === 2)
  await settled(() => open().length)
  t.is(open().length, 2)
})

test.serial('a lost connection looks like the end of the stream', async (t) => {
  const { here, there, server } = await streams()
  const seen: string[] = []
  for (const name of ['end', 'remoteCloseWrite'] as const) {
    here.addEventListener(name, () => seen.push(name))
  }
  here.addEventListener('message', () => {})
  here.addEventListener('close', (event) =>
    seen.push(event.error === undefined ? 'close' : 'error'),
  )
  const arrived = new Promise((resolve) =>
    here.addEventListener('message', resolve, { once: true }),
  )
  there.send(new Uint8Array(10))
  await arrived
  await server.stop()
  await until(() => seen.includes('close') || seen.includes('error'))
  t.deepEqual(seen, ['end', 'close'], 'only remoteCloseWrite tells an end from a loss')
})

test.serial('the end is told before bytes that negotiation left over', async (t) => {
  const server = await plain(true)
  const client = await plain(false)
  await server.handle(PROTOCOL, async (stream) => {
    stream.send(new Uint8Array(51))
    await stream.close()
  })
  const connection = await client.dial(server.getMultiaddrs())
  const seen: string[] = []
  for (let i = 0; i < 20; i++) {
    const stream = await connection.newStream(PROTOCOL)
    const { readBufferLength, readableEnded } = stream
    if (readBufferLength > 0) seen.push(readableEnded ? 'ended, with bytes' : 'open')
    stream.abort(new Error('done'))
  }
  t.true(seen.includes('ended, with bytes'), seen.join())
})

test.serial(
  'to pause inside a message that resume gives out does not hold the peer back',
  async (t) => {
    const options = { maxStreamWindowSize: 256 * 1024, maxReadBufferLength: 64 * MIB }
    const { here, there } = await streams({ streamOptions: options })
    there.addEventListener('message', () => there.pause())
    there.pause()
    here.send(new Uint8Array(8 * MIB))
    await turns(200)
    t.is(there.readBufferLength, 256 * 1024)
    there.resume()
    await turns(300)
    t.is(there.readStatus, 'paused')
    t.true(
      there.readBufferLength > MIB,
      `${there.readBufferLength} bytes, with a window of 256 KiB`,
    )
  },
)

test.serial('connections have noDelay without being asked', async (t) => {
  const { here, there } = await streams()
  there.addEventListener('message', ({ data }) => there.send(data))
  const waits: number[] = []
  for (let i = 0; i < 30; i++) {
    const began = performance.now()
    const answered = new Promise((resolve) =>
      here.addEventListener('message', resolve, { once: true }),
    )
    here.send(new Uint8Array(100))
    await answered
    waits.push(performance.now() - began)
  }
  waits.sort((a, b) => a - b)
  t.true(waits[10]! < 35, `${waits[10]!} ms a round trip: with Nagle it is 40`)
})

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

test.serial(
  'Noise gives as memory for a large message a copy of it, or the message itself, without its tag',
  async (t) => {
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
    await until(() => bytes === 200_000)
    t.true(seen >= 4, `${seen}`)
  },
)

test.serial('Noise gives the transport three pieces or more for every message', async (t) => {
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
  await until(() => bytes === 150_000)
  t.true(Math.max(...lists) >= 9, lists.join(', '))
})
