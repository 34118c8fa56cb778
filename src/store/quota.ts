/** Limits the bytes of values in a store: adopted values, and what stagings have reserved. */
import { DstoreError } from '../errors.ts'
import type { StoreUsage } from './store.ts'

/** What makes room, in a store that has copies of its values elsewhere. */
export interface Evictor {
  /** Bytes that it can free now. */
  readonly evictableBytes: number
  /** Frees at least so many of the quota's bytes, at once. */
  evict(bytes: number): void
}

export class Quota {
  /** Undefined without a limit. */
  readonly maxBytes: number | undefined
  #usedBytes: number
  #evictor: Evictor | undefined

  /**
   * `maxBytes` undefined: no limit. `usedBytes` are stored already, perhaps beyond the limit, which
   * may be lower than it was.
   */
  constructor(maxBytes: number | undefined, usedBytes = 0) {
    this.maxBytes = maxBytes
    this.#usedBytes = usedBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** From now on it makes room before anything is refused. */
  evictBy(evictor: Evictor): void {
    this.#evictor = evictor
  }

  /** Bytes that can still be reserved, at least 0; undefined without a limit. */
  get headroomBytes(): number | undefined {
    if (this.maxBytes === undefined) return undefined
    const evictableBytes = this.#evictor?.evictableBytes ?? 0
    return Math.max(0, this.maxBytes - this.#usedBytes + evictableBytes)
  }

  /** Reserves all of these bytes, or throws `no-space` and reserves none. */
  reserve(bytes: number): void {
    const headroom = this.headroomBytes
    if (headroom !== undefined && bytes > headroom) {
      throw new DstoreError('no-space', `${bytes} bytes do not fit: ${headroom} bytes are left`)
    }
    this.#usedBytes += bytes
    if (this.maxBytes === undefined || bytes === 0) return
    if (this.#usedBytes > this.maxBytes) this.#evictor?.evict(this.#usedBytes - this.maxBytes)
  }

  free(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

/** What `usage` says of a quota. */
export const quotaOf = ({ maxBytes, headroomBytes }: Quota): Usage => ({
  ...(maxBytes !== undefined && { quotaBytes: maxBytes }),
  headroomBytes,
})

type Usage = Pick<StoreUsage, 'quotaBytes' | 'headroomBytes'>

/**
 * Bytes of the quota that one staging holds: first the announced size, then what arrives beyond it.
 */
export class Reservation {
  readonly #quota: Quota
  #reservedBytes: number
  #usedBytes = 0

  constructor(quota: Quota, announcedBytes: number | undefined) {
    this.#quota = quota
    this.#reservedBytes = announcedBytes ?? 0
    quota.reserve(this.#reservedBytes)
  }

  /** Uses more bytes; throws `no-space` if they do not fit. */
  use(bytes: number): void {
    const missing = this.#usedBytes + bytes - this.#reservedBytes
    if (missing > 0) {
      this.#quota.reserve(missing)
      this.#reservedBytes += missing
    }
    this.#usedBytes += bytes
  }

  /** Frees announced bytes that did not arrive. The used ones stay reserved. */
  settle(): void {
    this.#quota.free(this.#reservedBytes - this.#usedBytes)
    this.#reservedBytes = this.#usedBytes
  }

  /** Frees all bytes. */
  release(): void {
    this.#quota.free(this.#reservedBytes)
    this.#reservedBytes = 0
    this.#usedBytes = 0
  }
}
