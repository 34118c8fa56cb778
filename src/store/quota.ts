/** Limits the bytes of values in a store: adopted values, and what stagings have reserved. */
import { DstoreError } from '../errors.ts'
import type { StoreUsage } from './store.ts'

/** What makes room, in a store that has copies of its values elsewhere. */
export interface Evictor {
  /** Bytes that it can free now. */
  readonly evictableBytes: number
  /** Frees at least so many of the quota's bytes, at once. */
  evict(bytes: number): void
  /** What to do where even that is too little. */
  readonly hint: string
}

const HINT =
  'remove what is not needed, or start the node that has the store with a larger `--max-size`'

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

  /** Evicts what is beyond the limit, as far as it can be evicted now. */
  evictExcess(): void {
    if (this.maxBytes === undefined || this.#usedBytes <= this.maxBytes) return
    this.#evictor?.evict(this.#usedBytes - this.maxBytes)
  }

  /** Bytes that can still be reserved, at least 0; undefined without a limit. */
  get headroomBytes(): number | undefined {
    if (this.maxBytes === undefined) return undefined
    const evictableBytes = this.#evictor?.evictableBytes ?? 0
    return Math.max(0, this.maxBytes - this.#usedBytes + evictableBytes)
  }

  /**
   * Reserves all of these bytes, or throws `no-space` and reserves none. `storedBytes` of them are
   * a second copy of what is stored, soon freed: the limit is not for them.
   */
  reserve(bytes: number, storedBytes: number = 0): void {
    const headroom = this.headroomBytes
    const added = bytes - storedBytes
    if (headroom !== undefined && added > headroom) {
      throw new DstoreError('no-space', `${added} bytes do not fit: ${headroom} bytes are left`, {
        hint: this.#evictor?.hint ?? HINT,
      })
    }
    this.#usedBytes += bytes
    if (bytes > 0) this.evictExcess()
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
