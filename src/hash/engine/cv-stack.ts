/** Joins subtrees, from left to right, into the tree of a value of unknown length. */
import { DIGEST_BYTES } from '../../limits.ts'
import type { Engine } from './engine.ts'
import { PAIR_BYTES } from '../tree/tree.ts'

/**
 * Called for each parent when both its children are known. `pair` is reused: copy it to keep it.
 */
export type OnParent = (parent: {
  /** Its leaves: from `first` up to, not including, `end`. */
  readonly first: number
  readonly end: number
  readonly pair: Uint8Array
}) => void

/** One entry for each bit of the number of leaves. */
const DEPTH = 54

/**
 * A stack of the largest complete subtrees. A leaf is what the caller pushes: groups, or larger
 * subtrees that all have the same power of two of chunks (only the last may be smaller).
 */
export class CvStack {
  readonly #engine: Engine
  readonly #onParent: OnParent
  /** CVs of the entries; the pair of the top two is one run of 64 bytes. */
  readonly #cvs = new Uint8Array((DEPTH + 1) * DIGEST_BYTES)
  /** The first leaf below each entry. */
  readonly #firsts: number[] = []
  #leaves = 0

  constructor(engine: Engine, onParent: OnParent) {
    this.#engine = engine
    this.#onParent = onParent
  }

  get leaves(): number {
    return this.#leaves
  }

  /** Pushes the next leaf's CV, not the root's, from `offset` in `cvs`. */
  push(cvs: Uint8Array, offset: number): void {
    // Only another leaf shows that the earlier ones are not the whole value and may be joined.
    for (let count = this.#leaves; count > 0 && count % 2 === 0; count /= 2) this.#join(false)
    this.#cvs.set(cvs.subarray(offset, offset + DIGEST_BYTES), this.#firsts.length * DIGEST_BYTES)
    this.#firsts.push(this.#leaves++)
  }

  /** The digest of a value of at least two leaves: a single one is hashed as the root. */
  finish(): Uint8Array {
    if (this.#leaves < 2) throw new RangeError('a tree of one leaf has no parent')
    while (this.#firsts.length > 1) this.#join(this.#firsts.length === 2)
    return this.#cvs.slice(0, DIGEST_BYTES)
  }

  /** Replaces the top two entries by their parent. */
  #join(root: boolean): void {
    this.#firsts.pop()
    const at = (this.#firsts.length - 1) * DIGEST_BYTES
    const pair = this.#cvs.subarray(at, at + PAIR_BYTES)
    this.#onParent({ first: this.#firsts.at(-1)!, end: this.#leaves, pair })
    this.#engine.parent(pair, 0, root, pair, 0)
  }
}
