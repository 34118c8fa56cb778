/** Bounds a fetch to a rate, so that it leaves the network to others. */
import { pause } from '../../deadline.ts'
import { GROUP_BYTES, MIB } from '../../limits.ts'

/** How much of a second's bytes is asked for at once. */
const STEP_SECONDS = 0.25

/** Bounds of a step, in bytes. More than a group: a read of one may pass a full cache by. */
const LEAST_STEP_BYTES = 4 * GROUP_BYTES
const MOST_STEP_BYTES = 16 * MIB

export class Pace {
  /** Bytes to ask for at once. */
  readonly stepBytes: number
  readonly #bytesPerMs: number
  readonly #now: () => number
  /** When all that was taken so far may be over, in milliseconds. */
  #dueMs = -Infinity

  /** `now`: monotonic milliseconds. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#now = now
    const step = Math.round((bytesPerSecond * STEP_SECONDS) / GROUP_BYTES) * GROUP_BYTES
    this.stepBytes = Math.min(MOST_STEP_BYTES, Math.max(LEAST_STEP_BYTES, step))
  }

  /** Counts bytes that are asked for now, and waits until those before them may have come. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#now()
    const startMs = Math.max(now, this.#dueMs)
    this.#dueMs = startMs + bytes / this.#bytesPerMs
    if (startMs > now) await pause(startMs - now, signal)
    signal.throwIfAborted()
  }
}
