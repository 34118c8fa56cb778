/** A value in a Local's memory, whole or in part, and whose that memory is: nobody's who does not use it. */
import { lend, unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { Bitfield } from '../../hash/tree/bitfield.ts'
import type { Key } from '../../hash/key.ts'
import { outboardBytes } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES, MIB } from '../../limits.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { SegmentPool } from './segment-pool.ts'

/** From this size on a cached value lies in whole segments, which are used again; a smaller one takes what it needs. */
export const POOLED_VALUE_BYTES: number = 4 * MIB

/** Whole segments are for values of which the last, which may be nearly empty, is a small part. */
export const isPooled = (size: number): boolean => size >= POOLED_VALUE_BYTES

export const segmentsIn = (size: number): number => Math.ceil(size / SEGMENT_BYTES)

/** One value, or the verified parts of it that came so far. */
export class CachedValue {
  readonly key: Key
  readonly size: number
  /** The seq of the put that made the key exist. */
  incarnation: number
  /** After a reset, until Global has confirmed it: not to be served. */
  isVoid = false
  /** The groups that are held. */
  readonly held: Bitfield
  /** Filled where the groups are held: their parents, up to the root. */
  readonly outboard: Uint8Array
  readonly #segments: (Uint8Array | undefined)[]
  /** Where its segments come from and go to; undefined for a small value, whose memory is the collector's. */
  readonly #pool: SegmentPool | undefined
  /** Made when somebody asks: most values are small, read at once, and never removed. */
  #dropped: AbortController | undefined
  #dropReason: DstoreError | undefined
  #users = 0
  /** Somebody who does not use it any more may still read it: its memory is the collector's in the end. */
  #stillReferenced = false
  /** Nobody finds it any more: when nobody uses it either, its memory goes back. */
  #isGone = false

  constructor(key: Key, size: number, incarnation: number, pool?: SegmentPool) {
    this.key = key
    this.size = size
    this.incarnation = incarnation
    this.held = new Bitfield(size)
    this.outboard = new Uint8Array(outboardBytes(size))
    this.#segments = Array.from({ length: segmentsIn(size) })
    this.#pool = isPooled(size) ? pool : undefined
  }

  /** Aborted, with the reason, once the value was removed: it must not be read any more. */
  get dropped(): AbortSignal {
    this.#dropped ??= new AbortController()
    if (this.isDropped) this.#dropped.abort(this.#dropReason)
    return this.#dropped.signal
  }

  get isDropped(): boolean {
    return this.#dropReason !== undefined
  }

  /** Throws the reason once the value was removed. */
  checkThere(): void {
    if (this.#dropReason !== undefined) throw this.#dropReason
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  /** Bytes of the value for which there is memory. */
  get heldBytes(): number {
    return this.#segments.reduce(
      (sum, segment, i) => sum + (segment === undefined ? 0 : this.#lengthOf(i)),
      0,
    )
  }

  /** Bytes of memory that its segments take. */
  get memoryBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + (segment?.byteLength ?? 0), 0)
  }

  hasSegment(index: number): boolean {
    return this.#segments[index] !== undefined
  }

  /**
   * Keep it from being evicted, and its memory from being used for another value, until the returned function is
   * called, once; where that is told that views `linger` with somebody, its memory is never used for another. Whoever
   * reads views of it or writes to it uses it meanwhile. Throws where its memory has gone already.
   */
  use(): (stillReferenced?: boolean) => void {
    this.#checkKept()
    let done = false
    this.#users++
    return (stillReferenced = false) => {
      if (done) return
      done = true
      this.#stillReferenced ||= stillReferenced
      this.#users--
      this.#giveBack()
    }
  }

  /** It is not found in the cache any more. */
  forget(): void {
    this.#isGone = true
    this.#giveBack()
  }

  /** Keep verified bytes, whole groups from `start`. They are copied. Throws the reason once the value was removed. */
  write(start: number, bytes: Uint8Array): void {
    const end = start + bytes.byteLength
    for (let at = start; at < end;) {
      const segment = this.#segment(Math.floor(at / SEGMENT_BYTES))
      const within = at % SEGMENT_BYTES
      const length = Math.min(end - at, SEGMENT_BYTES - within)
      segment.set(bytes.subarray(at - start, at - start + length), within)
      at += length
    }
    this.held.setRange({ start, end })
  }

  /** Keep verified pairs of the outboard. */
  writePairs(offset: number, pairs: Uint8Array): void {
    this.outboard.set(pairs, offset)
  }

  /**
   * Memory for a segment, to be filled and then given to `adopt`, `spare` or `lose`. It is nobody else's until then. Throws
   * the reason once the value was removed.
   */
  room(index: number): Uint8Array {
    this.#checkKept()
    return this.#newSegment(index)
  }

  /** Keep verified bytes, whole groups from `start`, which lie in their place in such memory. It is the value's now. */
  adopt(index: number, memory: Uint8Array, { start, end }: ByteRange): void {
    this.#checkKept()
    const present = this.#segments[index]
    if (present === undefined) {
      this.#segments[index] = this.#pool === undefined ? memory : lend(memory)
    } else {
      const base = index * SEGMENT_BYTES
      present.set(memory.subarray(start - base, end - base), start - base)
      this.spare(memory)
    }
    this.held.setRange({ start, end })
  }

  /** Such memory is not needed, and nobody writes to it any more. */
  spare(memory: Uint8Array): void {
    this.#pool?.give(memory)
  }

  /** Such memory is not needed, but somebody may still write to it. */
  lose(): void {
    this.#pool?.lose()
  }

  /**
   * The held bytes at the start of this range: a view of at most one segment, good while the value is used; undefined
   * where none is held.
   */
  view({ start, end }: ByteRange): Uint8Array | undefined {
    const group = Math.floor(start / this.held.groupBytes)
    if (start >= end || !this.held.has(group)) return undefined
    const segmentEnd = (Math.floor(start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES
    const [run] = this.held.held({ start, end: Math.min(end, segmentEnd) })
    const base = segmentEnd - SEGMENT_BYTES
    return this.#segments[base / SEGMENT_BYTES]?.subarray(
      start - base,
      Math.min(run!.end, end, segmentEnd) - base,
    )
  }

  /** The value was removed: whoever reads it is told the reason, and its memory goes back when all have stopped. */
  drop(reason: DstoreError): void {
    this.#dropReason ??= reason
    this.#dropped?.abort(this.#dropReason)
    this.forget()
  }

  #segment(index: number): Uint8Array {
    this.#checkKept()
    return (this.#segments[index] ??= this.#newSegment(index))
  }

  /** Not zeroed, which would touch all of it twice: what was not written is not held, and so never seen. */
  #newSegment(index: number): Uint8Array {
    return this.#pool?.take() ?? unzeroed(this.#lengthOf(index))
  }

  #checkKept(): void {
    this.checkThere()
    if (this.#isGone && !this.inUse) throw new DstoreError('cancelled', 'the value was let go')
  }

  #lengthOf(index: number): number {
    return Math.min(SEGMENT_BYTES, this.size - index * SEGMENT_BYTES)
  }

  #giveBack(): void {
    if (!this.#isGone || this.inUse) return
    for (const segment of this.#segments) {
      if (segment === undefined) continue
      if (this.#stillReferenced) this.#pool?.lose()
      else this.#pool?.give(segment)
    }
    this.#segments.fill(undefined)
  }
}
