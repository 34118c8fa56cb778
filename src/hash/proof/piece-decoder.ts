/**
 * The receiving end of a proof: verifies the pairs of each piece, then its groups (specs/003,
 * "Pieces").
 */
import { viewOf } from '../../bytes.ts'
import { DIGEST_BYTES, GROUP_BYTES, PIECE_BYTES, PROOF_BYTES } from '../../limits.ts'
import { activeEngine } from '../engine/active-engine.ts'
import { ExpectedCvs } from './expected-cvs.ts'
import type { Engine } from '../engine/engine.ts'
import { wrongGroup, type ExpectedGroups } from './group-check.ts'
import { IntegrityError } from './integrity.ts'
import { GROUP, LEFT, RIGHT, ROOT, type Piece } from './piece-plan.ts'
import { HEADER_BYTES, PAIR_BYTES } from '../tree/tree.ts'

export interface PieceDecoderOptions {
  /** BLAKE3 of the value. */
  readonly digest: Uint8Array
  readonly size: number
  readonly engine?: Engine
}

/** Verifies the pieces of one slice, in order. Unusable after it has thrown an `IntegrityError`. */
export class PieceDecoder {
  readonly #size: number
  readonly #engine: Engine
  readonly #expected = new ExpectedCvs()
  /** The CVs that the groups of the piece must have. */
  readonly #groups = new Uint8Array((PIECE_BYTES / GROUP_BYTES) * DIGEST_BYTES)
  readonly #groupsView = viewOf(this.#groups)
  #nextGroup = 0
  #endOfGroups = 0
  /** Offset within the value of the next unverified byte. */
  #position = 0
  /** The CVs of a piece's parents. */
  readonly #parents = new Uint8Array(PROOF_BYTES / 2)
  readonly #parentsView = viewOf(this.#parents)

  constructor({ digest, size, engine = activeEngine() }: PieceDecoderOptions) {
    this.#size = size
    this.#engine = engine
    this.#expected.push(viewOf(digest), 0)
  }

  /** Verifies the proof of the next piece, its first `proofBytes` bytes. */
  proof({ isFirst, steps, data }: Piece, bytes: Uint8Array): void {
    this.#position = data.start
    this.#nextGroup = 0
    let at = 0
    if (isFirst) {
      this.#checkSize(bytes)
      at = HEADER_BYTES
    }
    const pairs = bytes.subarray(at)
    const cvs = viewOf(pairs)
    const expected = this.#expected
    this.#engine.parents(pairs, this.#parents)
    let groups = 0
    let pair = 0
    for (const step of steps) {
      if (step === GROUP) {
        expected.popInto(this.#groupsView, groups++ * DIGEST_BYTES)
        continue
      }
      const at = pair * PAIR_BYTES
      const cvAt = pair++ * DIGEST_BYTES
      if ((step & ROOT) !== 0) this.#engine.parent(pairs, at, true, this.#parents, cvAt)
      if (!expected.popEquals(this.#parentsView, cvAt)) {
        const message = `the tree at byte ${data.start} is not the value's`
        throw new IntegrityError('parent', data.start, message)
      }
      if ((step & RIGHT) !== 0) expected.push(cvs, at + DIGEST_BYTES)
      if ((step & LEFT) !== 0) expected.push(cvs, at)
    }
    this.#endOfGroups = groups * DIGEST_BYTES
  }

  /** The expected CVs of the piece's unverified groups; a copy. */
  get expected(): ExpectedGroups {
    const expected = this.#groups.slice(this.#nextGroup * DIGEST_BYTES, this.#endOfGroups)
    return { start: this.#position, size: this.#size, expected }
  }

  /** Verifies the piece's next groups: whole ones, except for the value's last. */
  groups(bytes: Uint8Array): void {
    const expected = this.#groups.subarray(this.#nextGroup * DIGEST_BYTES)
    const groups = { start: this.#position, size: this.#size, expected }
    const wrong = wrongGroup(bytes, groups, this.#engine)
    if (wrong !== undefined) throw notTheValues(wrong)
    this.#nextGroup += Math.ceil(bytes.byteLength / GROUP_BYTES)
    this.#position += bytes.byteLength
  }

  #checkSize(bytes: Uint8Array): void {
    const size = viewOf(bytes).getBigUint64(0, true)
    if (size === BigInt(this.#size)) return
    const message = `the proof is for a value of ${size} bytes, not of ${this.#size}`
    throw new IntegrityError('size', 0, message)
  }
}

/** The error for a wrong group. */
export function notTheValues(position: number): IntegrityError {
  return new IntegrityError('group', position, `the bytes from ${position} on are not the value's`)
}
