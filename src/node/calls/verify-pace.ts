/** Limits a verification to a rate that leaves the disk to others (specs/005, "Verification"). */
import { VERIFY_BYTES_PER_SECOND } from '../../limits.ts'
import { pause } from '../../deadline.ts'
import type { Verification } from '../node.ts'

/** Bytes that are read between two checks of the rate. */
const STRIDE_BYTES = 4 * 1024 * 1024

export class VerifyPace {
  readonly signal: AbortSignal
  #sinceMs = performance.now()
  #strideBytes = 0
  values = 0
  damaged = 0
  doneBytes = 0

  constructor(signal: AbortSignal = new AbortController().signal) {
    this.signal = signal
  }

  /** Counts bytes, and waits if they were read too fast. Returns whether to report progress. */
  async add(bytes: number): Promise<boolean> {
    this.doneBytes += bytes
    this.#strideBytes += bytes
    if (this.#strideBytes < STRIDE_BYTES) return false
    const dueMs = (this.#strideBytes / VERIFY_BYTES_PER_SECOND) * 1000
    await pause(Math.max(0, dueMs - (performance.now() - this.#sinceMs)), this.signal)
    this.signal.throwIfAborted()
    this.#strideBytes = 0
    this.#sinceMs = performance.now()
    return true
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
