/**
 * Opens lanes before transfers need them (specs/003-transfer-lane.md, R003-121): a transfer takes
 * one that is open, or uses a stream, and never waits for a lane.
 */
import type { LaneChannel } from './lane-channel.ts'
import type { LaneDialer } from './lane-dialer.ts'

/** Lanes to one peer that are open and unused, or being opened. */
export const LANES_AHEAD: number = 2

interface Ahead {
  /** Lanes that are open, and that no transfer has used yet. */
  readonly spare: LaneChannel[]
  opening: number
}

export class LanesAhead {
  readonly #dialer: Pick<LaneDialer, 'open' | 'isDue' | 'count'>
  readonly #peers = new Map<string, Ahead>()

  constructor(dialer: Pick<LaneDialer, 'open' | 'isDue' | 'count'>) {
    this.#dialer = dialer
  }

  /** A lane that is open now, if there is one. */
  take(peer: string): LaneChannel | undefined {
    const ahead = this.#peers.get(peer)
    const lane = ahead?.spare.pop()
    if (ahead === undefined || lane === undefined) return undefined
    this.#forget(peer, ahead)
    this.prepare(peer)
    return lane
  }

  /** Opens a lane to a connected peer in the background, for a transfer that comes later. */
  prepare(peer: string): void {
    if (!this.isDue(peer)) return
    const ahead = this.#peers.get(peer) ?? { spare: [], opening: 0 }
    this.#peers.set(peer, ahead)
    ahead.opening++
    void this.#open(peer, ahead)
  }

  /** Would `prepare` open a lane? */
  isDue(peer: string): boolean {
    if (!this.#dialer.isDue(peer)) return false
    const { spare, opening } = this.#peers.get(peer) ?? NONE
    // One at a time until the peer has given one: the attempt may be in vain.
    return spare.length + opening < (this.#dialer.count(peer) > 0 ? LANES_AHEAD : 1)
  }

  hasSpare(peer: string): boolean {
    return (this.#peers.get(peer) ?? NONE).spare.length > 0
  }

  async #open(peer: string, ahead: Ahead): Promise<void> {
    const lane = await this.#dialer.open(peer)
    ahead.opening--
    if (lane !== undefined && !lane.signal.aborted) {
      ahead.spare.push(lane)
      lane.signal.addEventListener('abort', () => {
        const at = ahead.spare.indexOf(lane)
        if (at !== -1) ahead.spare.splice(at, 1)
        this.#forget(peer, ahead)
      })
    }
    this.#forget(peer, ahead)
  }

  #forget(peer: string, ahead: Ahead): void {
    const isEmpty = ahead.opening === 0 && ahead.spare.length === 0
    if (isEmpty && this.#peers.get(peer) === ahead) this.#peers.delete(peer)
  }
}

const NONE: Ahead = { spare: [], opening: 0 }
