/** The receiving end of a proof: takes a slice cut anywhere, gives what it proves (specs/002, "Proving"). */
import { viewOf } from '../../bytes.ts'
import { DIGEST_BYTES, GROUP_BYTES, VALUE_BYTES } from '../../limits.ts'
import { activeEngine } from '../engine/active-engine.ts'
import type { Engine } from '../engine/engine.ts'
import { CvPile } from './expected-cvs.ts'
import { GroupBatch } from './group-batch.ts'
import type { ProvedBytes } from './group-batch.ts'
import { IntegrityError } from './integrity.ts'
import {
  HEADER_BYTES,
  PAIR_BYTES,
  bytesOf,
  checkGroupBytes,
  checkRange,
  checkTree,
  groupCount,
  groupsOf,
  sliceSteps,
} from '../tree/tree.ts'
import type { ByteRange, Step } from '../tree/tree.ts'

/** A parent of the tree that is proved: where its pair belongs in the outboard. The array is the receiver's. */
export interface ProvedParent {
  readonly kind: 'parent'
  readonly outboardOffset: number
  readonly pair: Uint8Array
}

/** What a slice proves, piece by piece. */
export type Proved = ProvedParent | ProvedBytes

export interface SliceDecoderOptions {
  /** BLAKE3 of the value: what everything is proved against. */
  readonly digest: Uint8Array
  /** The range that was asked for, in bytes; an end of `Infinity` means the end of the value. */
  readonly range: ByteRange
  /** The value's length where it is known: a slice that says another is refused. */
  readonly size?: number
  readonly groupBytes?: number
  readonly engine?: Engine
}

/**
 * Decodes one slice. The first flaw throws an `IntegrityError`, which every later call throws again; what the same
 * `push` had proved before the flaw is lost with it. Memory: at most one group and the depth of the tree, besides what
 * `push` gives out.
 */
export class SliceDecoder {
  readonly #engine: Engine
  readonly #groupBytes: number
  readonly #range: ByteRange
  readonly #knownSize: number | undefined
  /** What the header says. Not proved, and so not shown, until the last group is. */
  #claimedSize = 0
  #steps: Generator<Step, void, undefined> | undefined
  /** What comes next; undefined before the header and after the end. */
  #step: Step | undefined
  #batch: GroupBatch | undefined
  #size: number | undefined
  /** What the subtrees still to come must hash to. */
  readonly #expected = new CvPile()
  /** The header or a pair, as far as it came. */
  readonly #field = new Uint8Array(PAIR_BYTES)
  readonly #fieldView = viewOf(this.#field)
  #fieldLength = 0
  /** Scratch. */
  readonly #cv = new Uint8Array(DIGEST_BYTES)
  readonly #cvView = viewOf(this.#cv)
  #flaw: unknown

  constructor(options: SliceDecoderOptions) {
    const { digest, range, size, groupBytes = GROUP_BYTES, engine = activeEngine() } = options
    if (digest.byteLength !== DIGEST_BYTES) throw new RangeError('digest must be 32 bytes')
    checkRange(range)
    if (size === undefined) checkGroupBytes(groupBytes)
    else checkTree(size, groupBytes)
    this.#engine = engine
    this.#groupBytes = groupBytes
    this.#range = range
    this.#knownSize = size
    this.#expected.push(viewOf(digest), 0)
  }

  /** The length of the value, once it is proved: with its last group. Other slices prove bytes, not the length. */
  get size(): number | undefined {
    return this.#size
  }

  /** Is everything proved that the slice is to prove? */
  get done(): boolean {
    return this.#flaw === undefined && this.#steps !== undefined && this.#step === undefined
  }

