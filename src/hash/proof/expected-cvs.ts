/** The chaining values that the next subtrees must have: a stack with the next subtree on top. */
import { DIGEST_BYTES } from '../../limits.ts'

/**
 * The right child of every parent on the way down, and both of the last: 2^53 bytes are 2^43
 * chunks.
 */
const DEPTH = 54

/** Copies word by word, which takes half as long as byte by byte. */
export class ExpectedCvs {
  readonly #cvs = new DataView(new ArrayBuffer(DEPTH * DIGEST_BYTES))
  /** Offset after the top. */
  #end = 0

  push(from: DataView, offset: number): void {
    const cvs = this.#cvs
    const end = this.#end
    for (let i = 0; i < DIGEST_BYTES; i += 4) cvs.setUint32(end + i, from.getUint32(offset + i))
    this.#end += DIGEST_BYTES
  }

  /** Moves the top to `out`. */
  popInto(out: DataView, offset: number): void {
    this.#end -= DIGEST_BYTES
    const cvs = this.#cvs
    const end = this.#end
    for (let i = 0; i < DIGEST_BYTES; i += 4) out.setUint32(offset + i, cvs.getUint32(end + i))
  }

  /** Removes the top; does it equal `cv`? */
  popEquals(cv: DataView, offset = 0): boolean {
    this.#end -= DIGEST_BYTES
    const cvs = this.#cvs
    const end = this.#end
    let difference = 0
    for (let i = 0; i < DIGEST_BYTES; i += 4)
      difference |= cv.getUint32(offset + i) ^ cvs.getUint32(end + i)
    return difference === 0
  }
}
