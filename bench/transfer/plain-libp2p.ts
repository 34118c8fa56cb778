/**
 * A stream of libp2p's unchanged packages (TCP, Noise and Yamux): a value in pieces of 1 MiB. The
 * writer waits for `drain`, the reader counts. Of dstore it uses only the polyfill for Node 20.
 */
import '../../src/network/polyfill.ts'
import { once } from 'node:events'
import { noise } from '@chainsafe/libp2p-noise'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'

const PROTOCOL = '/dstore/bench-plain/1'
const MIB = 1 << 20

const open = (listen: string[]): Promise<Libp2p> =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })

async function send(stream: Stream, value: Uint8Array): Promise<void> {
  for (let at = 0; at < value.byteLength; at += MIB) {
    if (!stream.send(value.subarray(at, at + MIB))) await once(stream, 'drain')
  }
  await stream.close()
}

/** Serves this value to any peer. Returns the address. */
export async function givePlainly(value: Uint8Array): Promise<string> {
  const node = await open(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(PROTOCOL, (stream) => void send(stream, value))
  return node.getMultiaddrs()[0]!.toString()
}

let connection: Connection | undefined

/** Reads the value served there over a kept connection. Returns the number of bytes. */
export async function takePlainly(address: string): Promise<number> {
  connection ??= await (await open([])).dial(multiaddr(address))
  const stream = await connection.newStream(PROTOCOL)
  let bytes = 0
  stream.addEventListener('message', ({ data }) => (bytes += data.byteLength))
  await once(stream, 'remoteCloseWrite')
  await stream.close()
  return bytes
}
