/**
 * When a peer that gave no lane is asked again (specs/003-transfer-lane.md, R003-120): after
 * `LANE_RETRY_MS`, then after twice as long each time. A peer at another address, which another
 * firewall may guard, is asked at once. No I/O: the clock is injected.
 */
import { LANE_RETRY_MOST_MS, LANE_RETRY_MS } from '../../limits.ts'

interface Failures {
  readonly host: string
  readonly waitMs: number
  readonly retryAt: number
}

export class LaneBackoff {
  readonly #now: () => number
  readonly #failures = new Map<string, Failures>()

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** May the peer, connected from this host, be asked for a lane? */
  isDue(peer: string, host: string): boolean {
    const failures = this.#failures.get(peer)
    return failures?.host !== host || failures.retryAt <= this.#now()
  }

  /** The peer gave no lane. Returns how long it is not asked again. */
  failed(peer: string, host: string): number {
    const before = this.#failures.get(peer)
    const isFirst = before?.host !== host
    // Of attempts side by side, one counts.
    if (!isFirst && !this.isDue(peer, host)) return before.waitMs
    const waitMs = isFirst ? LANE_RETRY_MS : Math.min(2 * before.waitMs, LANE_RETRY_MOST_MS)
    this.#failures.set(peer, { host, waitMs, retryAt: this.#now() + waitMs })
    return waitMs
  }

  /** The peer gave a lane, or has disconnected. */
  reset(peer: string): void {
    this.#failures.delete(peer)
  }
}
