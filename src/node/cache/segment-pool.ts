/**
 * The memory of cached values: segments of one size that are used again. New memory costs a page fault for every 4 KiB,
 * more than to hash them; and V8 counts it against the limit of a small heap, so that a cache which takes new memory for
 * every value has all objects marked anew for every few dozen segments.
 *
 * Whoever takes a segment knows when nobody reads it any more: nothing here would notice.
 */
import { lend, unzeroed } from '../../bytes.ts'
import { SEGMENT_BYTES } from '../../limits.ts'

export class SegmentPool {
  readonly #idle: Uint8Array[] = []
  #takenBytes = 0
  #mostBytes = Infinity

  /** Bytes of memory that are in use, and that wait to be used again. */
  get bytes(): number {
    return this.#takenBytes + this.#idle.length * SEGMENT_BYTES
  }

  /** `SEGMENT_BYTES` that hold whatever was in them before. */
  take(): Uint8Array {
    this.#takenBytes += SEGMENT_BYTES
    // What was to another thread and back is the same memory, but not the same buffer.
    return lend(this.#idle.pop() ?? unzeroed(SEGMENT_BYTES))
  }

  /** Nobody reads it any more, or writes to it. */
  give(segment: Uint8Array): void {
    const hasRoom = this.bytes <= this.#mostBytes
    this.#takenBytes -= SEGMENT_BYTES
    if (hasRoom) this.#idle.push(segment)
  }

  /** Somebody may still read it or write to it: it is the collector's. */
  lose(): void {
    this.#takenBytes -= SEGMENT_BYTES
  }

  /** Let go of what waits to be used again where all of it together is more than this, now and later. */
  trim(bytes: number): void {
    this.#mostBytes = bytes
    while (this.bytes > bytes && this.#idle.length > 0) this.#idle.pop()
  }
}
