/** A network that carries its bulk protocol over lanes where it can, and over streams elsewhere. */
import { DstoreError } from '../../errors.ts'
import type { Channel } from '../../wire/channel.ts'
import { hostOf } from '../multiaddr.ts'
import { LaneChannel } from './lane-channel.ts'
import { LaneDialer } from './lane-dialer.ts'
import type { LaneKeysOptions } from './lane-keys.ts'
import { LaneListener } from './lane-listener.ts'
import type { Log } from '../../log.ts'
import type { Libp2pNetwork } from '../libp2p-network.ts'
import type { DialOptions, Network } from '../network.ts'

export interface LaneNetworkOptions extends LaneKeysOptions {
  /** Closed with this one. */
  readonly network: Libp2pNetwork
  /** The addresses that the network listens on; lanes listen at the host of the first, if any. */
  readonly listen: readonly string[]
  /** The protocol whose channels may be lanes. */
  readonly bulk: string
  readonly log: Log
}

export class LaneNetwork implements Network {
  readonly #options: LaneNetworkOptions
  readonly #network: Libp2pNetwork
  readonly #dialer: LaneDialer
  #listener: LaneListener | undefined

  constructor(options: LaneNetworkOptions) {
    const { network, log, now } = options
    this.#options = options
    this.#network = network
    this.#dialer = new LaneDialer({
      network,
      now,
      onFailure: (peer, { code, message }) =>
        log.info('no lane: transfers go over the stream', { peer, code, error: message }),
    })
  }

  get peerId(): string {
    return this.#network.peerId
  }

  start(): Promise<void> {
    return this.#network.start()
  }

  addresses(): readonly string[] {
    return this.#network.addresses()
  }

  async dial(address: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    const stream = await this.#network.dial(address, protocol, options)
    if (protocol !== this.#options.bulk) return stream
    try {
      const lane = await this.#dialer.open(stream.peer, options.signal)
      if (lane === undefined) return stream
      stream.abort(new DstoreError('cancelled', 'there is a lane'))
      return lane
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  }

  async open(peer: string, protocol: string, options: DialOptions = {}): Promise<Channel> {
    const { bulk } = this.#options
    const lane = protocol === bulk ? await this.#dialer.open(peer, options.signal) : undefined
    return lane ?? this.#network.open(peer, protocol, options)
  }

  canReuse(channel: Channel): boolean {
    return channel instanceof LaneChannel || this.#dialer.hasNone(channel.peer)
  }

  async handle(protocol: string, take: (channel: Channel) => void): Promise<void> {
    await this.#network.handle(protocol, take)
    const [address] = this.#options.listen
    if (protocol !== this.#options.bulk || address === undefined) return
    this.#listener = await LaneListener.open({ ...this.#options, host: hostOf(address), take })
  }

  /** Lanes end with the connections that they belong to. */
  disconnect(peer: string): void {
    this.#network.disconnect(peer)
  }

  async close(): Promise<void> {
    this.#dialer.close()
    await this.#listener?.close()
    await this.#network.close()
  }
}
