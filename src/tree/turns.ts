/** Lets other work of the process run between many short synchronous steps. */
import { throwIfCancelled } from '../errors.ts'

/** How long the steps may keep the event loop, in milliseconds. */
const TURN_MS = 8

export class Turns {
  readonly #signal: AbortSignal | undefined
  #since = performance.now()

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  /** Is it time to `pause`? */
  get isDue(): boolean {
    return performance.now() - this.#since > TURN_MS
  }

  /** Resolves in the next turn of the event loop. Error: `cancelled`. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    throwIfCancelled(this.#signal)
    this.#since = performance.now()
  }
}
