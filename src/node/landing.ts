/** Where what one source gives of a value lands: in memory that becomes the value's, once it is proved. */
import type { ByteRange } from '../hash/tree.ts'
import { SEGMENT_BYTES } from '../limits.ts'
import type { ProvedRun } from '../transfer/piece-stream.ts'
import type { CachedValue } from './cache.ts'

/** A channel that was aborted may write to memory that it was given, so nobody else is given that before it is done. */
export class Landing {
  readonly #value: CachedValue
  /** Segments that are not the value's yet, by index, and where what lands in them ends. */
  readonly #segments = new Map<number, { readonly memory: Uint8Array; readonly end: number }>()

  constructor(value: CachedValue) {
    this.#value = value
  }

  /** Memory for bytes within one segment. */
  readonly land = ({ start, end }: ByteRange): Uint8Array => {
    if (start === end) return new Uint8Array(0)
    const index = Math.floor(start / SEGMENT_BYTES)
    const memory = this.#value.room(index)
    this.#segments.set(index, { memory, end })
    const base = index * SEGMENT_BYTES
    return memory.subarray(start - base, end - base)
  }

  /** Keep what is proved: the memory itself, where all of it came at once; else a copy. */
  keep({ start, bytes, isWhole, pairs }: ProvedRun): void {
    const value = this.#value
    for (const pair of pairs) value.writePairs(pair.outboardOffset, pair.bytes)
    const index = Math.floor(start / SEGMENT_BYTES)
    const end = start + bytes.byteLength
    const segment = this.#segments.get(index)
    if (isWhole && segment !== undefined) {
      this.#segments.delete(index)
      value.adopt(index, new Uint8Array(bytes.buffer), { start, end })
      return
    }
    value.write(start, bytes)
    if (segment === undefined || end < segment.end) return
    this.#segments.delete(index)
    value.spare(segment.memory)
  }

  /** Nothing more comes. */
  end(): void {
    for (const _ of this.#segments) this.#value.lose()
    this.#segments.clear()
  }
}
