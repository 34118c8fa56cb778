/** A pile of chaining values in one array: what the subtrees still to come must hash to, the next one on top. */
import { DIGEST_BYTES } from '../../limits.ts'

/** The right child of every parent on the way down, and the two of the last: 2^53 bytes are 2^43 chunks. */
const DEPTH = 54

/** What it takes and gives lies in views of whatever holds it: word by word takes half as long as byte by byte. */
export class CvPile {
  readonly #cvs = new DataView(new ArrayBuffer(DEPTH * DIGEST_BYTES))
  /** Where the next goes. */
  #end = 0

  push(from: DataView, offset: number): void {
    const cvs = this.#cvs
    const end = this.#end
    for (let i = 0; i < DIGEST_BYTES; i += 4) cvs.setUint32(end + i, from.getUint32(offset + i))
    this.#end += DIGEST_BYTES
  }

  /** Take the top off, into `out`. */
  popInto(out: DataView, offset: number): void {
    this.#end -= DIGEST_BYTES
    const cvs = this.#cvs
    const end = this.#end
    for (let i = 0; i < DIGEST_BYTES; i += 4) out.setUint32(offset + i, cvs.getUint32(end + i))
  }

  /** Take the top off; was it this? */
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
