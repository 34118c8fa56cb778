/** Many small copies in few pieces of memory: one for each takes most of the time of a put. */
import { KIB } from '../../../limits.ts'

/** The first piece, which each further one doubles, up to the most. */
const FIRST_BYTES = 4 * KIB
const MOST_BYTES = 64 * KIB

export class CopiedBytes {
  #piece = new Uint8Array(0)
  #used = 0

  /** A copy, which keeps the memory of its neighbours as long as it is kept itself. */
  of(bytes: Uint8Array): Uint8Array {
    const { byteLength } = bytes
    if (byteLength > MOST_BYTES / 4) return bytes.slice()
    if (this.#used + byteLength > this.#piece.byteLength) {
      const doubled = Math.min(MOST_BYTES, 2 * this.#piece.byteLength)
      this.#piece = new Uint8Array(Math.max(FIRST_BYTES, byteLength, doubled))
      this.#used = 0
    }
    const copy = this.#piece.subarray(this.#used, (this.#used += byteLength))
    copy.set(bytes)
    return copy
  }
}
