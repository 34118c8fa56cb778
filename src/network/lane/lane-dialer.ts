/**
 * The dialing side of lanes (specs/003-transfer-lane.md): gets a key from a peer and connects with
 * it.
 */
import { setMaxListeners } from 'node:events'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { LANE_HANDSHAKE_MS } from '../../limits.ts'
import { FrameReader } from '../../wire/frames.ts'
import { hostOf } from '../multiaddr.ts'
import { deadline, untilAborted } from '../../deadline.ts'
import { LaneBackoff } from './lane-backoff.ts'
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
  /** Called when a peer gives no lane; it is asked again after `retryMs`. */
  readonly onFailure?: (peer: string, error: DstoreError, retryMs: number) => void
}

export class LaneDialer {
  readonly #options: LaneDialerOptions
  readonly #lanes = new LaneSet()
  readonly #slabs = new SlabPool()
  readonly #backoff: LaneBackoff
  /** By peer: why it gave no lane when it was last asked. */
  readonly #faults = new Map<string, string>()
  readonly #stop = new AbortController()
  readonly #stopWatching: () => void

  constructor(options: LaneDialerOptions) {
    this.#options = options
    this.#backoff = new LaneBackoff(options.now)
    // Each lane that is being opened listens, and there may be many peers.
    setMaxListeners(0, this.#stop.signal)
    this.#stopWatching = options.network.onPeer({ disconnected: (peer) => this.forget(peer) })
  }

  /** The connection by which the lanes to a peer came has ended. */
  forget(peer: string): void {
    this.#backoff.reset(peer)
    this.#faults.delete(peer)
    this.#lanes.cut(peer)
  }

  /** A lane to a connected peer; undefined if it gives none: use a stream then. */
  async open(peer: string): Promise<LaneChannel | undefined> {
    const host = this.#host(peer)
    if (host === undefined || !this.isDue(peer)) return undefined
    const limit = deadline(LANE_HANDSHAKE_MS, 'no lane', this.#stop.signal)
    let offer: LaneOffer | undefined
    try {
      offer = await this.#ask(peer, limit.signal)
      const lane = await this.#connect(peer, host, offer, limit.signal)
      this.#backoff.reset(peer)
      this.#faults.delete(peer)
      return lane
    } catch (cause) {
      const error = asDstoreError(cause)
      // A peer that is busy or has disconnected may give a lane next time.
      const hasRefused = error.code !== 'busy' && this.#host(peer) !== undefined
      if (!hasRefused || this.#stop.signal.aborted) return undefined
      this.#faults.set(peer, faultOf(error, offer))
      this.#options.onFailure?.(peer, error, this.#backoff.failed(peer, host))
      return undefined
    } finally {
      limit.clear()
    }
  }

  /** Is the peer connected, and has it given a lane or not been asked for long enough? */
  isDue(peer: string): boolean {
    const host = this.#host(peer)
    return host !== undefined && !this.#stop.signal.aborted && this.#backoff.isDue(peer, host)
  }

  /** Why a connected peer gave no lane when it was last asked; undefined if it gave one. */
  fault(peer: string): string | undefined {
    return this.#faults.get(peer)
  }

  /** Open lanes to a peer. */
  count(peer: string): number {
    return this.#lanes.count(peer)
  }

  close(): void {
    this.#stopWatching()
    this.#stop.abort(new DstoreError('cancelled', 'the node is closing'))
    this.#lanes.cutAll()
  }

  async #connect(
    peer: string,
    host: string,
    { port, key }: LaneOffer,
    signal: AbortSignal,
  ): Promise<LaneChannel> {
    const receiver = new LaneReceiver(this.#slabs)
    const socket = await connectLane({ host, port }, key, signal, receiver)
    const lane = new LaneChannel(socket, peer, this.#slabs, receiver)
    this.#lanes.add(lane)
    // A lane must not outlive the connection, which may have closed meanwhile.
    if (this.#host(peer) === undefined) this.#lanes.cut(peer)
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

  /**
   * The host of the authenticated connection: an offer names only a port there. Undefined if there
   * is no connection.
   */
  #host(peer: string): string | undefined {
    const connection = this.#options.network.connections().find((one) => one.peer === peer)
    return connection === undefined ? undefined : hostOf(connection.address)
  }
}

function faultOf({ code, message }: DstoreError, offer: LaneOffer | undefined): string {
  if (offer === undefined) return code === 'incompatible' ? 'the peer has no lanes' : message
  if (code === 'not-permitted') return `something else answers on lane port ${offer.port}`
  return `lane port ${offer.port} did not answer`
}
