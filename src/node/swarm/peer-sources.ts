/** The nodes that a Local fetches values from: its Global, and the Locals that Global names. */
import { asDstoreError, type DstoreError } from '../../errors.ts'
import { ADDRESS_CHARS, CALL_TIMEOUT_MS, KNOWN_ADDRESSES } from '../../limits.ts'
import { joinSwarm } from '../../transfer/holders.ts'
import { fetchPieces, type FetchRequest } from '../../transfer/fetch.ts'
import type { VerifiedRun } from '../../transfer/piece-stream.ts'
import type { SourceId } from '../../transfer/schedule/source.ts'
import type { Log } from '../../log.ts'
import type { Channel } from '../../wire/channel.ts'
import { TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import type { Traffic } from '../calls/traffic.ts'
import { ChannelPool } from './channel-pool.ts'

/** The nodes that a download fetches from, by peer id. */
export type Sources = Pick<
  PeerSources,
  'self' | 'global' | 'globalMovedAt' | 'fetch' | 'joinSwarm' | 'report'
>

export interface PeerSourcesOptions {
  readonly network: Network
  readonly globalPeer: string
  readonly traffic: Traffic
  readonly log: Log
  /** Called when a transfer needs Global, and it is not connected. */
  readonly onAway: () => void
}

export class PeerSources {
  readonly transfers: ChannelPool
  readonly #options: PeerSourcesOptions
  /** The addresses of Locals according to Global, by peer id, least recently named first. */
  readonly #addresses = new Map<SourceId, string>()
  #globalMovedAt = -Infinity

  constructor(options: PeerSourcesOptions) {
    this.#options = options
    this.transfers = new ChannelPool({
      open: (peer, signal) => this.#open(peer, signal),
      canReuse: (channel) => options.network.canReuse?.(channel) ?? true,
    })
  }

  get self(): SourceId {
    return this.#options.network.peerId
  }

  get global(): SourceId {
    return this.#options.globalPeer
  }

  /** When bytes of any value last came from Global, in milliseconds of `performance.now`. */
  get globalMovedAt(): number {
    return this.#globalMovedAt
  }

  /** Yields verified runs of these ranges; without a range, only asks which runs are held. */
  fetch(source: SourceId, request: FetchRequest, signal: AbortSignal): AsyncIterable<VerifiedRun> {
    const { traffic } = this.#options
    const onReceived = (bytes: number): void => {
      if (source === this.global) this.#globalMovedAt = performance.now()
      traffic.received(source, bytes)
    }
    return this.transfers.stream(source, signal, (transfer) =>
      fetchPieces(transfer, { ...request, onReceived }),
    )
  }

  /** Announces that this node fetches a value, and returns the other Locals in its swarm. */
  async joinSwarm(digest: Uint8Array, signal: AbortSignal): Promise<readonly SourceId[]> {
    const { globalPeer, network } = this.#options
    const addresses = await this.transfers.run(globalPeer, signal, (transfer) =>
      joinSwarm(transfer, digest, servedAt(network.addresses())),
    )
    return addresses.flatMap((address) => this.#learn(address))
  }

  /** Announces that this node no longer holds a value. */
  async leaveSwarm(digest: Uint8Array): Promise<void> {
    const { globalPeer } = this.#options
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
    await this.transfers.run(globalPeer, signal, (transfer) =>
      joinSwarm(transfer, digest, undefined),
    )
  }

  /** Counts and logs a peer that sent false data or broke the protocol. */
  report(source: SourceId, fault: DstoreError): void {
    const { log, traffic } = this.#options
    traffic.lied(source)
    log.warn('a peer gave what is not true', {
      peer: source,
      code: fault.code,
      error: fault.message,
    })
  }

  async #open(peer: SourceId, signal: AbortSignal): Promise<Channel> {
    const { network, globalPeer, onAway } = this.#options
    const address = this.#addresses.get(peer)
    if (address !== undefined) return network.dial(address, TRANSFER_PROTOCOL, { signal })
    try {
      return await network.open(peer, TRANSFER_PROTOCOL, { signal })
    } catch (error) {
      if (peer === globalPeer && asDstoreError(error).code === 'unreachable') onAway()
      throw error
    }
  }

  #learn(address: string): SourceId[] {
    const peer = /\/p2p\/(\w+)$/.exec(address)?.[1]
    if (peer === undefined || peer === this.self || peer === this.global) return []
    this.#addresses.delete(peer)
    this.#addresses.set(peer, address)
    if (this.#addresses.size > KNOWN_ADDRESSES) {
      this.#addresses.delete(this.#addresses.keys().next().value!)
    }
    return [peer]
  }
}

/** The address to announce: preferably one that other machines can reach. */
function servedAt(addresses: readonly string[]): string | undefined {
  const fit = addresses.filter((address) => address.length <= ADDRESS_CHARS)
  return fit.find((address) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address)) ?? fit[0]
}
