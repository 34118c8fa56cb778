/**
 * A Local's memory: verified values, whole or in part, under one byte budget (specs/007, "Cache").
 *
 * An entry is charged for what it holds or has been promised room for; to make room, the entries that were used
 * longest ago go first, and one that is in use never goes. Nothing here does I/O: what is written was verified.
 */
import { DstoreError } from '../errors.ts'
import { Bitfield } from '../hash/bitfield.ts'
import type { Key } from '../hash/key.ts'
import { outboardBytes } from '../hash/tree.ts'
import { SEGMENT_BYTES } from '../limits.ts'
import type { ByteRange } from '../store/store.ts'
import type { CacheStatus } from './node.ts'

/** One value, or the verified parts of it that came so far. */
export class CachedValue {
  readonly key: Key
  readonly size: number
  /** The seq of the put that made the key exist. */
  readonly incarnation: number
  /** The groups that are held. */
  readonly held: Bitfield
  /** Filled where the groups are held: their parents, up to the root. */
  readonly outboard: Uint8Array
  readonly #segments: (Uint8Array | undefined)[]
  readonly #dropped = new AbortController()
  readonly #waiting = new Set<() => void>()
  #users = 0

  constructor(key: Key, size: number, incarnation: number) {
    this.key = key
    this.size = size
    this.incarnation = incarnation
    this.held = new Bitfield(size)
    this.outboard = new Uint8Array(outboardBytes(size))
    this.#segments = Array.from({ length: Math.ceil(size / SEGMENT_BYTES) })
  }

  /** Aborted, with the reason, once the entry has left the cache by removal or eviction. */
  get dropped(): AbortSignal {
    return this.#dropped.signal
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  /** Bytes of memory that its segments take. */
  get heldBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + (segment?.byteLength ?? 0), 0)
  }

  /** Keep it from being evicted until the returned function is called, once. */
  use(): () => void {
    let done = false
    this.#users++
    return () => {
      if (!done) this.#users--
      done = true
    }
  }

  /** Keep verified bytes, whole groups from `start`. They are copied. */
  write(start: number, bytes: Uint8Array): void {
    const end = start + bytes.byteLength
    for (let at = start; at < end;) {
      const segment = this.#segment(Math.floor(at / SEGMENT_BYTES))
      const within = at % SEGMENT_BYTES
      const length = Math.min(end - at, segment.byteLength - within)
      segment.set(bytes.subarray(at - start, at - start + length), within)
      at += length
    }
    this.held.setRange({ start, end })
    this.#wake()
  }

  /** Keep a verified pair of the outboard. */
  writePair(offset: number, pair: Uint8Array): void {
    this.outboard.set(pair, offset)
  }

  /** The held bytes at the start of this range: a view of at most one segment; undefined where none is held. */
  view({ start, end }: ByteRange): Uint8Array | undefined {
    const group = Math.floor(start / this.held.groupBytes)
    if (start >= end || !this.held.has(group)) return undefined
    const segmentEnd = (Math.floor(start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES
    const [run] = this.held.held({ start, end: Math.min(end, segmentEnd) })
    const base = segmentEnd - SEGMENT_BYTES
    const segment = this.#segments[base / SEGMENT_BYTES]!
    return segment.subarray(start - base, Math.min(run!.end, end, segmentEnd) - base)
  }

  /** Resolves when more is held than before, and when the entry was dropped. */
  async grown(): Promise<void> {
    if (this.dropped.aborted) return
    await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** Let go of the memory; whoever reads is told the reason. */
  drop(reason: DstoreError): void {
    this.#segments.fill(undefined)
    this.#dropped.abort(reason)
    this.#wake()
  }

  /** Whoever waits looks again. */
  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  #segment(index: number): Uint8Array {
    const length = Math.min(SEGMENT_BYTES, this.size - index * SEGMENT_BYTES)
    return (this.#segments[index] ??= new Uint8Array(length))
  }
}

interface Slot {
  readonly value: CachedValue
  /** Bytes that this entry is charged for. */
  charged: number
}

export class Cache {
  readonly budgetBytes: number
  /** By key, the one used longest ago first. */
  readonly #slots = new Map<string, Slot>()
  #usedBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  /** What is held of a value; using it makes it the last to be evicted. */
  get(key: Key): CachedValue | undefined {
    const text = key.toString()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    this.#slots.delete(text)
    this.#slots.set(text, slot)
    return slot.value
  }

  /** Every entry, the one used longest ago first. */
  *values(): Generator<CachedValue, void, undefined> {
    for (const { value } of this.#slots.values()) yield value
  }

  /**
   * Room for a value, or for `more` bytes of one that is there: the entry to write to, or undefined where the budget
   * has no room for it, even with everything evicted that is not in use. Write no more than was asked for.
   */
  admit(key: Key, size: number, incarnation: number, more: number): CachedValue | undefined {
    const present = this.#slots.get(key.toString())
    const value = present?.value ?? new CachedValue(key, size, incarnation)
    const charge = more + (present === undefined ? ENTRY_BYTES + value.outboard.byteLength : 0)
    const done = value.use()
    const fits = this.#makeRoom(charge)
    done()
    if (!fits) return undefined
    if (present === undefined) this.#slots.set(key.toString(), { value, charged: charge })
    else present.charged += charge
    this.#usedBytes += charge
    return value
  }

  /** Charge an entry for what it holds alone: what it was promised beyond that did not come. */
  settle(value: CachedValue): void {
    const slot = this.#slots.get(value.key.toString())
    if (slot?.value !== value) return
    const charge = ENTRY_BYTES + value.outboard.byteLength + value.heldBytes
    this.#usedBytes += charge - slot.charged
    slot.charged = charge
  }

  /** Drop an entry, also while it is in use; the bytes of the value that were held. */
  drop(key: Key, reason: DstoreError): number {
    const slot = this.#slots.get(key.toString())
    if (slot === undefined) return 0
    const { heldBytes } = slot.value
    this.#slots.delete(key.toString())
    this.#usedBytes -= slot.charged
    slot.value.drop(reason)
    return heldBytes
  }

  /** Count a read that was served from here, or was not. */
  count(kind: 'hit' | 'miss'): void {
    if (kind === 'hit') this.#hits++
    else this.#misses++
  }

  status(): CacheStatus {
    return {
      usedBytes: this.#usedBytes,
      budgetBytes: this.budgetBytes,
      values: this.#slots.size,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    }
  }

  #makeRoom(bytes: number): boolean {
    let free = this.budgetBytes - this.#usedBytes
    const victims: CachedValue[] = []
    for (const { value, charged } of this.#slots.values()) {
      if (free >= bytes) break
      if (value.inUse) continue
      victims.push(value)
      free += charged
    }
    if (free < bytes) return false
    for (const { key } of victims) {
      this.drop(key, new DstoreError('internal', 'the value was evicted'))
      this.#evictions++
    }
    return true
  }
}

/** What an entry costs beside its bytes: key, bitfield, bookkeeping. */
const ENTRY_BYTES = 1024
