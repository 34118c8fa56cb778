/** The open lanes, by peer. None may outlive the libp2p connection that authenticated it. */
import { DstoreError } from '../../errors.ts'
import type { Channel } from '../../wire/channel.ts'

export class LaneSet {
  readonly #lanes = new Map<string, Set<Channel>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  count(peer: string): number {
    return this.#lanes.get(peer)?.size ?? 0
  }

  /** Keeps a lane until it is aborted. */
  add(lane: Channel): void {
    if (lane.signal.aborted) return
    const { peer } = lane
    const lanes = this.#lanes.get(peer) ?? new Set()
    this.#lanes.set(peer, lanes.add(lane))
    this.#size++
    lane.signal.addEventListener('abort', () => {
      lanes.delete(lane)
      if (lanes.size === 0) this.#lanes.delete(peer)
      this.#size--
    })
  }

  cut(peer: string): void {
    for (const lane of this.#lanes.get(peer) ?? []) {
      lane.abort(new DstoreError('unreachable', 'the connection to the peer has closed'))
    }
  }

  cutAll(): void {
    for (const peer of this.#lanes.keys()) this.cut(peer)
  }
}
