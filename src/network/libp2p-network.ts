/**
 * The network under the protocols: a libp2p node over TCP, Noise and Yamux. It dials only what it is told to dial, and
 * listens only where it is told to listen; who may speak is decided by the protocols above.
 */
import './polyfill.ts'
import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import type { Libp2p } from 'libp2p'
import { DstoreError } from '../errors.ts'
import * as limits from '../limits.ts'
import type { Gate } from '../membership/gate.ts'
import type { Channel } from '../wire/channel.ts'
import { hostOf, parseDialAddress, parseListenAddress } from './multiaddr.ts'
import { PeerGater, SLACK } from './connection-gater.ts'
import { Libp2pChannel } from './libp2p-channel.ts'
import { muxer } from './muxer.ts'
import { dialFault, listenFault } from './network-faults.ts'
import { encrypter } from './noise.ts'

/** A dial with its handshake. A machine that is down does not answer at all. */
const DIAL_MS = 10_000

/** Choosing the protocol of a new stream: one round trip, and time for a busy peer. */
const NEGOTIATION_MS = 5000

/** How long the answer to a libp2p ping may take. A busy peer must not lose its connection. */
export const PROBE_ANSWER_MS: number = 20_000

export interface NetworkOptions {
  readonly identity: PrivateKey
  /** Multiaddrs to listen on; none by default. */
  readonly listen?: readonly string[]
  /** Neither take connections nor dial before `start` is called. */
  readonly isHeld?: boolean
  /** Who may connect, and open what. Without one everybody may. */
  readonly gate?: Gate
  /** Other limits than those of src/limits.ts. */
  readonly limits?: Partial<NetworkLimits>
}

export interface NetworkLimits {
  readonly connections: number
  readonly connectionsPending: number
  readonly connectionsPendingPerHost: number
  readonly connectionsPerHostPerSecond: number
  readonly connectionsPerPeer: number
  readonly streamsPerProtocol: number
  /** How long a peer that is no member may be connected, in milliseconds. */
  readonly admissionMs: number
}

export interface DialOptions {
  readonly signal?: AbortSignal
}

export interface PeerListener {
  /** The first connection to a peer stands. */
  readonly connected?: (peer: string) => void
  /** The last connection to it is gone. */
  readonly disconnected?: (peer: string) => void
}

export interface ConnectionFacts {
  readonly peer: string
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  readonly streams: number
}

export interface Libp2pNetwork {
  readonly peerId: string

  /** Take connections from now on, and dial; harmless where it does. Errors: `malformed-address`, `address-in-use`. */
  start(): Promise<void>

  /** Full multiaddrs, with the peer id, at which others reach this node; none where it does not listen. */
  addresses(): readonly string[]

  /**
   * Connect, or use the connection there is, and open a channel. Errors: `malformed-address`, `unreachable`,
   * `timeout`, `cancelled`, `incompatible`, `busy`.
   */
  dial(address: string, protocol: string, options?: DialOptions): Promise<Channel>

  /** Open a channel over the connection to a peer; `unreachable` where there is none, else as `dial`. */
  open(peer: string, protocol: string, options?: DialOptions): Promise<Channel>

  /** Take the channels that peers open for a protocol. */
  handle(protocol: string, take: (channel: Channel) => void): Promise<void>

  /** Be told of peers that come and go, until the function that is returned is called. */
  onPeer(listener: PeerListener): () => void

  connections(): readonly ConnectionFacts[]

  /** Cut every connection to a peer, with all its channels. */
  disconnect(peer: string): void

  close(): Promise<void>
}

