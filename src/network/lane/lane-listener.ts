/**
 * The listening side of lanes (specs/003-transfer-lane.md): issues keys, accepts peers that use
 * one.
 */
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { DstoreError, type ErrorCode } from '../../errors.ts'
import { LANES, LANES_PENDING, LANES_PER_PEER } from '../../limits.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameWriter } from '../../wire/frame-writer.ts'
import { LaneChannel } from './lane-channel.ts'
import { LaneKeys, type LaneKeysOptions } from './lane-keys.ts'
import { SlabPool } from './lane-receive.ts'
import { LANE_PROTOCOL, encodeOffer } from './lane-offer.ts'
import { LaneSet } from './lane-set.ts'
import { laneServer } from './lane-tls.ts'
import { notOfThisMachine } from '../network-faults.ts'
import type { Libp2pNetwork } from '../libp2p-network.ts'

export interface LaneListenerOptions extends LaneKeysOptions {
  readonly network: Pick<Libp2pNetwork, 'handle' | 'onPeer' | 'connections'>
  /** IP addresses to listen on: those that the network listens on, without overlaps. */
  readonly hosts: readonly string[]
  /** TCP port; any free one by default. */
  readonly port?: number
  /** Called with each lane that a peer opens. */
  readonly take: (lane: Channel) => void
  /** Open lanes in all, by default `LANES`. */
  readonly mostLanes?: number
}

/** How often a free port is looked for that is free on all hosts. */
const PORT_TRIES = 20

/** A machine without IPv6, say: the network, too, listens where it can. */
const NO_SUCH_HOST: ReadonlySet<string | undefined> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

const REASONS: ReadonlyMap<string | undefined, ErrorCode> = new Map([
  ['EADDRINUSE', 'address-in-use'],
  ['EACCES', 'not-permitted'],
])

export class LaneListener {
  readonly #options: LaneListenerOptions
  readonly #keys: LaneKeys
  readonly #lanes = new LaneSet()
  readonly #slabs = new SlabPool()
  /** One for each host, all on one port: an offer names no other. */
  #servers: readonly Server[] = []
  /** By socket in its handshake: the peer that its key was issued to. */
  readonly #holders = new Map<TLSSocket, string>()
  /** Sockets in their handshake, by remote address and port, as TLS wraps them in other objects. */
  readonly #pending = new Map<string, Socket>()
  readonly #stopWatching: () => void

