/**
 * Handshakes that are going on, by who began them (specs/006-membership.md, "The gate"): before anybody has proved to
 * be anyone.
 */
import { ADMISSION_HOSTS } from '../limits.ts'
import { networkOf, Rate } from './rate.ts'

export interface HandshakesOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** How many at one time, in all and of one host. */
  readonly inAll: number
  readonly perHost: number
  /** How many one host may begin in a second. */
  readonly perHostPerSecond: number
}

export class Handshakes {
  readonly #options: HandshakesOptions
  /** By connection: the host that began it. */
  readonly #going = new Map<string, string>()
  readonly #begun: Rate

  constructor(options: HandshakesOptions) {
    this.#options = options
    this.#begun = new Rate({
      now: options.now,
      perOne: options.perHostPerSecond,
      inAll: Infinity,
      windowMs: 1000,
      remembered: ADMISSION_HOSTS,
    })
  }

  /** May this connection begin? Then it counts until `end`. */
  begin(connection: string, host: string): boolean {
    const { inAll, perHost } = this.#options
    const network = networkOf(host)
    const near = [...this.#going.values()].filter((one) => one === network).length
    if (this.#going.size >= inAll || near >= perHost || this.#begun.isSpent(network)) return false
    this.#begun.add(network)
    this.#going.set(connection, network)
    return true
  }

  end(connection: string): void {
    this.#going.delete(connection)
  }
}
