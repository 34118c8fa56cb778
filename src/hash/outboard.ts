/** Builds outboards from streams (specs/002-verified-values.md, "The tree"). */
import { CvStack } from './engine/cv-stack.ts'
import type { Engine } from './engine/engine.ts'
import { PAIR_BYTES, largestPowerOfTwo } from './tree/tree.ts'

/** Assumed depth of the tree until its size is known: more than 2^53 bytes of groups can have. */
const DEPTH = 56

const FIRST_CAPACITY_PAIRS = 64

/**
 * The outboard of a value of unknown length, from the CVs of its groups in order.
 *
 * In pre-order, a parent follows the complete subtrees to its left and its ancestors, whose number
 * depends on the length of the value. So parents are first placed as if the tree had `DEPTH`
 * levels. Each complete subtree is one run there, and `finish` moves the at most `DEPTH` largest
 * runs.
 */
export class OutboardBuilder {
  readonly #stack: CvStack
  #pairs = new Uint8Array((DEPTH + FIRST_CAPACITY_PAIRS) * PAIR_BYTES)
  /**
   * Parents whose right subtree is incomplete. Their first group is also their index in pre-order.
   */
  readonly #spine: { readonly first: number; readonly pair: Uint8Array }[] = []

  constructor(engine: Engine) {
    this.#stack = new CvStack(engine, ({ first, end, pair }) => this.#place(first, end, pair))
  }

  /** Adds the next group, whose CV is at `offset` in `cvs`. */
  push(cvs: Uint8Array, offset: number): void {
    this.#stack.push(cvs, offset)
  }

  /** The digest and the outboard of the value, which must have at least two groups. */
  finish(): { readonly digest: Uint8Array; readonly outboard: Uint8Array } {
    const digest = this.#stack.finish()
    const groups = this.#stack.leaves
    const outboard = new Uint8Array((groups - 1) * PAIR_BYTES)
    for (let first = 0; first < groups;) {
      const size = largestPowerOfTwo(groups - first)
      const last = first + size === groups
      const from = slot(first, size) * PAIR_BYTES
      const run = this.#pairs.subarray(from, from + (size - 1) * PAIR_BYTES)
      // Before it are the `first` parents to its left, and its own parent unless it is the last.
      outboard.set(run, (last ? first : first + 1) * PAIR_BYTES)
      first += size
    }
    for (const { first, pair } of this.#spine) outboard.set(pair, first * PAIR_BYTES)
    return { digest, outboard }
  }

  #place(first: number, end: number, pair: Uint8Array): void {
    const size = end - first
    if (largestPowerOfTwo(size) !== size) {
      this.#spine.push({ first, pair: pair.slice() })
      return
    }
    const at = slot(first, size) * PAIR_BYTES
    if (at + PAIR_BYTES > this.#pairs.byteLength) this.#grow()
    this.#pairs.set(pair, at)
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#pairs.byteLength)
    larger.set(this.#pairs)
    this.#pairs = larger
  }
}

/**
 * Pre-order index, in a complete tree of `DEPTH` levels, of the parent over `size` groups from
 * `first`. Before it are one parent for each group to its left, less one for each complete subtree
 * there, and one for each level above it.
 */
function slot(first: number, size: number): number {
  return first - bitCount(first) + DEPTH - Math.log2(size)
}

function bitCount(n: number): number {
  let count = 0
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
