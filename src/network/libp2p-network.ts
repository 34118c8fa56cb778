/**
 * The network below the protocols: libp2p over TCP, Noise and Yamux. It dials and listens only at
 * the addresses that its caller gives it; the gate decides which peers may connect and what they
 * may open.
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
import type { DialOptions, Network, PeerConnection, PeerDialer } from './network.ts'
import { CODE_P2P, hostOf, parseDialAddress, parseListenAddress } from './multiaddr.ts'
import { resolveHost } from './host-addresses.ts'
import { PeerGater, SLACK, type PeerGaterOptions } from './connection-gater.ts'
import { Libp2pChannel } from './libp2p-channel.ts'
import { WindowedMuxer } from './muxer.ts'
import { cutConnections } from './cut-connections.ts'
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
  /** Neither listen nor dial before `start` is called. */
  readonly isHeld?: boolean
  /** Decides which peers may connect, and open what; without one, all may. */
  readonly gate?: Gate
  /** Other limits than those of src/limits.ts. */
  readonly limits?: Partial<NetworkLimits>
}

export interface NetworkLimits extends PeerGaterOptions {
  readonly connectionsPerPeer: number
  readonly streamsPerProtocol: number
  /** How long a peer that is not a member may stay connected, in milliseconds. */
  readonly admissionMs: number
}

export interface PeerListener {
  /** The first connection to a peer is open. */
  readonly connected?: (peer: string) => void
  /** The last connection to it has closed. */
  readonly disconnected?: (peer: string) => void
}

export interface ConnectionFacts {
  readonly peer: string
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  readonly streams: number
}

