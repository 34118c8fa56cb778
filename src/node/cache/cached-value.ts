/** A value in a Local's memory, whole or in part. Only its users may read or write that memory. */
import { unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { Bitfield } from '../../hash/tree/bitfield.ts'
import { Key } from '../../hash/key.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES, MIB } from '../../limits.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import type { HeldValue, Receiver } from './held-value.ts'
import { ReceiveBuffer } from './receive-buffer.ts'
import { Removable } from './removable.ts'
import type { SegmentPool } from './segment-pool.ts'
import { servedFromCache } from './served-value.ts'

/**
 * From this size on a cached value takes whole segments from the pool; a smaller one, what it
 * needs.
 */
export const POOLED_VALUE_BYTES: number = 4 * MIB

/**
 * A value takes whole segments if the last one, which may be nearly empty, is a small part of it.
 */
export const isPooled = (size: number): boolean => size >= POOLED_VALUE_BYTES

export const segmentsIn = (size: number): number => Math.ceil(size / SEGMENT_BYTES)

export class CachedValue extends Removable implements HeldValue {
  readonly key: Key
  readonly size: number
  /** The seq of the put that made the key exist. */
  incarnation: number
  /** The last incarnation of which Global said that it is a directory. */
  directoryAt: number | undefined
  /** Unconfirmed by Global since a reset: must not be served. */
  isVoid = false
  readonly held: Bitfield
  /** The whole value, verified, while it waits for room in the cache. */
  offered: Uint8Array | undefined
  #outboard: Uint8Array | undefined
  readonly #segments: (Uint8Array | undefined)[]
  /** Undefined for a small value, whose memory is left to the garbage collector. */
  readonly #pool: SegmentPool | undefined
  #users = 0
  /** A former user may still read its memory, so that is never pooled. */
  #stillReferenced = false
  /** The cache no longer lists it: its memory is returned once it has no user. */
  #isDetached = false

  constructor(key: Key, size: number, incarnation: number, pool?: SegmentPool) {
    super()
    // Without its text, which may keep the request alive that it was cut from.
    this.key = new Key(key.digest, key.kind)
    this.size = size
    this.incarnation = incarnation
    this.held = new Bitfield(size)
    this.#segments = Array.from({ length: segmentsIn(size) })
    this.#pool = isPooled(size) ? pool : undefined
  }

  /** Whether Global has said that it is a directory, and not only its bytes. */
  get isDirectory(): boolean {
    return this.directoryAt === this.incarnation
  }

  /** Pairs are present for held groups: their parents, up to the root. */
  get outboard(): Uint8Array {
    return (this.#outboard ??= new Uint8Array(outboardBytes(this.size)))
  }

  /** Frees the memory of the outboard; nothing may be held. */
  forgetOutboard(): void {
    this.#outboard = undefined
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  /** Bytes of the value that have memory. */
  get heldBytes(): number {
    if (this.offered !== undefined) return this.size
    return this.#segments.reduce(
      (sum, segment, i) => sum + (segment === undefined ? 0 : this.#lengthOf(i)),
      0,
    )
  }

  /** Bytes of memory in its segments. */
  get memoryBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + (segment?.byteLength ?? 0), 0)
  }

  hasSegment(index: number): boolean {
    return this.#segments[index] !== undefined
  }

  /**
   * Protects it from eviction, and its memory from reuse, until the returned function is called. A
   * caller must do this while it reads views of it or writes to it. `stillReferenced` says that
   * views may still be read, so that the memory is never reused. Throws if its memory is gone
   * already.
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

  receive(): Receiver {
    return new ReceiveBuffer(this)
  }

  served(signal: AbortSignal, release: (stillReferenced: boolean) => void): ServedValue {
    return servedFromCache(this, signal, release)
  }

  /** The cache no longer lists it. */
  detach(): void {
    this.#isDetached = true
    this.#giveBack()
  }

  /** Its only user has copied this segment elsewhere, and the cache no longer lists it. */
  returnSegment(index: number): void {
    const segment = this.#segments[index]
    if (!this.#isDetached || this.#users !== 1 || segment === undefined) return
    this.#segments[index] = undefined
    if (this.#stillReferenced) this.#pool?.discard()
    else this.#pool?.free(segment)
  }

  /** Copies verified bytes, whole groups from `start`. Throws the reason once it was removed. */
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

  /** Copies verified pairs of the outboard. */
  writePairs(offset: number, pairs: Uint8Array): void {
    this.outboard.set(pairs, offset)
  }

  /**
   * Memory for a segment, exclusive to the caller, which fills it and then passes it to `adopt` or
   * `recycle`, or calls `discard`. Throws the reason once the value was removed.
   */
  allocate(index: number): Uint8Array {
    this.#checkKept()
    return this.#newSegment(index)
  }

  /** Takes over allocated memory that holds verified groups, at their place in the segment. */
  adopt(index: number, memory: Uint8Array, { start, end }: ByteRange): void {
    this.#checkKept()
    const present = this.#segments[index]
    if (present === undefined) {
      this.#segments[index] = memory
    } else {
      const base = index * SEGMENT_BYTES
      present.set(memory.subarray(start - base, end - base), start - base)
      this.recycle(memory)
    }
    this.held.setRange({ start, end })
  }

  /** Returns allocated memory that is no longer written to. */
  recycle(memory: Uint8Array): void {
    this.#pool?.give(memory)
  }

  /** Discards allocated memory that a writer may still touch, so it is never pooled. */
  discard(): void {
    this.#pool?.discard()
  }

  /**
   * A view of the held bytes at the start of this range, within one segment, valid while the value
   * is in use. Undefined if the first byte is not held.
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

  /**
   * All bytes of a value with memory of its own, which no other value gets: they stay as they are.
   * Undefined if some are missing, and for a value of several segments or none.
   */
  get whole(): Uint8Array | undefined {
    const [segment] = this.#segments
    const isWhole = this.held.complete && segment?.byteLength === this.size
    return isWhole && this.#pool === undefined ? segment : undefined
  }

  /** Ends every use with this reason: the value was removed. */
  drop(reason: DstoreError): void {
    this.endUses(reason)
    this.detach()
  }

  #segment(index: number): Uint8Array {
    this.#checkKept()
    return (this.#segments[index] ??= this.#newSegment(index))
  }

  /**
   * Not zeroed, which would touch all of it twice: only written bytes are held, and can be read.
   */
  #newSegment(index: number): Uint8Array {
    return this.#pool?.take() ?? unzeroed(this.#lengthOf(index))
  }

  #checkKept(): void {
    this.checkNotRemoved()
    if (this.#isDetached && !this.inUse) throw new DstoreError('cancelled', 'the value was evicted')
  }

  #lengthOf(index: number): number {
    return Math.min(SEGMENT_BYTES, this.size - index * SEGMENT_BYTES)
  }

  #giveBack(): void {
    if (!this.#isDetached || this.inUse) return
    for (const segment of this.#segments) {
      if (segment === undefined) continue
      if (this.#stillReferenced) this.#pool?.discard()
      else this.#pool?.give(segment)
    }
    this.#segments.fill(undefined)
  }
}
