/**
 * A Local's memory: verified values, whole or in part, under one byte budget.
 *
 * An entry is charged for the bytes that it holds and for those that it has reserved. To make room,
 * the least recently used entries are evicted, except those in use. No I/O: callers verify first.
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import { CachedValue, isPooled, segmentsIn } from './cached-value.ts'
import type { CacheStatus } from '../node.ts'
import { SegmentPool } from './segment-pool.ts'

/** The share of the budget that an entry takes, in bytes: pooled segments, and other memory. */
interface Charge {
  readonly pooled: number
  readonly own: number
}

interface Slot {
  readonly value: CachedValue
  /** The segments that this entry has reserved, filled or not. */
  readonly room: Set<number>
  charge: Charge
}

/** A value that is being put: charged, but not yet listed. */
export interface PendingEntry {
  readonly value: CachedValue
  /** Lists the value, which Global has stored. */
  publish(incarnation: number): void
  /** Frees its memory, unless it was published. */
  discard(): void
}

export class Cache {
  readonly budgetBytes: number
  readonly #onEvicted: (value: CachedValue) => void
  /** By key, the least recently used first. */
  readonly #slots = new Map<string, Slot>()
  readonly #pool: SegmentPool
  #pooledBytes = 0
  #ownBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  /**
   * `onEvicted` is called with every entry that is evicted or removed. No other cache may use the
   * pool.
   */
  constructor(
    budgetBytes: number,
    onEvicted: (value: CachedValue) => void = () => undefined,
    pool: SegmentPool = new SegmentPool(),
  ) {
    this.budgetBytes = budgetBytes
    this.#onEvicted = onEvicted
    this.#pool = pool
  }

  /** The entry of a value, which becomes the most recently used. */
  get(key: Key): CachedValue | undefined {
    const text = key.toHex()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    this.#slots.delete(text)
    this.#slots.set(text, slot)
    return slot.value
  }

  /** The entry of a value, without marking it as used. */
  peek(key: Key): CachedValue | undefined {
    return this.#slots.get(key.toHex())?.value
  }