/** Errors: `malformed-address`, `address-in-use`. */
export async function createNetwork(options: NetworkOptions): Promise<Libp2pNetwork> {
  const { gate } = options
  const bounds: NetworkLimits = { ...DEFAULTS, ...options.limits }
  const listen = (options.listen ?? []).map((address) => parseListenAddress(address).toString())
  const doorway = new PeerGater(bounds, gate)
  let libp2p: Libp2p | undefined
  try {
    libp2p = await createLibp2p({
      start: options.isHeld !== true,
      privateKey: options.identity,
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [encrypter],
      streamMuxers: [muxer],
      connectionGater: {
        denyInboundConnection: (coming) =>
          !doorway.admits(coming, libp2p?.getConnections().length ?? 0),
        denyInboundEncryptedConnection: (peer, { remoteAddr }) =>
          gate?.mayConnect(peer.toString(), hostOf(remoteAddr.toString())) === false,
      },
      connectionManager: {
        // Whoever is one too many comes so far, to be counted: see `PeerGater`.
        maxConnections: bounds.connections + SLACK,
        maxIncomingPendingConnections: bounds.connectionsPending + SLACK,
        inboundConnectionThreshold: bounds.connectionsPerHostPerSecond + SLACK,
        dialTimeout: DIAL_MS,
        addressDialTimeout: DIAL_MS,
        inboundUpgradeTimeout: limits.HANDSHAKE_MS,
        inboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
        outboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
      },
      // A node that hashes or writes for a while must not lose healthy peers: be slow to judge.
      connectionMonitor: {
        pingInterval: limits.PROBE_EVERY_MS,
        pingTimeout: { minTimeout: PROBE_ANSWER_MS },
      },
    })
    libp2p.addEventListener('connection:open', ({ detail }) => doorway.entered(detail))
    return new Libp2pNode(libp2p, bounds, gate)
  } catch (error) {
    throw listenFault(error)
  }
}

const DEFAULTS: NetworkLimits = {
  connections: limits.CONNECTIONS,
  connectionsPending: limits.CONNECTIONS_PENDING,
  connectionsPendingPerHost: limits.CONNECTIONS_PENDING_PER_HOST,
  connectionsPerHostPerSecond: limits.CONNECTIONS_PER_HOST_PER_SECOND,
  connectionsPerPeer: limits.CONNECTIONS_PER_PEER,
  admissionMs: limits.ADMISSION_MS,
  streamsPerProtocol: limits.STREAMS_PER_PROTOCOL,
}

class Libp2pNode implements Libp2pNetwork {
  readonly #libp2p: Libp2p
  readonly #bounds: NetworkLimits
  readonly #gate: Gate | undefined

  constructor(libp2p: Libp2p, bounds: NetworkLimits, gate: Gate | undefined) {
    this.#libp2p = libp2p
    this.#bounds = bounds
    this.#gate = gate
    libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
  }

  get peerId(): string {
    return this.#libp2p.peerId.toString()
  }

  async start(): Promise<void> {
    try {
      await this.#libp2p.start()
    } catch (error) {
      throw listenFault(error)
    }
  }

  addresses(): readonly string[] {
    return this.#libp2p.getMultiaddrs().map(String)
  }

