/** A network that carries its bulk protocol over lanes where it can, and over streams elsewhere. */
import type { Channel } from '../../wire/channel.ts'
import { parseDialAddress } from '../multiaddr.ts'
import { asDstoreError } from '../../errors.ts'
import { LaneChannel } from './lane-channel.ts'
import { LaneDialer } from './lane-dialer.ts'
import type { LaneKeysOptions } from './lane-keys.ts'
import { LaneListener } from './lane-listener.ts'
import { defaultLanePort, laneHosts } from './lane-port.ts'
import { LanesAhead } from './lanes-ahead.ts'
import type { Log } from '../../log.ts'
import type { Libp2pNetwork } from '../libp2p-network.ts'
import type {
  DialOptions,
  DisconnectOptions,
  Network,
  PeerConnection,
  PeerDialer,
} from '../network.ts'

/** Where lanes listen, if the node does. */
export interface LanePortOptions {
  /** TCP port, 0 for any free one; it must be free. Default: `defaultLanePort`, or any free one. */
  readonly lanePort?: number
  /** Ports of this machine that the default must leave for others. */
  readonly reservedPorts?: readonly number[]
}

export interface LaneNetworkOptions extends LaneKeysOptions, LanePortOptions {
  /** Closed with this one. */
  readonly network: Libp2pNetwork
  /** The addresses that the network listens on; lanes listen at the host of each. */
  readonly listen: readonly string[]
  /** The protocol whose channels may be lanes. */
  readonly bulk: string
  readonly log: Log
}

export class LaneNetwork implements Network, PeerDialer {
  readonly #options: LaneNetworkOptions
  readonly #network: Libp2pNetwork
  readonly #dialer: LaneDialer
  readonly #ahead: LanesAhead
  #listener: LaneListener | undefined

  constructor(options: LaneNetworkOptions) {
    const { network, log, now } = options
    this.#options = options
    this.#network = network
    this.#dialer = new LaneDialer({
      network,
      now,
      onFailure: (peer, { code, message }, retryMs) =>
        log.info('no lane: transfers go over the stream', { peer, code, error: message, retryMs }),
    })
    this.#ahead = new LanesAhead(this.#dialer)
  }

  get peerId(): string {
    return this.#network.peerId
  }

  start(): Promise<void> {
    return this.#network.start()
  }

  get lanePort(): number | undefined {
    return this.#listener?.port
  }

  addresses(): readonly string[] {
    return this.#network.addresses()
  }

  async dial(address: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    if (protocol !== this.#options.bulk) return this.#network.dial(address, protocol, options)
    const { peer } = parseDialAddress(address)
    return this.#bulk(peer, options, () => this.#network.dial(address, protocol, options))
  }

  /** Lanes that came by an older connection end with it: its peer may be frozen, or cut off. */
  async connect(address: string, options?: DialOptions): Promise<PeerConnection> {
    const { peer } = parseDialAddress(address)
    const connection = await this.#network.connect(address, options)
    const closeOthers = (): void => {
      connection.closeOthers()
      this.#dialer.forget(peer)
    }
    return { ...connection, closeOthers }
  }

  resolve(address: string): Promise<readonly string[]> {
    return this.#network.resolve(address)
  }

  async open(peer: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    const open = (): Promise<Channel> => this.#network.open(peer, protocol, options)
    return protocol === this.#options.bulk ? this.#bulk(peer, options, open) : open()
  }

  canReuse(channel: Channel): boolean {
    if (channel instanceof LaneChannel) return true
    // To open a channel once more is what tries a lane, and finds one that came meanwhile.
    return !this.#ahead.hasSpare(channel.peer) && !this.#ahead.isDue(channel.peer)
  }

  laneFault(peer: string): string | undefined {
    return this.#dialer.fault(peer)
  }

  prepare(peer: string): void {
    this.#ahead.prepare(peer)
  }

  /** A lane if one is open; else a stream, while a lane is tried beside it. */
  async #bulk(
    peer: string,
    { signal }: DialOptions,
    openStream: () => Promise<Channel>,
  ): Promise<Channel> {
    signal?.throwIfAborted()
    const lane = this.#ahead.take(peer)
    if (lane !== undefined) return lane
    const stream = await openStream()
    this.#ahead.prepare(peer)
    return stream
  }

  async handle(protocol: string, take: (channel: Channel) => void): Promise<void> {
    await this.#network.handle(protocol, take)
    const hosts = laneHosts(this.#options.listen)
    if (protocol !== this.#options.bulk || hosts.length === 0) return
    this.#listener = await this.#listen(hosts, take)
  }

  async #listen(hosts: readonly string[], take: (channel: Channel) => void): Promise<LaneListener> {
    const { listen, lanePort, reservedPorts, log } = this.#options
    const port = lanePort ?? defaultLanePort(listen, reservedPorts)
    const options = { ...this.#options, hosts, take }
    try {
      return await LaneListener.open({ ...options, port })
    } catch (error) {
      if (lanePort !== undefined || asDstoreError(error).code !== 'address-in-use') throw error
      const listener = await LaneListener.open(options)
      log.warn('the default port of lanes is taken: they have another', {
        taken: port,
        lanePort: listener.port,
      })
      return listener
    }
  }

  /** Lanes end with the connections that they belong to. */
  disconnect(peer: string, options?: DisconnectOptions): void {
    this.#network.disconnect(peer, options)
  }

  async close(): Promise<void> {
    this.#dialer.close()
    await this.#listener?.close()
    await this.#network.close()
  }
}
