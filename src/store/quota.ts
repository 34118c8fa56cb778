/** How many bytes of values a store may hold: what is reserved by stagings and what adopted values take. */
import { DstoreError } from '../errors.ts'

export class Quota {
  readonly #maxBytes: number | undefined
  #takenBytes = 0

  /** `maxBytes` undefined: no bound. */
  constructor(maxBytes: number | undefined) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that may still be taken, never below 0; undefined where there is no bound. */
  get headroomBytes(): number | undefined {
    if (this.#maxBytes === undefined) return undefined
    return Math.max(0, this.#maxBytes - this.#takenBytes)
  }

  /** Take bytes, or `no-space` and nothing is taken. */
  take(bytes: number): void {
    const headroom = this.headroomBytes
    if (headroom !== undefined && bytes > headroom) {
      throw new DstoreError('no-space', `${bytes} bytes do not fit: ${headroom} bytes are left`)
    }
    this.#takenBytes += bytes
  }

  /** Take bytes that are there already, bound or not (a store that opens with more than it may hold). */
  count(bytes: number): void {
    this.#takenBytes += bytes
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes
  }
}

/** What one staging has taken: first what was announced, then what came. */
export class Reservation {
  readonly #space: Quota
  #reservedBytes: number
  #usedBytes = 0

  constructor(space: Quota, announcedBytes: number | undefined) {
    this.#space = space
    this.#reservedBytes = announcedBytes ?? 0
    space.take(this.#reservedBytes)
  }

  /** So many bytes more are used; `no-space` where they do not fit. */
  use(bytes: number): void {
    const missing = this.#usedBytes + bytes - this.#reservedBytes
    if (missing > 0) {
      this.#space.take(missing)
      this.#reservedBytes += missing
    }
    this.#usedBytes += bytes
  }

  /** Give back what was announced and did not come. The rest stays taken. */
  settle(): void {
    this.#space.give(this.#reservedBytes - this.#usedBytes)
    this.#reservedBytes = this.#usedBytes
  }

  /** Give back everything. */
  release(): void {
    this.#space.give(this.#reservedBytes)
    this.#reservedBytes = 0
    this.#usedBytes = 0
  }
}
