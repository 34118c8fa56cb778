/** The send windows of a giver: one for each peer (specs/003-transfer.md, R003-131). */
import { SendWindow } from './send-window.ts'

/** Windows that are remembered, for the next transfers to these peers. */
const PEERS = 256

export class PeerWindows {
  readonly #now: () => number
  /** By peer id, the least recently used first. */
  readonly #windows = new Map<string, SendWindow>()

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  of(peer: string): SendWindow {
    const window = this.#windows.get(peer) ?? new SendWindow(this.#now)
    this.#windows.delete(peer)
    this.#windows.set(peer, window)
    if (this.#windows.size > PEERS) this.#windows.delete(this.#windows.keys().next().value!)
    return window
  }
}
