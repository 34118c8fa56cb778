/** The groups of a slice, which come cut anywhere: verified many at a time, and given out where they lie. */
import { viewOf } from '../../bytes.ts'
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../limits.ts'
import type { Engine } from '../engine/engine.ts'
import type { CvPile } from './expected-cvs.ts'
import { IntegrityError } from './integrity.ts'

/** A run of bytes of the value that are proved. */
export interface ProvedBytes {
  readonly kind: 'data'
  /** Offset of the first within the value. */
  readonly start: number
  /** Mostly a view of what was pushed; the decoder itself does not touch it again. */
  readonly bytes: Uint8Array
}

const NOTHING = new Uint8Array(0)

/**
 * Holds views of what came since the last flush, of at most `HASH_WINDOW_BYTES`, and one group that a push cut. Groups
 * may lie apart, with pairs between them, and are hashed together all the same.
 */
export class GroupBatch {
  readonly #engine: Engine
  readonly #groupBytes: number
  /** There is one group, which is the whole value. */
  readonly #root: boolean
  /** Offset of the first byte that is not proved: the start of a group. */
  #start: number
  /** Groups that are all there, in order; what lies together is one run. Short is at most the last group. */
  #runs: Uint8Array[] = []
  #runBytes = 0
  #groups = 0
  /** What they must hash to, 32 bytes each. */
  readonly #expected: Uint8Array
  readonly #expectedView: DataView
  /** The group that comes next, where a push ended in it: as far as it came. */
  #cut: Uint8Array | undefined
  #cutLength = 0
  /** Scratch. */
  readonly #cvs: Uint8Array

  /** For groups from the one that begins at `start`; `root` says that there is one, which is the whole value. */
  constructor(engine: Engine, groupBytes: number, start: number, root: boolean) {
    this.#engine = engine
    this.#groupBytes = groupBytes
    this.#start = start
    this.#root = root
    this.#expected = new Uint8Array((HASH_WINDOW_BYTES / groupBytes) * DIGEST_BYTES)
    this.#expectedView = viewOf(this.#expected)
    this.#cvs = new Uint8Array(this.#expected.byteLength)
  }

  /** Offset of the first byte that is not proved. */
  get start(): number {
    return this.#start
  }

  /** Offset of the first byte that has not come. */
  get position(): number {
    return this.#start + this.#runBytes + this.#cutLength
  }

  /** Take from `input`, from `at` on, what it has of the group that comes next, of `length` bytes: how many it had. */
  take(input: Uint8Array, at: number, length: number): number {
    const taken = Math.min(length - this.#cutLength, input.byteLength - at)
    if (taken === length) {
      this.#add(input.buffer, input.byteOffset + at, length)
      return taken
    }
    // Not zeroed: nothing of it is given out before it was written and proved.
    this.#cut ??= Buffer.allocUnsafeSlow(length)
    this.#cut.set(input.subarray(at, at + taken), this.#cutLength)
    this.#cutLength += taken
    if (this.#cutLength === length) {
      this.#add(this.#cut.buffer, 0, length)
      this.#cut = undefined
      this.#cutLength = 0
    }
    return taken
  }

  /** The last group is all there, and must hash to what is on top of the pile. */
  completeGroup(expected: CvPile): void {
    expected.popInto(this.#expectedView, this.#groups++ * DIGEST_BYTES)
  }

  /** Is there no room for another group? Then flush. */
  get full(): boolean {
    return this.#groups * DIGEST_BYTES === this.#expected.byteLength
  }

  /** Verify the groups that are all there, and give them out in runs; or throw, and give out none of them. */
  flush(): ProvedBytes[] {
    if (this.#groups === 0) return []
    this.#verify()
    const proved = this.#runs.map((bytes): ProvedBytes => {
      const start = this.#start
      this.#start += bytes.byteLength
      return { kind: 'data', start, bytes }
    })
    this.#runs = []
    this.#runBytes = 0
    this.#groups = 0
    return proved
  }

  #add(buffer: ArrayBufferLike, offset: number, length: number): void {
    if (length === 0) return
    this.#runBytes += length
    const last = this.#runs.at(-1)
    const isNext = last?.buffer === buffer && last.byteOffset + last.byteLength === offset
    if (!isNext || length < this.#groupBytes) {
      this.#runs.push(new Uint8Array(buffer, offset, length))
    } else {
      const joined = new Uint8Array(buffer, last.byteOffset, last.byteLength + length)
      this.#runs[this.#runs.length - 1] = joined
    }
  }

  #verify(): void {
    const groupBytes = this.#groupBytes
    const runs = this.#runs
    const chunk = this.#start / CHUNK_BYTES
    // Groups that are whole, and not the root, at once; the other is at most one, the last.
    const whole = this.#root ? 0 : Math.floor(this.#runBytes / groupBytes)
    if (whole > 0) {
      const many = whole === this.#groups ? runs : runs.slice(0, -1)
      this.#engine.groups(many, chunk, groupBytes, this.#cvs, 0)
    }
    if (whole < this.#groups) {
      const last = runs.at(-1) ?? NOTHING
      const at = whole * DIGEST_BYTES
      this.#engine.subtree(
        last,
        chunk + (whole * groupBytes) / CHUNK_BYTES,
        this.#root,
        this.#cvs,
        at,
      )
    }
    for (let i = 0; i < this.#groups * DIGEST_BYTES; i++) {
      if (this.#cvs[i] === this.#expected[i]) continue
      const position = this.#start + Math.floor(i / DIGEST_BYTES) * groupBytes
      const message = `the bytes from ${position} on are not the value's`
      throw new IntegrityError('group', position, message)
    }
  }
}
