/** What is in flight for the callers of this machine: each of their calls is a peer to the others. */
import { CALLERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES } from '../limits.ts'
import { Allowance } from '../transfer/shared-budget.ts'
import type { Meter } from './calls/byte-budget.ts'
import type { CallOptions } from './node.ts'

export class Callers {
  readonly #allowance = new Allowance(CALLERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES)
  #lastCall = 0

  /** For one call: its part of what all may have. */
  meter({ signal, timeoutMs }: CallOptions): Meter {
    return { allowance: this.#allowance, who: `${++this.#lastCall}`, signal, timeoutMs }
  }
}
