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
import type { Libp2pNetwork } from '../libp2p-network.ts'

export interface LaneListenerOptions extends LaneKeysOptions {
  readonly network: Pick<Libp2pNetwork, 'handle' | 'onPeer' | 'connections'>
  /** IP address to listen on: the one that the network listens on. */
  readonly host: string
  /** TCP port; any free one by default. */
  readonly port?: number
  /** Called with each lane that a peer opens. */
  readonly take: (lane: Channel) => void
  /** Open lanes in all, by default `LANES`. */
  readonly mostLanes?: number
}

const REASONS: ReadonlyMap<string | undefined, ErrorCode> = new Map([
  ['EADDRINUSE', 'address-in-use'],
  ['EACCES', 'not-permitted'],
])

export class LaneListener {
  readonly #options: LaneListenerOptions
  readonly #keys: LaneKeys
  readonly #lanes = new LaneSet()
  readonly #slabs = new SlabPool()
  readonly #server: Server
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
    this.#server = laneServer(
      (socket, id) => this.#keyOf(socket, id),
      (socket) => this.#accept(socket),
    )
    this.#server.on('connection', (socket: Socket) => this.#connected(socket))
    this.#stopWatching = options.network.onPeer({
      disconnected: (peer) => {
        this.#keys.revoke(peer)
        this.#lanes.cut(peer)
      },
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Open lanes, unused keys, and handshakes in progress. */
  get counts(): { readonly lanes: number; readonly keys: number; readonly pending: number } {
    return { lanes: this.#lanes.size, keys: this.#keys.size, pending: this.#pending.size }
  }

  async close(): Promise<void> {
    this.#stopWatching()
    this.#lanes.cutAll()
    for (const socket of this.#pending.values()) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #listen(): Promise<void> {
    const { host, port = 0 } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const code = REASONS.get(cause.code) ?? 'malformed-address'
        const message = `lanes cannot listen on ${host} port ${port} (${cause.code})`
        const hint = 'choose another port with --lane-port, or 0 for any that is free'
        reject(new DstoreError(code, message, { cause, hint }))
      })
      this.#server.listen({ host, port }, resolve)
    })
  }

  /** Sends an offer, or ends the stream without one: no lane now. */
  async #offer(channel: Channel): Promise<void> {
    try {
      const open = this.#server.listening && this.#hasRoom(channel.peer)
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

function originOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
