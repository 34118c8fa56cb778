/** Gathers the groups of a slice, which come cut anywhere, and verifies and gives out runs of them. */
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES, PIECE_BYTES } from '../limits.ts'
import type { Engine } from './engine.ts'
import type { CvPile } from './cv-pile.ts'
import { IntegrityError } from './integrity.ts'
import type { ByteRange } from './tree.ts'

/** A run of bytes of the value that are proved. The array is the receiver's. */
export interface ProvedBytes {
  readonly kind: 'data'
  /** Offset of the first within the value. */
  readonly start: number
  readonly bytes: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** Holds at most `PIECE_BYTES`, and never more than a group above what has come. */
export class GroupBatch {
  readonly #engine: Engine
  readonly #groupBytes: number
  readonly #root: boolean
  /** Where the last group of the slice ends. */
  readonly #end: number
  /** Offset of `#bytes` within the value: the start of a group. */
  #start: number
  #bytes: Uint8Array = NOTHING
  /** How much of `#bytes` has come. */
  #filled = 0
  /** What the groups in `#bytes` that are all there must hash to, 32 bytes each. */
  readonly #expected: Uint8Array
  #groups = 0
  readonly #cv = new Uint8Array(DIGEST_BYTES)
  readonly #cvs: Uint8Array

  /** For the groups that lie in `range`; `root` says that there is one, which is the whole value. */
  constructor(engine: Engine, groupBytes: number, range: ByteRange, root: boolean) {
    this.#engine = engine
    this.#groupBytes = groupBytes
    this.#root = root
    this.#start = range.start
    this.#end = range.end
    this.#expected = new Uint8Array((PIECE_BYTES / groupBytes) * DIGEST_BYTES)
    this.#cvs = new Uint8Array((HASH_WINDOW_BYTES / groupBytes) * DIGEST_BYTES)
  }

  /** Offset of the first byte that is not proved. */
  get start(): number {
    return this.#start
  }

  /** Offset of the first byte that has not come. */
  get position(): number {
    return this.#start + this.#filled
  }

  /** Take the next bytes, of one group; `coming` is how many bytes of input there are at least until the next flush. */
  add(bytes: Uint8Array, coming: number): void {
    if (bytes.byteLength === 0) return
    if (this.#filled === this.#bytes.byteLength) this.#reserve(coming)
    this.#bytes.set(bytes, this.#filled)
    this.#filled += bytes.byteLength
  }

  /** The last group that was added to is all there, and must hash to what is on top of the pile. */
  completeGroup(expected: CvPile): void {
    expected.popInto(this.#expected, this.#groups++ * DIGEST_BYTES)
  }

  /** Is there no room for another group? Then flush. */
  get full(): boolean {
    return this.#groups > 0 && this.#filled === this.#bytes.byteLength
  }

  /** Verify the groups that are all there: they are given out, or it throws. Undefined where there is no byte. */
  flush(): ProvedBytes | undefined {
    const whole = Math.min(this.#groups * this.#groupBytes, this.#filled)
    if (this.#groups > 0) this.#verify(this.#bytes.subarray(0, whole))
    this.#groups = 0
    if (whole === 0) return undefined
    const proved: ProvedBytes = {
      kind: 'data',
      start: this.#start,
      bytes: this.#bytes.subarray(0, whole),
    }
    this.#start += whole
    this.#filled -= whole
    // What has come of the next group moves out: the array is the receiver's from here on.
    this.#bytes = this.#bytes.slice(whole, whole + this.#filled)
    return proved
  }

  /** An array with room for what comes, up to the bounds. */
  #reserve(coming: number): void {
    const groups = Math.ceil((this.#filled + coming) / this.#groupBytes)
    const length = Math.min(groups * this.#groupBytes, PIECE_BYTES, this.#end - this.#start)
    // Not zeroed, which would cost a tenth of the time: nothing of it is given out before it was written and proved.
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  #verify(bytes: Uint8Array): void {
    const groupBytes = this.#groupBytes
    // Groups that are whole, and not the root, many at a time; the other at most one alone.
    const many = this.#root ? 0 : bytes.byteLength - (bytes.byteLength % groupBytes)
    for (let at = 0; at < many; at += HASH_WINDOW_BYTES) {
      const window = bytes.subarray(at, Math.min(at + HASH_WINDOW_BYTES, many))
      this.#engine.groups(window, (this.#start + at) / CHUNK_BYTES, groupBytes, this.#cvs, 0)
      for (let i = 0; i < window.byteLength / groupBytes; i++) {
        this.#compare(this.#cvs, i * DIGEST_BYTES, at + i * groupBytes)
      }
    }
    if (many === bytes.byteLength && !this.#root) return
    const chunk = (this.#start + many) / CHUNK_BYTES
    this.#engine.subtree(bytes.subarray(many), chunk, this.#root, this.#cv, 0)
    this.#compare(this.#cv, 0, many)
  }

  #compare(cvs: Uint8Array, cvOffset: number, at: number): void {
    const expectedOffset = (at / this.#groupBytes) * DIGEST_BYTES
    for (let i = 0; i < DIGEST_BYTES; i++) {
      if (cvs[cvOffset + i] === this.#expected[expectedOffset + i]) continue
      const position = this.#start + at
      throw new IntegrityError(
        'group',
        position,
        `the bytes from ${position} on are not the value's`,
      )
    }
  }
}