  /** Every entry, the least recently used first. */
  *values(): Generator<CachedValue, void, undefined> {
    for (const { value } of this.#slots.values()) yield value
  }

  /**
   * Reserves room for a range of a value, and returns the entry of this incarnation, if need be a
   * new one. Undefined if the budget has no room even with every unused entry evicted, or if the
   * cache holds a later incarnation.
   */
  admit(key: Key, size: number, incarnation: number, range: ByteRange): CachedValue | undefined {
    const text = key.toHex()
    const before = this.peek(key)
    // An unconfirmed entry has the same, verified bytes: Global has just confirmed them.
    if (before?.isVoid === true) Object.assign(before, { incarnation, isVoid: false })
    else if (before !== undefined && before.incarnation > incarnation) return undefined
    else if (before?.incarnation !== incarnation) this.remove(key)
    const present = this.#slots.get(text)
    if (present === undefined && baseBytes(size) > this.budgetBytes) return undefined
    const slot = present ?? newSlot(new CachedValue(key, size, incarnation, this.#pool))
    const wanted = segmentsOf(range).filter((segment) => !slot.room.has(segment))
    const segments = slot.room.size + wanted.length
    const charge = chargeFor(size, segments * Math.min(SEGMENT_BYTES, size))
    const done = slot.value.use()
    const fits = this.#makeRoom(sumOf(charge) - (present === undefined ? 0 : sumOf(slot.charge)))
    done()
    if (!fits) return undefined
    if (present === undefined) this.#insert(slot)
    for (const segment of wanted) slot.room.add(segment)
    this.#charge(slot, charge)
    return slot.value
  }

  /** Charges an entry for what it holds only: its download is over. */
  settle(value: CachedValue): void {
    const slot = this.#slots.get(value.key.toHex())
    if (slot?.value !== value) return
    for (const segment of slot.room) if (!value.hasSegment(segment)) slot.room.delete(segment)
    this.#charge(slot, chargeFor(value.size, value.memoryBytes))
  }

  /** Reserves room for a value that is being put; undefined if the budget has none. */
  reserve(key: Key, size: number): PendingEntry | undefined {
    const charge = chargeFor(size, isPooled(size) ? segmentsIn(size) * SEGMENT_BYTES : size)
    if (sumOf(charge) > this.budgetBytes || !this.#makeRoom(sumOf(charge))) return undefined
    const value = new CachedValue(key, size, 0, this.#pool)
    this.#add(charge, 1)
    let open = true
    const close = (): boolean => {
      if (open) this.#add(charge, -1)
      const wasOpen = open
      open = false
      return wasOpen
    }
    return {
      value,
      discard: () => {
        if (close()) value.detach()
      },
      publish: (incarnation) => {
        if (!close()) return
        if ((this.peek(key)?.incarnation ?? 0) > incarnation) return value.detach()
        value.incarnation = incarnation
        this.remove(key)
        const room = new Set(segmentsOf({ start: 0, end: size }))
        this.#insert({ value, room, charge })
      },
    }
  }

  /** Evicts an entry; its readers may continue. Returns how many bytes of the value were held. */
  evict(key: Key): number {
    const slot = this.#slots.get(key.toHex())
    if (slot === undefined) return 0
    this.#slots.delete(key.toHex())
    this.#add(slot.charge, -1)
    this.#onEvicted(slot.value)
    const { heldBytes } = slot.value
    slot.value.detach()
    return heldBytes
  }

  /** Evicts an entry and ends every use of it, if `isConcerned`: its value was removed. */
  remove(key: Key, isConcerned: (value: CachedValue) => boolean = () => true): void {
    const value = this.peek(key)
    if (value === undefined || !isConcerned(value)) return
    this.evict(key)
    value.drop(new DstoreError('removed', 'the value was removed'))
  }

  /** Counts a read that was served from the cache, or was not. */
  count(kind: 'hit' | 'miss'): void {
    if (kind === 'hit') this.#hits++
    else this.#misses++
  }

  status(): CacheStatus {
    return {
      usedBytes: this.#usedBytes(),
      budgetBytes: this.budgetBytes,
      values: this.#slots.size,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    }
  }

  #makeRoom(bytes: number): boolean {
    let free = this.budgetBytes - this.#usedBytes()
    const victims: CachedValue[] = []
    for (const { value, charge } of this.#slots.values()) {
      if (free >= bytes) break
      if (value.inUse) continue
      victims.push(value)
      free += sumOf(charge)
    }
    if (free < bytes) return false
    for (const { key } of victims) {
      this.evict(key)
      this.#evictions++
    }
    return true
  }

  #usedBytes(): number {
    return this.#pooledBytes + this.#ownBytes
  }

  #insert(slot: Slot): void {
    this.#slots.set(slot.value.key.toHex(), slot)
    this.#add(slot.charge, 1)
  }

  #charge(slot: Slot, charge: Charge): void {
    this.#add(slot.charge, -1)
    slot.charge = charge
    this.#add(charge, 1)
  }

  #add({ pooled, own }: Charge, times: 1 | -1): void {
    this.#pooledBytes += times * pooled
    this.#ownBytes += times * own
    // Idle segments must leave room for other memory.
    if (own > 0) this.#pool.trim(this.budgetBytes - this.#ownBytes)
  }
}

/** Estimated cost of an entry's key, bitfield and bookkeeping, in bytes. */
const ENTRY_BYTES = 1024

const baseBytes = (size: number): number => ENTRY_BYTES + outboardBytes(size)

const chargeFor = (size: number, memoryBytes: number): Charge =>
  isPooled(size)
    ? { pooled: memoryBytes, own: baseBytes(size) }
    : { pooled: 0, own: baseBytes(size) + memoryBytes }

const sumOf = ({ pooled, own }: Charge): number => pooled + own

const newSlot = (value: CachedValue): Slot => ({
  value,
  room: new Set(),
  charge: chargeFor(value.size, 0),
})

function segmentsOf({ start, end }: ByteRange): number[] {
  const first = Math.floor(start / SEGMENT_BYTES)
  return Array.from({ length: segmentsIn(end) - first }, (_, i) => first + i)
}
