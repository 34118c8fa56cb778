/**
 * A Local's memory: verified values, whole or in part, under one byte budget.
 *
 * An entry is charged for the bytes that it holds and for those that it has reserved. To make room,
 * the least recently used entries are evicted, except those in use. No I/O: callers verify first.
 *
 * `prepare` lists an entry that takes no room yet; `claim` takes it, once bytes are about to
 * arrive. A request that brings none therefore evicts nothing (specs/003-transfer.md, R003-115).
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../limits.ts'
import { CachedValue } from './cached-value.ts'
import {
  NOTHING,
  baseBytes,
  bytesWithoutRoom,
  chargeFor,
  segmentsOf,
  sumOf,
  wholeCharge,
  type Charge,
} from './charge.ts'
import { CacheBudget, type Evictable } from './cache-budget.ts'
import { Glances } from './glances.ts'
import type { CacheStatus } from '../node.ts'
import type { Tier } from './held-value.ts'
import { SegmentPool } from './segment-pool.ts'

interface Slot {
  readonly value: CachedValue
  /** The segments that this entry has reserved, filled or not. */
  readonly room: Set<number>
  /** `NOTHING` until room is claimed. */
  charge: Charge
  /** See `CacheBudget.tick`. */
  usedAt: number
  /** The memory of this entry while it has no room, in bytes, as it was counted. */
  listedBytes: number
}

/** The memory that entries without room may take together, in bytes; the oldest go first. */
const UNCLAIMED_BYTES = 8 * MIB

/** A value that is being put: charged, but not yet listed. */
export interface PendingEntry {
  readonly value: CachedValue
  /** Lists the value, which Global has stored. */
  publish(incarnation: number): void
  /** Frees its memory, unless it was published. */
  discard(): void
}

export class Cache implements Tier<CachedValue> {
  readonly #budget: CacheBudget
  readonly #onEvicted: (value: CachedValue) => void
  /** By key, the least recently used first. */
  readonly #slots = new Map<string, Slot>()
  /** The entries without room, the oldest first. */
  readonly #unclaimed = new Set<Slot>()
  #unclaimedBytes = 0
  readonly #glances = new Glances()
  readonly #pool: SegmentPool
  #pooledBytes = 0
  #ownBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  /**
   * `budget` in bytes, or one that another tier shares. `onEvicted` is called with every entry that
   * is evicted or removed. No other cache may use the pool.
   */
  constructor(
    budget: number | CacheBudget,
    onEvicted: (value: CachedValue) => void = () => undefined,
    pool: SegmentPool = new SegmentPool(),
  ) {
    this.#budget = typeof budget === 'number' ? new CacheBudget(budget) : budget
    this.#budget.add(this)
    this.#onEvicted = onEvicted
    this.#pool = pool
  }

  get budgetBytes(): number {
    return this.#budget.budgetBytes
  }