  /**
   * Take the next bytes of the slice, in one array or several; give what is proved with them. Parents come in pre-order
   * and data in order, in runs of whole groups; a parent comes before the data below it. The data are views of the
   * input, but for a group that is cut: the input is the decoder's from here on, and is not to be written to again.
   * The decoder itself neither keeps it nor writes to it.
   */
  push(...input: readonly Uint8Array[]): readonly Proved[] {
    if (this.#flaw !== undefined) throw this.#flaw
    try {
      const proved: Proved[] = []
      let taken = true
      for (const part of input) taken = this.#decode(part, proved) === part.byteLength && taken
      if (this.#batch !== undefined) this.#conclude(this.#batch, taken, proved)
      return proved
    } catch (flaw) {
      this.#flaw = flaw
      throw flaw
    }
  }

  /** The input has ended: throws unless it was the whole slice. */
  finish(): void {
    if (this.#flaw !== undefined) throw this.#flaw
    if (this.done) return
    const position = this.#batch?.start ?? 0
    this.#flaw = new IntegrityError('truncated', position, `the proof ends at byte ${position}`)
    throw this.#flaw
  }

  /** How many bytes of this part belong to the slice: all of them, but at its end. */
  #decode(input: Uint8Array, proved: Proved[]): number {
    let at = 0
    if (this.#steps === undefined) {
      at += this.#fill(input, at, HEADER_BYTES)
      if (this.#fieldLength < HEADER_BYTES) return at
      this.#header()
    }
    while (this.#step !== undefined) {
      const step = this.#step
      if (step.kind === 'parent') {
        at += this.#fill(input, at, PAIR_BYTES)
        if (this.#fieldLength < PAIR_BYTES) break
        proved.push(this.#parent(step))
      } else {
        const batch = this.#batch!
        at += batch.take(input, at, step.end - step.start)
        if (batch.position < step.end) break
        batch.completeGroup(this.#expected)
        if (batch.full) proved.push(...batch.flush())
      }
      this.#advance()
    }
    return at
  }

  /** The parts of one push were decoded. */
  #conclude(batch: GroupBatch, allTaken: boolean, proved: Proved[]): void {
    proved.push(...batch.flush())
    if (this.#step === undefined && batch.position === this.#claimedSize) {
      this.#size = this.#claimedSize
    }
    if (allTaken) return
    throw new IntegrityError('trailing', batch.start, 'bytes after the end of the proof')
  }

  #header(): void {
    const size = this.#fieldView.getBigUint64(0, true)
    this.#fieldLength = 0
    if (size > BigInt(VALUE_BYTES)) {
      throw new IntegrityError(
        'size',
        0,
        `the proof is for a value of ${size} bytes, which none has`,
      )
    }
    this.#claimedSize = Number(size)
    if (this.#knownSize !== undefined && this.#claimedSize !== this.#knownSize) {
      const message = `the proof is for a value of ${size} bytes, not of ${this.#knownSize}`
      throw new IntegrityError('size', 0, message)
    }
    const groups = groupsOf(this.#range, this.#claimedSize, this.#groupBytes)
    const { start } = bytesOf(groups, this.#claimedSize, this.#groupBytes)
    const root = groupCount(this.#claimedSize, this.#groupBytes) === 1
    this.#batch = new GroupBatch(this.#engine, this.#groupBytes, start, root)
    this.#steps = sliceSteps(this.#claimedSize, this.#range, this.#groupBytes)
    this.#advance()
  }

  #parent(step: Step & { kind: 'parent' }): ProvedParent {
    const pair = this.#field.slice()
    this.#fieldLength = 0
    this.#engine.parent(pair, 0, step.root, this.#cv, 0)
    if (!this.#expected.popEquals(this.#cvView)) {
      // Groups before it wait to be verified. If one of them is wrong, that is the first flaw.
      this.#batch!.flush()
      const position = this.#batch!.start
      throw new IntegrityError(
        'parent',
        position,
        `the tree at byte ${position} is not the value's`,
      )
    }
    if (step.right) this.#expected.push(this.#fieldView, DIGEST_BYTES)
    if (step.left) this.#expected.push(this.#fieldView, 0)
    return { kind: 'parent', outboardOffset: step.outboardOffset, pair }
  }

  /** Complete `#field` to `length` bytes, as far as the input goes; how many bytes that took. */
  #fill(input: Uint8Array, at: number, length: number): number {
    const taken = Math.min(length - this.#fieldLength, input.byteLength - at)
    this.#field.set(input.subarray(at, at + taken), this.#fieldLength)
    this.#fieldLength += taken
    return taken
  }

  #advance(): void {
    this.#step = this.#steps!.next().value ?? undefined
  }
}