/** Errors: `malformed-address`, `address-in-use`. */
export async function createNetwork(options: NetworkOptions): Promise<Libp2pNetwork> {
  const { gate } = options
  const bounds: NetworkLimits = { ...DEFAULTS, ...options.limits }
  const listen = (options.listen ?? []).map((address) => parseListenAddress(address).toString())
  const gater = new PeerGater(bounds, gate)
  const muxer = new WindowedMuxer()
  let libp2p: Libp2p | undefined
  try {
    libp2p = await createLibp2p({
      start: options.isHeld !== true,
      privateKey: options.identity,
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [encrypter],
      streamMuxers: [() => muxer],
      connectionGater: {
        denyInboundConnection: (incoming) =>
          !gater.admits(incoming, libp2p?.getConnections().length ?? 0),
        denyInboundEncryptedConnection: (peer, { remoteAddr }) =>
          gate?.mayConnect(peer.toString(), hostOf(remoteAddr.toString())) === false,
      },
      connectionManager: {
        // Wider than the bounds of `PeerGater`, which counts what it refuses.
        maxConnections: bounds.connections + SLACK,
        maxIncomingPendingConnections: bounds.connectionsPending + SLACK,
        inboundConnectionThreshold: bounds.connectionsPerHostPerSecond + SLACK,
        dialTimeout: DIAL_MS,
        addressDialTimeout: DIAL_MS,
        inboundUpgradeTimeout: limits.HANDSHAKE_MS,
        inboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
        outboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
      },
      // Slow to give up on a peer: one that is busy hashing or writing for a while is healthy.
      connectionMonitor: {
        pingInterval: limits.PROBE_EVERY_MS,
        pingTimeout: { minTimeout: PROBE_ANSWER_MS },
      },
    })
    libp2p.addEventListener('connection:open', ({ detail }) => gater.upgraded(detail))
    return new Libp2pNetwork(libp2p, muxer, bounds, gate)
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

export class Libp2pNetwork implements Network, PeerDialer {
  readonly #libp2p: Libp2p
  readonly #muxer: WindowedMuxer
  readonly #bounds: NetworkLimits
  readonly #gate: Gate | undefined
  /** What `connect` is dialling. libp2p would give two dials of one address the same connection. */
  readonly #dialling = new Set<string>()

  constructor(libp2p: Libp2p, muxer: WindowedMuxer, bounds: NetworkLimits, gate: Gate | undefined) {
    this.#libp2p = libp2p
    this.#muxer = muxer
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

  async connect(address: string, options: DialOptions = {}): Promise<PeerConnection> {
    const { multiaddr, peer } = parseDialAddress(address)
    if (peer === this.peerId) throw isThisNode(address)
    // Without the peer id: libp2p would join this dial to any other of the same peer.
    const place = multiaddr.decapsulateCode(CODE_P2P)
    if (this.#dialling.has(place.toString())) throw isDialled(address)
    this.#dialling.add(place.toString())
    let connection: Connection
    try {
      connection = await this.#libp2p.dial(place, { ...options, force: true })
    } catch (error) {
      throw dialFault(error, address, options.signal)
    } finally {
      this.#dialling.delete(place.toString())
    }
    if (connection.remotePeer.toString() !== peer) {
      const fault = new DstoreError('impostor', `${address}: another peer answers there`)
      connection.abort(fault)
      throw fault
    }
    return {
      open: (protocol, opening = {}) =>
        this.#openOn(connection, protocol, opening).catch((error: unknown) => {
          throw dialFault(error, address, opening.signal)
        }),
      closeOthers: () => this.#closeOlder(connection),
      close: (reason) => connection.abort(reason),
    }
  }

  resolve(address: string): Promise<readonly string[]> {
    return resolveHost(address)
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
        const channel = new Libp2pChannel(stream, connection.remotePeer.toString(), this.#muxer)
        const fault = this.#refusal(connection, protocol)
        if (fault === undefined) take(channel)
        else channel.abort(fault)
      },
      {
        // One more than is allowed, so that `#refusal` sees and counts it.
        maxInboundStreams: this.#bounds.streamsPerProtocol + 1,
        maxOutboundStreams: this.#bounds.streamsPerProtocol,
      },
    )
  }

  /** Calls the listener as peers connect and disconnect, until the returned function is called. */
  onPeer(listener: PeerListener): () => void {
    const connected = ({ detail }: CustomEvent): void => listener.connected?.(String(detail))
    const disconnected = ({ detail }: CustomEvent): void => listener.disconnected?.(String(detail))
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

  disconnect(peer: string, options?: Parameters<Network['disconnect']>[1]): void {
    cutConnections(this.#connectionsTo(peer), options)
  }

  /** The other connections that this node made to a peer are of no more use. */
  #closeOlder(connection: Connection): void {
    for (const other of this.#connectionsTo(connection.remotePeer.toString())) {
      if (other.id === connection.id || other.direction === 'inbound') continue
      other.abort(new DstoreError('unreachable', 'a newer connection replaces this one'))
    }
  }

  /** Drops a peer's oldest connection beyond the limit: its link may be broken unnoticed. */
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

  /** Drops a stranger that has not become a member within `admissionMs`. */
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

  /** Why a peer is refused the channel that it has just opened; undefined if it is not. */
  #refusal(connection: Connection, protocol: string): DstoreError | undefined {
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
    // libp2p also returns a stream over the peer's limit, which is or will soon be reset.
    const peer = connection.remotePeer.toString()
    if (stream.status === 'open') return new Libp2pChannel(stream, peer, this.#muxer)
    // It returns one whose connection broke, too. If only the stream has noticed, that looks alike.
    if (connection.status === 'open' && stream.status === 'reset') {
      throw new DstoreError('busy', `${peer}: it takes no more streams`)
    }
    throw new DstoreError('unreachable', `${peer}: the connection broke`)
  }
}

function isThisNode(address: string): DstoreError {
  return new DstoreError('malformed-address', `${address}: that is this node`)
}

function isDialled(address: string): DstoreError {
  return new DstoreError('busy', `${address}: it is being dialled already`)
}

/** libp2p still lists a connection that the peer is closing, but no stream can be opened on it. */
function isDying(error: unknown): boolean {
  return (
    error instanceof Error && ['ConnectionClosedError', 'MuxerClosedError'].includes(error.name)
  )
}
