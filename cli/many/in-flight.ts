/** Bounds on what one command has in flight: requests, and bytes of their values (R007-201). */
import { MIB } from '../../src/limits.ts'

/** Requests that one command keeps in flight. */
export const IN_FLIGHT = 64

/** Bytes of the values that are in flight, where their sizes are known. */
const IN_FLIGHT_BYTES = 64 * MIB

/** So that the next large value arrives while this one is synced. */
const LARGE_AT_ONCE = 2

export class InFlight {
  #requests = 0
  #bytes = 0
  readonly #waiting: (() => void)[] = []

  /** Waits until the value may be requested. Only one caller may wait at a time. */
  async enter(size: number): Promise<() => void> {
    const bytes = Math.min(size, IN_FLIGHT_BYTES / LARGE_AT_ONCE)
    while (this.#requests >= IN_FLIGHT || this.#bytes + bytes > IN_FLIGHT_BYTES) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#requests++
    this.#bytes += bytes
    return () => {
      this.#requests--
      this.#bytes -= bytes
      this.#waiting.shift()?.()
    }
  }
}