  /** The entry of a value, which becomes the most recently used. */
  get(key: Key): CachedValue | undefined {
    const text = key.toHex()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    slot.usedAt = this.#budget.tick()
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

  /** `prepare`, then `claim`: for bytes that are here. */
  admit(key: Key, size: number, incarnation: number, range: ByteRange): CachedValue | undefined {
    const value = this.prepare(key, size, incarnation, range)
    return value !== undefined && this.claim(value, range) ? value : undefined
  }

  /**
   * Returns the entry of this incarnation, if need be a new one, without taking room. Undefined if
   * a range of it would have none even with every unused entry evicted, or if the cache holds a
   * later incarnation. `offered`: the whole value, if it came with Global's answer.
   *
   * Undefined also for the first read of a small part of a value of which nothing is held, where
   * the cache is full: a glance costs more memory than it brings.
   */
  prepare(
    key: Key,
    size: number,
    incarnation: number,
    range: ByteRange,
    offered?: Uint8Array,
  ): CachedValue | undefined {
    const text = key.toHex()
    const before = this.peek(key)
    // An unconfirmed entry has the same, verified bytes: Global has just confirmed them.
    if (before?.isVoid === true) Object.assign(before, { incarnation, isVoid: false })
    else if (before !== undefined && before.incarnation > incarnation) return undefined
    else if (before?.incarnation !== incarnation) this.remove(key)
    const present = this.#slots.get(text)
    if (present === undefined && baseBytes(size) > this.budgetBytes) return undefined
    const slot = present ?? newSlot(new CachedValue(key, size, incarnation, this.#pool))
    const victims = this.#victims(slot, chargeWith(slot, [range]))
    if (victims === undefined) return undefined
    const isGlance = offered === undefined && range.end - range.start <= GROUP_BYTES
    if (isGlance && victims.length > 0 && !isClaimed(slot) && this.#glances.isFirst(text)) {
      return undefined
    }
    if (offered !== undefined && !isClaimed(slot)) slot.value.offered ??= new Uint8Array(offered)
    if (present === undefined) this.#insert(slot)
    this.#boundUnclaimed(slot)
    return slot.value
  }

  /**
   * Takes room for a range of an entry, and for the ranges `wanted` of it, if it has none yet.
   * False if there is none, even with every unused entry evicted. An evicted entry needs none: its
   * readers may continue.
   */
  claim(
    value: CachedValue,
    range: ByteRange,
    wanted: () => readonly ByteRange[] = () => [],
  ): boolean {
    const slot = this.#slots.get(value.key.toHex())
    if (slot?.value !== value) return true
    if (isClaimed(slot) && segmentsOf(range).every((segment) => slot.room.has(segment))) return true
    const ranges = [range, ...wanted()]
    const charge = chargeWith(slot, ranges)
    if (!this.#budget.makeRoom(sumOf(charge) - sumOf(slot.charge), value)) return false
    for (const segment of ranges.flatMap(segmentsOf)) slot.room.add(segment)
    this.#charge(slot, charge)
    const { offered } = value
    value.offered = undefined
    if (offered !== undefined) value.adopt(0, offered, { start: 0, end: value.size })
    return true
  }

  /** Charges an entry for what it holds only, if anything: its download is over. */
  settle(value: CachedValue): void {
    const slot = this.#slots.get(value.key.toHex())
    if (slot?.value !== value || !isClaimed(slot)) return
    for (const segment of slot.room) if (!value.hasSegment(segment)) slot.room.delete(segment)
    const isEmpty = value.size > 0 && value.memoryBytes === 0
    if (isEmpty) value.forgetOutboard()
    this.#charge(slot, isEmpty ? NOTHING : chargeFor(value.size, value.memoryBytes))
    this.#boundUnclaimed(slot)
  }

  /** Reserves room for a value that is being put; undefined if the budget has none. */
  reserve(key: Key, size: number): PendingEntry | undefined {
    const charge = wholeCharge(size)
    if (!this.#budget.makeRoom(sumOf(charge))) return undefined
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
        this.#insert({ value, room, charge, usedAt: 0, listedBytes: 0 })
      },
    }
  }

  /** Evicts an entry; its readers may continue. Returns how many bytes of the value were held. */
  evict(key: Key): number {
    const slot = this.#slots.get(key.toHex())
    if (slot === undefined) return 0
    this.#slots.delete(key.toHex())
    this.#charge(slot, NOTHING)
    this.#listUnclaimed(slot, false)
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
      usedBytes: this.usedBytes,
      budgetBytes: this.budgetBytes,
      values: this.#slots.size - this.#unclaimed.size,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    }
  }

  /**
   * The entries to evict before this charge can take the place of that of `slot`. Undefined if even
   * all of them would not do.
   */
  #victims(slot: Slot | undefined, charge: Charge): Evictable[] | undefined {
    const bytes = sumOf(charge) - (slot === undefined ? 0 : sumOf(slot.charge))
    return this.#budget.victims(bytes, slot?.value)
  }

  /** Entries that nothing uses, the least recently used first. */
  *evictable(): Generator<Evictable, void, undefined> {
    for (const slot of this.#slots.values()) {
      const { value, usedAt } = slot
      if (value.inUse || !isClaimed(slot)) continue
      const evict = (): boolean => {
        this.evict(value.key)
        this.#evictions++
        return true
      }
      yield { value, usedAt, bytes: sumOf(slot.charge), evict }
    }
  }

  /** Drops entries without room beyond the bound, except this one and those in use. */
  #boundUnclaimed(newest: Slot): void {
    if (isClaimed(newest)) return
    // It may have changed since it was listed.
    this.#listUnclaimed(newest, false)
    this.#listUnclaimed(newest, true)
    for (const slot of this.#unclaimed) {
      if (this.#unclaimedBytes <= UNCLAIMED_BYTES) break
      if (slot !== newest && !slot.value.inUse) this.evict(slot.value.key)
    }
  }

  #listUnclaimed(slot: Slot, isListed: boolean): void {
    if (!isListed && this.#unclaimed.delete(slot)) this.#unclaimedBytes -= slot.listedBytes
    if (!isListed) return
    this.#unclaimed.add(slot)
    slot.listedBytes = bytesWithoutRoom(slot.value.size) + (slot.value.offered?.byteLength ?? 0)
    this.#unclaimedBytes += slot.listedBytes
  }

  /** What every entry is charged, in bytes. */
  get usedBytes(): number {
    return this.#pooledBytes + this.#ownBytes
  }

  #insert(slot: Slot): void {
    slot.usedAt = this.#budget.tick()
    this.#slots.set(slot.value.key.toHex(), slot)
    this.#add(slot.charge, 1)
  }

  #charge(slot: Slot, charge: Charge): void {
    this.#add(slot.charge, -1)
    slot.charge = charge
    this.#add(charge, 1)
    if (isClaimed(slot)) this.#listUnclaimed(slot, false)
  }

  #add({ pooled, own }: Charge, times: 1 | -1): void {
    this.#pooledBytes += times * pooled
    this.#ownBytes += times * own
    if (own > 0) this.leaveRoom()
  }

  /** Bounds idle segments by what nothing else is charged: other memory, and files beside it. */
  leaveRoom(): void {
    this.#pool.trim(this.budgetBytes - (this.#budget.usedBytes - this.#pooledBytes))
  }
}

const newSlot = (value: CachedValue): Slot => ({
  value,
  room: new Set(),
  charge: NOTHING,
  usedAt: 0,
  listedBytes: 0,
})

const isClaimed = ({ charge }: Slot): boolean => charge !== NOTHING

/** The charge of an entry that also has room for these ranges. */
function chargeWith({ value: { size }, room }: Slot, ranges: readonly ByteRange[]): Charge {
  const segments = new Set([...room, ...ranges.flatMap(segmentsOf)])
  return chargeFor(size, segments.size * Math.min(SEGMENT_BYTES, size))
}
