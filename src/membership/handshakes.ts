/** Bounds handshakes in progress, in all and per network (specs/006-membership.md, "The gate"). */
import { ADMISSION_HOSTS } from '../limits.ts'
import { networkOf, Rate } from './rate.ts'

export interface HandshakesOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** At one time, in all and of one network. */
  readonly total: number
  readonly perHost: number
  /** Started by one network in a second. */
  readonly perHostPerSecond: number
}

export class Handshakes {
  readonly #options: HandshakesOptions
  /** By connection: the network that started it. */
  readonly #pending = new Map<string, string>()
  readonly #started: Rate

  constructor(options: HandshakesOptions) {
    this.#options = options
    this.#started = new Rate({
      now: options.now,
      perSource: options.perHostPerSecond,
      total: Infinity,
      windowMs: 1000,
      remembered: ADMISSION_HOSTS,
    })
  }

  /** May this connection start a handshake? If so, it counts until `end`. */
  begin(connection: string, host: string): boolean {
    const { total, perHost } = this.#options
    const network = networkOf(host)
    const ofNetwork = [...this.#pending.values()].filter((one) => one === network).length
    if (this.#pending.size >= total || ofNetwork >= perHost || this.#started.isSpent(network))
      return false
    this.#started.add(network)
    this.#pending.set(connection, network)
    return true
  }

  end(connection: string): void {
    this.#pending.delete(connection)
  }
}
