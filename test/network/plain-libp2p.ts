import '../../src/network/polyfill.ts'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Libp2p } from 'libp2p'

export const PROTOCOL: string = '/dstore/traps/1'
export const MIB: number = 1 << 20

export type YamuxInit = NonNullable<Parameters<typeof yamux>[0]>

export const open: Libp2p[] = []

/** At the end of each test. */
export async function stopAll(): Promise<void> {
  await Promise.all(open.splice(0).map(async (node) => node.stop()))
}

export async function plain(
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
export async function streams(
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

export const turns = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

/** The value once it no longer changes. */
export async function settled(value: () => number): Promise<number> {
  const first = value()
  for (let i = 0; i < 200 && value() === first; i++) await turns(5)
  for (let before = value(); ; before = value()) {
    await turns(300)
    if (value() === before) return before
  }
}

export function next(stream: Stream, event: 'drain' | 'close'): Promise<Event> {
  return new Promise((resolve) => stream.addEventListener(event, resolve, { once: true }))
}
