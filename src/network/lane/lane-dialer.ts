/**
 * The dialing side of lanes (specs/003-transfer-lane.md): gets a key from a peer and connects with
 * it.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { LANE_HANDSHAKE_MS, LANE_RETRY_MS } from '../../limits.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameReader } from '../../wire/frames.ts'
import { hostOf } from '../multiaddr.ts'
import { deadline, untilAborted } from '../../deadline.ts'
import { LaneChannel } from './lane-channel.ts'
import { LANE_OFFER_BYTES, LANE_PROTOCOL, decodeOffer } from './lane-offer.ts'
import { LaneReceiver, SlabPool } from './lane-receive.ts'
import type { LaneOffer } from './lane-offer.ts'
import { LaneSet } from './lane-set.ts'
import { connectLane } from './lane-tls.ts'
import type { Libp2pNetwork } from '../libp2p-network.ts'

export interface LaneDialerOptions {
  readonly network: Pick<Libp2pNetwork, 'open' | 'onPeer' | 'connections'>
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Called when a peer gives no lane; it is asked again after `LANE_RETRY_MS`. */
  readonly onFailure?: (peer: string, error: DstoreError) => void
}

export class LaneDialer {
  readonly #options: LaneDialerOptions
  readonly #lanes = new LaneSet()
  readonly #slabs = new SlabPool()
  /** By peer that gave no lane: when to ask it again. */
  readonly #retryAt = new Map<string, number>()
  readonly #stopWatching: () => void

  constructor(options: LaneDialerOptions) {
    this.#options = options
    this.#stopWatching = options.network.onPeer({
      disconnected: (peer) => {
        this.#retryAt.delete(peer)
        this.#lanes.cut(peer)
      },
    })
  }

  /** A lane to a connected peer; undefined if it gives none: use a stream then. */
  async open(peer: string, signal?: AbortSignal): Promise<Channel | undefined> {
    if (this.hasNone(peer)) return undefined
    const limit = deadline(LANE_HANDSHAKE_MS, 'no lane', signal)
    try {
      return await this.#connect(peer, limit.signal)
    } catch (cause) {
      signal?.throwIfAborted()
      const error = asDstoreError(cause)
      // A peer that is busy or has disconnected may give a lane next time.
      if (error.code === 'busy' || !this.#isConnected(peer)) return undefined
      this.#retryAt.set(peer, this.#options.now() + LANE_RETRY_MS)
      this.#options.onFailure?.(peer, error)
      return undefined
    } finally {
      limit.clear()
    }
  }

  /** Did the peer give no lane a while ago, so that none is tried now? */
  hasNone(peer: string): boolean {
    return (this.#retryAt.get(peer) ?? -Infinity) > this.#options.now()
  }

  close(): void {
    this.#stopWatching()
    this.#lanes.cutAll()
  }

  async #connect(peer: string, signal: AbortSignal): Promise<Channel> {
    const { port, key } = await this.#ask(peer, signal)
    const receiver = new LaneReceiver(this.#slabs)
    const socket = await connectLane({ host: this.#host(peer), port }, key, signal, receiver)
    const lane = new LaneChannel(socket, peer, this.#slabs, receiver)
    this.#lanes.add(lane)
    // A lane must not outlive the connection, which may have closed meanwhile.
    if (!this.#isConnected(peer)) this.#lanes.cut(peer)
    return lane
  }

  async #ask(peer: string, signal: AbortSignal): Promise<LaneOffer> {
    const channel = await this.#options.network.open(peer, LANE_PROTOCOL, { signal })
    try {
      const reader = new FrameReader(channel, { maxBytes: LANE_OFFER_BYTES })
      const frame = await untilAborted(reader.next(), signal)
      if (frame === undefined) throw new DstoreError('busy', 'the peer offers no lane now')
      return decodeOffer(frame)
    } finally {
      channel.abort(new DstoreError('cancelled', 'the offer is over'))
    }
  }

  /** The host of the authenticated connection: an offer names only a port there. */
  #host(peer: string): string {
    const connection = this.#options.network.connections().find((one) => one.peer === peer)
    if (connection === undefined) throw new DstoreError('unreachable', `not connected to ${peer}`)
    return hostOf(connection.address)
  }

  #isConnected(peer: string): boolean {
    return this.#options.network.connections().some((connection) => connection.peer === peer)
  }
}
