/** A pile of chaining values in one array: what the subtrees still to come must hash to, the next one on top. */
import { DIGEST_BYTES } from '../limits.ts'

/** The right child of every parent on the way down, and the two of the last: 2^53 bytes are 2^43 chunks. */
const DEPTH = 54

export class CvPile {
  readonly #cvs = new Uint8Array(DEPTH * DIGEST_BYTES)
  /** Where the next goes. */
  #end = 0

  push(bytes: Uint8Array, offset: number): void {
    // A loop: for 32 bytes, a view and its `set` take several times as long.
    for (let i = 0; i < DIGEST_BYTES; i++) this.#cvs[this.#end + i] = bytes[offset + i]!
    this.#end += DIGEST_BYTES
  }

  /** Take the top off, into `out`. */
  popInto(out: Uint8Array, offset: number): void {
    this.#end -= DIGEST_BYTES
    for (let i = 0; i < DIGEST_BYTES; i++) out[offset + i] = this.#cvs[this.#end + i]!
  }

  /** Take the top off; was it this? */
  popEquals(cvs: Uint8Array, offset = 0): boolean {
    this.#end -= DIGEST_BYTES
    let difference = 0
    for (let i = 0; i < DIGEST_BYTES; i++)
      difference |= cvs[offset + i]! ^ this.#cvs[this.#end + i]!
    return difference === 0
  }
}
