/** A growing byte sequence in memory that is never copied to grow. */
import { SEGMENT_BYTES } from '../../limits.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { firstIndex } from './sorted-map.ts'

/** The first segment of a value of unknown size: a page. */
const FIRST_SEGMENT_BYTES = 4096

/** Append only. Segments double up to `SEGMENT_BYTES`; with a known size they fit it. */
export class ChunkedBytes {
  readonly #segments: Uint8Array[] = []
  /** Offset of each segment. */
  readonly #starts: number[] = []
  readonly #expectedBytes: number | undefined
  /** Bytes used of the last segment. */
  #used = 0
  #size = 0

  /** `expectedBytes` is not trusted: memory grows as bytes arrive. */
  constructor(expectedBytes?: number) {
    this.#expectedBytes = expectedBytes
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  /** All bytes, if they lie in one segment. */
  get whole(): Uint8Array | undefined {
    return this.#segments.length === 1 ? this.#segments[0]!.subarray(0, this.#size) : undefined
  }

  append(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.byteLength > 0) {
      const free = (this.#segments.at(-1)?.byteLength ?? 0) - this.#used
      if (free === 0) {
        this.#segments.push(new Uint8Array(this.#nextSegmentBytes(rest.byteLength)))
        this.#starts.push(this.#size)
        this.#used = 0
        continue
      }
      const taken = rest.subarray(0, free)
      this.#segments.at(-1)!.set(taken, this.#used)
      this.#used += taken.byteLength
      this.#size += taken.byteLength
      rest = rest.subarray(taken.byteLength)
    }
  }

  /** Ends the sequence and frees the unused part of the last segment. */
  finish(): void {
    const last = this.#segments.pop()
    if (last === undefined) return
    this.#segments.push(this.#used < last.byteLength ? last.slice(0, this.#used) : last)
  }

  /** A range as views of at most one segment each. */
  *views({ start, end }: ByteRange): Generator<Uint8Array> {
    for (let i = this.#at(start); i < this.#segments.length; i++) {
      const offset = this.#starts[i]!
      if (offset >= end) return
      const segment = this.#segments[i]!
      const from = Math.max(0, start - offset)
      const to = Math.min(segment.byteLength, end - offset)
      if (from < to) yield segment.subarray(from, to)
    }
  }

  /** Index of the last segment that begins at or before this offset. */
  #at(offset: number): number {
    const after = firstIndex(this.#starts.length, (i) => this.#starts[i]! > offset)
    return Math.max(0, after - 1)
  }

  #nextSegmentBytes(arriving: number): number {
    const known = (this.#expectedBytes ?? 0) - this.#size
    const wanted = known > 0 ? known : Math.max(FIRST_SEGMENT_BYTES, this.#size)
    return Math.min(SEGMENT_BYTES, Math.max(wanted, arriving))
  }
}