  /** Listens, and offers lanes from then on. Errors: `address-in-use`, `not-permitted`. */
  static async open(options: LaneListenerOptions): Promise<LaneListener> {
    const listener = new LaneListener(options)
    await listener.#listen()
    await options.network.handle(LANE_PROTOCOL, (channel) => void listener.#offer(channel))
    return listener
  }

  private constructor(options: LaneListenerOptions) {
    this.#options = options
    this.#keys = new LaneKeys(options)
    this.#stopWatching = options.network.onPeer({
      disconnected: (peer) => {
        this.#keys.revoke(peer)
        this.#lanes.cut(peer)
      },
    })
  }

  get port(): number {
    return portOf(this.#servers[0]!)
  }

  /** Open lanes, unused keys, and handshakes in progress. */
  get counts(): { readonly lanes: number; readonly keys: number; readonly pending: number } {
    return { lanes: this.#lanes.size, keys: this.#keys.size, pending: this.#pending.size }
  }

  async close(): Promise<void> {
    this.#stopWatching()
    this.#lanes.cutAll()
    for (const socket of this.#pending.values()) socket.destroy()
    await closeAll(this.#servers)
  }

  async #listen(): Promise<void> {
    const { port = 0 } = this.#options
    for (let tries = 1; this.#servers.length === 0; tries++) {
      try {
        this.#servers = await this.#listenOn(port)
      } catch (error) {
        // The port that was free on one host is taken on another.
        const mayTry = port === 0 && tries < PORT_TRIES
        if (!mayTry || (error as DstoreError).code !== 'address-in-use') throw error
      }
    }
  }

  async #listenOn(port: number): Promise<readonly Server[]> {
    const servers: Server[] = []
    let missing: unknown
    for (const host of this.#options.hosts) {
      const server = this.#newServer()
      try {
        await listen(server, host, servers.length === 0 ? port : portOf(servers[0]!))
        servers.push(server)
      } catch (error) {
        missing ??= error
        if (NO_SUCH_HOST.has(codeOf((error as DstoreError).cause))) continue
        await closeAll(servers)
        throw error
      }
    }
    if (servers.length === 0) throw missing
    return servers
  }

  #newServer(): Server {
    const server = laneServer(
      (socket, id) => this.#keyOf(socket, id),
      (socket) => this.#accept(socket),
    )
    return server.on('connection', (socket: Socket) => this.#connected(socket))
  }

  /** Sends an offer, or ends the stream without one: no lane now. */
  async #offer(channel: Channel): Promise<void> {
    try {
      const open = this.#servers.every(({ listening }) => listening) && this.#hasRoom(channel.peer)
      const key = open ? this.#keys.issue(channel.peer) : undefined
      const writer = new FrameWriter(channel)
      if (key !== undefined) await writer.send(encodeOffer({ port: this.port, key }))
      await writer.end()
      if ((await channel.read()) !== undefined) {
        throw new DstoreError('protocol', 'the peer sent bytes where it may send none')
      }
    } catch (error) {
      channel.abort(error as Error)
    }
  }

  #connected(socket: Socket): void {
    if (this.#pending.size >= LANES_PENDING) {
      socket.destroy()
      return
    }
    const origin = originOf(socket)
    this.#pending.set(origin, socket)
    socket.once('close', () => {
      if (this.#pending.get(origin) === socket) this.#pending.delete(origin)
    })
  }

  #keyOf(socket: TLSSocket, id: string): Uint8Array | undefined {
    const key = this.#keys.take(id)
    if (key === undefined) return undefined
    this.#holders.set(socket, key.peer)
    socket.once('close', () => this.#holders.delete(socket))
    return key.secret
  }

  #accept(socket: TLSSocket): void {
    this.#pending.delete(originOf(socket))
    const peer = this.#holders.get(socket)
    this.#holders.delete(socket)
    if (peer === undefined || !this.#isWelcome(peer)) {
      socket.destroy()
      return
    }
    const lane = new LaneChannel(socket, peer, this.#slabs)
    this.#lanes.add(lane)
    this.#options.take(lane)
  }

  #isWelcome(peer: string): boolean {
    const { network } = this.#options
    return this.#hasRoom(peer) && network.connections().some((one) => one.peer === peer)
  }

  /** Counts unused keys and handshakes too, so that an offer is never made in vain. */
  #hasRoom(peer: string): boolean {
    const { mostLanes = LANES } = this.#options
    const handshakes = [...this.#holders.values()].filter((holder) => holder === peer).length
    const count = this.#lanes.count(peer) + this.#keys.count(peer) + handshakes
    return this.#lanes.size < mostLanes && count < LANES_PER_PEER
  }
}

/** Both ends: two hosts of this node may be connected from one port. */
function originOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const codeOf = (cause: unknown): string | undefined => (cause as NodeJS.ErrnoException).code

/** IPv6 only, as the network: `::` leaves the same port of IPv4 to another server. */
async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = REASONS.get(cause.code) ?? 'malformed-address'
      const message = `lanes cannot listen on ${host} port ${port} (${cause.code})`
      const hint = 'choose another port with --lane-port, or 0 for any that is free'
      reject(
        NO_SUCH_HOST.has(cause.code)
          ? notOfThisMachine(host, cause)
          : new DstoreError(code, message, { cause, hint }),
      )
    })
    server.listen({ host, port, ipv6Only: true }, resolve)
  })
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
}
