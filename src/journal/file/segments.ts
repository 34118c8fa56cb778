/** The segments of a journal in their order, and where each entry is. */
import { pathOf } from './layout.ts'
import type { SegmentHead } from './head.ts'

export interface Segment extends SegmentHead {
  readonly path: string
  /** Of entries `after` + 1 and so on. */
  readonly offsets: number[]
}

/** Where entries that follow each other are in one segment. */
export interface Place {
  readonly segment: Segment
  /** Of the first; then of each next one. */
  readonly offsets: readonly number[]
}

export class Segments {
  readonly #directory: string
  readonly #start: number
  readonly #list: Segment[] = []

  /** `start`: the position after which a journal without segments begins. */
  constructor(directory: string, start: number) {
    this.#directory = directory
    this.#start = start
  }

  /** The last entry of all. */
  get last(): number {
    const segment = this.#list.at(-1)
    return segment === undefined ? this.#start : segment.after + segment.offsets.length
  }

  /** The first entry that a segment has. */
  get first(): number {
    return (this.#list[0]?.after ?? this.#start) + 1
  }

  get newest(): Segment | undefined {
    return this.#list.at(-1)
  }

  /**
   * The next segment. `head.after` is the last entry so far: what the file before has more is void.
   */
  add(head: SegmentHead, offsets: readonly number[] = []): Segment {
    const path = pathOf(this.#directory, head.number, 'segment')
    const segment = { ...head, path, offsets: [...offsets] }
    this.#list.push(segment)
    return segment
  }

  /** The segment that has this entry, and where it and those that follow it are. */
  placeOf(position: number): Place | undefined {
    const segment = this.#list.findLast(({ after }) => after < position)
    if (segment === undefined) return undefined
    const offsets = segment.offsets.slice(position - segment.after - 1)
    return offsets.length === 0 ? undefined : { segment, offsets }
  }

  /**
   * The oldest segment, if all its entries come before this position and it is not the only one.
   */
  oldestBefore(position: number): Segment | undefined {
    const next = this.#list[1]
    return next !== undefined && next.after < position ? this.#list[0] : undefined
  }

  dropOldest(): void {
    this.#list.shift()
  }
}
