/** Limits a verification to a rate that leaves the disk to others (specs/005, "Verification"). */
import { VERIFY_BYTES_PER_SECOND } from '../../limits.ts'
import { pause } from '../../deadline.ts'
import type { Verification } from '../node.ts'

/** Bytes that are read between two checks of the rate. */
const STRIDE_BYTES = 4 * 1024 * 1024

/** How long a verification may keep the event loop, in milliseconds. */
const TURN_MS = 8

export class VerifyPace {
  readonly signal: AbortSignal
  #sinceMs = performance.now()
  #turnMs = performance.now()
  #strideBytes = 0
  values = 0
  damaged = 0
  doneBytes = 0

  constructor(signal: AbortSignal = new AbortController().signal) {
    this.signal = signal
  }

  /**
   * Counts bytes, and waits if they were read too fast, or if other work has waited for long.
   * Returns whether to report progress.
   */
  async add(bytes: number): Promise<boolean> {
    this.doneBytes += bytes
    this.#strideBytes += bytes
    if (this.#strideBytes < STRIDE_BYTES) {
      // Reads of small values need not wait for anything.
      if (performance.now() - this.#turnMs > TURN_MS) await this.#turn()
      return false
    }
    const dueMs = (this.#strideBytes / VERIFY_BYTES_PER_SECOND) * 1000
    await pause(Math.max(0, dueMs - (performance.now() - this.#sinceMs)), this.signal)
    this.signal.throwIfAborted()
    this.#strideBytes = 0
    this.#sinceMs = performance.now()
    await this.#turn()
    return true
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.signal.throwIfAborted()
    this.#turnMs = performance.now()
  }

  progress(totalBytes: number): Verification {
    const { values, doneBytes } = this
    return { type: 'progress', values, doneBytes, totalBytes: Math.max(totalBytes, doneBytes) }
  }

  done(): Verification {
    const { values, doneBytes, damaged } = this
    return { type: 'done', values, doneBytes, damaged }
  }
}
