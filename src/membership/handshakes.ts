/** Bounds handshakes in progress, in all and per network (specs/006-membership.md, "The gate"). */
import { ADMISSION_HOSTS } from '../limits.ts'
import { networkOf, Rate } from './rate.ts'

export interface HandshakeBounds {
  /** At one time, in all and of one network. */
  readonly connectionsPending: number
  readonly connectionsPendingPerHost: number
  /** Started by one network in a second. */
  readonly connectionsPerHostPerSecond: number
}

export class Handshakes {
  readonly #bounds: HandshakeBounds
  /** By connection: the network that started it. */
  readonly #pending = new Map<string, string>()
  readonly #started: Rate

  /** `now`: monotonic milliseconds. */
  constructor(bounds: HandshakeBounds, now: () => number) {
    this.#bounds = bounds
    this.#started = new Rate({
      now,
      perSource: bounds.connectionsPerHostPerSecond,
      total: Infinity,
      windowMs: 1000,
      remembered: ADMISSION_HOSTS,
    })
  }

  /** May this connection start a handshake? If so, it counts until `end`. */
  begin(connection: string, host: string): boolean {
    const { connectionsPending, connectionsPendingPerHost } = this.#bounds
    const network = networkOf(host)
    const ofNetwork = [...this.#pending.values()].filter((one) => one === network).length
    const isFull = this.#pending.size >= connectionsPending
    if (isFull || ofNetwork >= connectionsPendingPerHost || this.#started.isSpent(network))
      return false
    this.#started.add(network)
    this.#pending.set(connection, network)
    return true
  }

  end(connection: string): void {
    this.#pending.delete(connection)
  }
}
