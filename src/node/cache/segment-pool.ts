/**
 * Reuses the memory of cached values, in segments of one size. New memory costs a page fault for
 * every 4 KiB, more than to hash them. V8 also counts it against the limit of a small heap, so that
 * a cache of new memory would cause a full marking for every few dozen segments.
 *
 * The pool cannot check that a returned segment has no more readers: its user must know.
 */
import { unzeroed } from '../../bytes.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import { freeMemory } from './free-memory.ts'

export class SegmentPool {
  readonly #idle: Uint8Array[] = []
  #takenBytes = 0
  #mostBytes = Infinity

  /** Bytes of memory that are taken or idle. */
  get bytes(): number {
    return this.#takenBytes + this.#idle.length * SEGMENT_BYTES
  }

  /** `SEGMENT_BYTES` bytes with arbitrary content. */
  take(): Uint8Array {
    this.#takenBytes += SEGMENT_BYTES
    return this.#idle.pop() ?? unzeroed(SEGMENT_BYTES)
  }

  /** Returns a segment without readers or writers. */
  give(segment: Uint8Array): void {
    const hasRoom = this.bytes <= this.#mostBytes
    this.#takenBytes -= SEGMENT_BYTES
    if (hasRoom) this.#idle.push(segment)
    else freeMemory([segment])
  }

  /** Frees a segment without readers or writers: its bytes are in a file now. */
  free(segment: Uint8Array): void {
    this.#takenBytes -= SEGMENT_BYTES
    freeMemory([segment])
  }

  /** Leaves a segment that may still be read or written to the garbage collector. */
  discard(): void {
    this.#takenBytes -= SEGMENT_BYTES
  }

  /** Bounds the memory, taken and idle together, to this many bytes from now on. */
  trim(bytes: number): void {
    this.#mostBytes = bytes
    const excess = Math.ceil((this.bytes - bytes) / SEGMENT_BYTES)
    if (excess > 0) freeMemory(this.#idle.splice(-excess))
  }
}
