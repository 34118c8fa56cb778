/**
 * A value divided into parts, the unit of work of a source (specs/003-transfer.md, "Many holders").
 */
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { MOST_PART_BYTES, PARTS, PART_BYTES } from '../../limits.ts'

/** The length of a part in bytes: small enough to share the work, large enough to ask cheaply. */
export function partBytesOf(size: number): number {
  let bytes = PART_BYTES
  while (bytes < MOST_PART_BYTES && size / bytes > PARTS) bytes *= 2
  return bytes
}

/** The parts of one value that are wanted and not held, in the order of urgency. */
export class WantedParts {
  readonly partBytes: number
  readonly #held: Bitfield
  /** By part: the ranges of it that are wanted. */
  readonly #wanted = new Map<number, ByteRange[]>()

  /** `held` is not copied: it always shows what is held now. */
  constructor(held: Bitfield, partBytes: number = partBytesOf(held.size)) {
    this.#held = held
    this.partBytes = partBytes
  }

  get count(): number {
    return this.#wanted.size
  }

  /** Replaces what is wanted: these ranges, the first most urgently. */
  want(ranges: readonly ByteRange[]): void {
    this.#wanted.clear()
    for (const range of ranges) {
      const last = Math.max(range.start, range.end - 1)
      for (let part = this.partOf(range.start); part <= this.partOf(last); part++) {
        const { start, end } = this.rangeOf(part)
        const piece = { start: Math.max(start, range.start), end: Math.min(end, range.end) }
        const pieces = this.#wanted.get(part) ?? []
        this.#wanted.set(part, [...pieces, piece])
        this.settle(part)
      }
    }
  }

  /** The most urgent first. */
  keys(): IterableIterator<number> {
    return this.#wanted.keys()
  }

  has(part: number): boolean {
    return this.#wanted.has(part)
  }

  /** Drops a part that is held by now, and returns whether it is no longer wanted. */
  settle(part: number): boolean {
    const pieces = this.#wanted.get(part)
    if (pieces === undefined) return true
    if (!pieces.every((piece) => this.#held.covers(piece))) return false
    return this.#wanted.delete(part)
  }

  /** The runs of whole groups that must be fetched for a part, ascending. */
  missing(part: number): ByteRange[] {
    const pieces = this.#wanted.get(part) ?? []
    const runs = pieces.flatMap((piece) => [...this.#held.missing(piece)])
    return pieces.length < 2 ? runs : mergeRuns(runs)
  }

  partOf(position: number): number {
    return Math.floor(position / this.partBytes)
  }

  rangeOf(part: number): ByteRange {
    const start = part * this.partBytes
    return { start, end: Math.min(this.#held.size, start + this.partBytes) }
  }
}

/** The same bytes as ascending runs that do not touch. */
export function mergeRuns(runs: readonly ByteRange[]): ByteRange[] {
  const result: { start: number; end: number }[] = []
  for (const { start, end } of runs.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else result.push({ start, end })
  }
  return result
}

export const lengthOf = (runs: readonly ByteRange[]): number =>
  runs.reduce((sum, { start, end }) => sum + (end - start), 0)