  async dial(address: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    const { multiaddr } = parseDialAddress(address)
    try {
      const connection = await this.#libp2p.dial(multiaddr, options)
      return await this.#openOn(connection, protocol, options).catch(async (error: unknown) => {
        if (!isDying(error)) throw error
        const fresh = await this.#libp2p.dial(multiaddr, { ...options, force: true })
        return this.#openOn(fresh, protocol, options)
      })
    } catch (error) {
      throw dialFault(error, address, options.signal)
    }
  }

  async open(peer: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    const connection = this.#connectionsTo(peer).find(({ status }) => status === 'open')
    if (connection === undefined) throw new DstoreError('unreachable', `not connected to ${peer}`)
    try {
      return await this.#openOn(connection, protocol, options)
    } catch (error) {
      throw dialFault(error, peer, options.signal)
    }
  }

  async handle(protocol: string, take: (channel: Channel) => void): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      (stream, connection) => {
        const channel = new Libp2pChannel(stream, connection.remotePeer.toString())
        const fault = this.#whyNot(connection, protocol)
        if (fault === undefined) take(channel)
        else channel.abort(fault)
      },
      {
        // One more than is allowed comes so far, and is counted.
        maxInboundStreams: this.#bounds.streamsPerProtocol + 1,
        maxOutboundStreams: this.#bounds.streamsPerProtocol,
      },
    )
  }

  onPeer(listener: PeerListener): () => void {
    const connected = (event: CustomEvent<{ toString(): string }>): void =>
      listener.connected?.(event.detail.toString())
    const disconnected = (event: CustomEvent<{ toString(): string }>): void =>
      listener.disconnected?.(event.detail.toString())
    this.#libp2p.addEventListener('peer:connect', connected)
    this.#libp2p.addEventListener('peer:disconnect', disconnected)
    return () => {
      this.#libp2p.removeEventListener('peer:connect', connected)
      this.#libp2p.removeEventListener('peer:disconnect', disconnected)
    }
  }

  connections(): readonly ConnectionFacts[] {
    return this.#libp2p.getConnections().map((connection) => ({
      peer: connection.remotePeer.toString(),
      address: connection.remoteAddr.toString(),
      direction: connection.direction,
      streams: connection.streams.length,
    }))
  }

  disconnect(peer: string): void {
    for (const connection of this.#connectionsTo(peer)) {
      connection.abort(new DstoreError('not-permitted', 'disconnected'))
    }
  }

  /** Of too many connections of one peer the oldest goes: it may be of a link that is broken and does not know it. */
  #opened(connection: Connection): void {
    const { remotePeer, direction, id, remoteAddr } = connection
    const peer = remotePeer.toString()
    const all = this.#connectionsTo(peer).toSorted((a, b) => a.timeline.open - b.timeline.open)
    if (all.length > this.#bounds.connectionsPerPeer) {
      this.#gate?.refuse(peer, 'connections')
      all[0]!.abort(new DstoreError('busy', 'too many connections of one peer'))
    }
    if (direction === 'outbound' || this.#gate === undefined) return
    const host = hostOf(remoteAddr.toString())
    if (this.#gate.connected(id, peer, host)) this.#expectAdmission(connection)
  }

  /** A stranger has a short while to become a member. */
  #expectAdmission(connection: Connection): void {
    const gate = this.#gate!
    const peer = connection.remotePeer.toString()
    const late = setTimeout(() => {
      if (gate.isMember(peer)) return
      gate.refuse(peer, 'late')
      connection.abort(new DstoreError('not-permitted', 'not a member'))
    }, this.#bounds.admissionMs)
    connection.addEventListener('close', () => {
      clearTimeout(late)
      gate.disconnected(connection.id)
    })
  }

  /** Why a peer may not have the channel that it has just opened. */
  #whyNot(connection: Connection, protocol: string): DstoreError | undefined {
    const peer = connection.remotePeer.toString()
    const gate = this.#gate
    if (gate?.mayOpen(peer, protocol) === false) {
      connection.abort(new DstoreError('not-permitted', 'not a member'))
      return new DstoreError('not-permitted', 'not a member')
    }
    const isOpen = (stream: Stream): boolean =>
      stream.protocol === protocol && stream.direction === 'inbound' && stream.status === 'open'
    const most = gate?.isMember(peer) === false ? 1 : this.#bounds.streamsPerProtocol
    if (connection.streams.filter(isOpen).length <= most) return undefined
    gate?.refuse(peer, 'streams')
    return new DstoreError('busy', 'too many streams')
  }

  async close(): Promise<void> {
    await this.#libp2p.stop()
  }

  #connectionsTo(peer: string): Connection[] {
    return this.#libp2p.getConnections(peerIdFromString(peer))
  }

  async #openOn(connection: Connection, protocol: string, options: DialOptions): Promise<Channel> {
    const stream = await connection.newStream(protocol, {
      ...options,
      maxOutboundStreams: this.#bounds.streamsPerProtocol,
    })
    // A stream over the peer's limit is handed out all the same, and is reset already or about to be.
    const peer = connection.remotePeer.toString()
    if (stream.status === 'open') return new Libp2pChannel(stream, peer)
    // So is one whose connection broke while it was opened; where only the stream knows yet, that looks alike.
    if (connection.status === 'open' && stream.status === 'reset') {
      throw new DstoreError('busy', `${peer}: it takes no more streams`)
    }
    throw new DstoreError('unreachable', `${peer}: the connection broke`)
  }
}

/** A connection that the peer is just closing is still found, and no stream can be opened on it. */
function isDying(error: unknown): boolean {
  return (
    error instanceof Error && ['ConnectionClosedError', 'MuxerClosedError'].includes(error.name)
  )
}
