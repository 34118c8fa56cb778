/** A peer without dstore: libp2p over TCP, Noise and Yamux. The test decides what it sends. */
import '../../src/network/polyfill.ts'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Libp2p } from 'libp2p'
import { INDEX, failureText, hello, heardIndex, heardTransfer, index } from './messages.ts'
import type { Scope } from './arena.ts'
import type { Heard, IndexKind, TransferKind } from './messages.ts'
import { bytesAt, numberAt, readVarint, decode } from './protobuf.ts'

export class Peer {
  readonly #libp2p: Libp2p
  #session: Line | undefined

  private constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p
  }

  /** A peer with a fresh identity, which is gone at the end of the test. */
  static async create(
    t: Scope,
    { listen = false }: { readonly listen?: boolean } = {},
  ): Promise<Peer> {
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      addresses: { listen: listen ? ['/ip4/127.0.0.1/tcp/0'] : [] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux({ maxOutboundStreams: 5000, maxInboundStreams: 5000 })],
      connectionManager: { inboundConnectionThreshold: 1000 },
    })
    t.teardown(() => libp2p.stop())
    return new Peer(libp2p)
  }

  get id(): string {
    return this.#libp2p.peerId.toString()
  }

  /** Its session at Global, once it has joined. */
  get session(): Line {
    if (this.#session === undefined) throw new Error('it has not joined')
    return this.#session
  }

  /** Where it listens, with its peer id. */
  get address(): string {
    return this.#libp2p.getMultiaddrs()[0]!.toString()
  }

  dial(address: string): Promise<Connection> {
    return this.#libp2p.dial(multiaddr(address))
  }

  /** A new stream on the connection to this address, which is dialed if there is none. */
  async open(address: string, protocol: string): Promise<Line> {
    const connection = await this.dial(address)
    return new Line(await connection.newStream(protocol, { maxOutboundStreams: 5000 }))
  }

  async handle(protocol: string, take: (line: Line) => Promise<void>): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      (stream) => void take(new Line(stream)).catch(() => undefined),
      { maxInboundStreams: 5000 },
    )
  }

  /** A session at Global, welcomed, that goes on until the test is over. */
  async join(t: Scope, address: string): Promise<void> {
    const line = await this.open(address, INDEX)
    await line.send(hello())
    const welcome = await line.index()
    if (welcome?.kind !== 'welcome') throw new Error(welcome && failureText(welcome))
    await line.send(index('ack', 0, [[1, numberAt(decode(bytesAt(welcome.fields, 2)), 2)]]))
    const pings = setInterval(() => void line.send(index('ping', 0)).catch(() => undefined), 500)
    t.teardown(() => clearInterval(pings))
    this.#session = line
  }
}

/** One stream, used without regard to any protocol. */
export class Line {
  readonly stream: Stream
  /** Resolves when it is over, however it ended. */
  readonly closed: Promise<void>
  /** Bytes that have come, read or not. */
  received: number = 0
  #unread: Uint8Array = new Uint8Array(0)
  #ended = false
  #wake: () => void = () => undefined

  constructor(stream: Stream) {
    this.stream = stream
    stream.addEventListener('message', ({ data }) => {
      this.received += data.byteLength
      this.#unread = Buffer.concat([this.#unread, data.subarray()])
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    stream.addEventListener('remoteCloseWrite', end)
    this.closed = new Promise((resolve) => {
      stream.addEventListener('close', () => {
        end()
        resolve()
      })
    })
  }

  /** Send bytes as they are, and wait until the other side has room for more. */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.stream.status !== 'open') throw new Error('the stream is over')
    if (this.stream.send(bytes)) return
    await new Promise<void>((resolve, reject) => {
      this.stream.addEventListener('drain', () => resolve(), { once: true })
      this.stream.addEventListener('close', () => reject(new Error('the stream is over')), {
        once: true,
      })
    })
  }

  async index(): Promise<Heard<IndexKind> | undefined> {
    const message = await this.frame()
    return message && heardIndex(message)
  }

  /** The next index message that is one of these kinds. */
  async answer(...kinds: readonly IndexKind[]): Promise<Heard<IndexKind> | undefined> {
    for (;;) {
      const message = await this.index()
      if (message === undefined || kinds.includes(message.kind)) return message
    }
  }

  async transfer(): Promise<Heard<TransferKind> | undefined> {
    const message = await this.frame()
    return message && heardTransfer(message)
  }

  /** The next message; undefined where the stream ends first. */
  async frame(): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        const [length, start] = readVarint(this.#unread, 0)
        if (this.#unread.byteLength >= start + Number(length)) {
          this.#take(start)
          return this.#take(Number(length))
        }
      } catch {
        // It has not come whole yet.
      }
      if (!(await this.#more())) return undefined
    }
  }

  /** So many raw bytes. */
  async bytes(length: number): Promise<Uint8Array> {
    while (this.#unread.byteLength < length) {
      if (!(await this.#more())) throw new Error('the stream is over')
    }
    return this.#take(length)
  }

  #take(length: number): Uint8Array {
    const taken = this.#unread.subarray(0, length)
    this.#unread = this.#unread.subarray(length)
    return taken
  }

  async #more(): Promise<boolean> {
    const before = this.#unread.byteLength
    if (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#unread.byteLength > before || !this.#ended
  }
}
