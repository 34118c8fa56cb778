/**
 * A Local's memory: verified values, whole or in part, under one byte budget.
 *
 * An entry is charged for what it holds or has been promised room for; to make room, the entries that were used
 * longest ago go first, and one that is in use never goes. Nothing here does I/O: what is written was verified.
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { outboardBytes } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { CachedValue, isPooled, segmentsIn } from './cached-value.ts'
import type { CacheStatus } from '../node.ts'
import { SegmentPool } from './segment-pool.ts'

/** What of the budget an entry takes, in bytes: segments of the pool, and memory of its own. */
interface Charge {
  readonly pooled: number
  readonly own: number
}

interface Slot {
  readonly value: CachedValue
  /** The segments that this entry has room for, filled or not. */
  readonly room: Set<number>
  charge: Charge
}

/** A value that is being put: in memory, charged, and not yet to be found. */
export interface Draft {
  readonly value: CachedValue
  /** It is stored: let it be found. */
  publish(incarnation: number): void
  /** Let go of it. Does nothing once it was published. */
  discard(): void
}

export class Cache {
  readonly budgetBytes: number
  readonly #onGone: (value: CachedValue) => void
  /** By key, the one used longest ago first. */
  readonly #slots = new Map<string, Slot>()
  readonly #pool: SegmentPool
  #pooledBytes = 0
  #ownBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  /** `onGone` is told of every entry that was found here, and is not any more; the pool is this cache's alone. */
  constructor(
    budgetBytes: number,
    onGone: (value: CachedValue) => void = () => undefined,
    pool: SegmentPool = new SegmentPool(),
  ) {
    this.budgetBytes = budgetBytes
    this.#onGone = onGone
    this.#pool = pool
  }

  /** What is held of a value; using it makes it the last to be evicted. */
  get(key: Key): CachedValue | undefined {
    const text = key.toHex()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    this.#slots.delete(text)
    this.#slots.set(text, slot)
    return slot.value
  }

  /** The same without using it. */
  peek(key: Key): CachedValue | undefined {
    return this.#slots.get(key.toHex())?.value
  }

  /** Every entry, the one used longest ago first. */
  *values(): Generator<CachedValue, void, undefined> {
    for (const { value } of this.#slots.values()) yield value
  }

  /**
   * Room for a range of a value: the entry to write it to, a new one where none is there of this incarnation; or
   * undefined where the budget has no room for it, even with everything evicted that is not in use.
   */
  admit(key: Key, size: number, incarnation: number, range: ByteRange): CachedValue | undefined {
    const text = key.toHex()
    const before = this.peek(key)
    // What a reset made void is the same value all the same: its bytes were verified.
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

  /** Charge an entry for what it holds alone: the rest of what it had room for did not come. */
  settle(value: CachedValue): void {
    const slot = this.#slots.get(value.key.toHex())
    if (slot?.value !== value) return
    for (const segment of slot.room) if (!value.hasSegment(segment)) slot.room.delete(segment)
    this.#charge(slot, chargeFor(value.size, value.memoryBytes))
  }

  /** Room for a value that is being put; undefined where the budget has none. */
  draft(key: Key, size: number): Draft | undefined {
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
        if (close()) value.forget()
      },
      publish: (incarnation) => {
        if (!close()) return
        if ((this.peek(key)?.incarnation ?? 0) > incarnation) return value.forget()
        value.incarnation = incarnation
        this.remove(key)
        const room = new Set(segmentsOf({ start: 0, end: size }))
        this.#insert({ value, room, charge })
      },
    }
  }

  /** Forget an entry; who reads it at this moment may read on. The bytes of the value that were held. */
  evict(key: Key): number {
    const slot = this.#slots.get(key.toHex())
    if (slot === undefined) return 0
    this.#slots.delete(key.toHex())
    this.#add(slot.charge, -1)
    this.#onGone(slot.value)
    const { heldBytes } = slot.value
    slot.value.forget()
    return heldBytes
  }

  /** Forget an entry and end every read of it: its value was removed. */
  remove(key: Key, isConcerned: (value: CachedValue) => boolean = () => true): void {
    const value = this.peek(key)
    if (value === undefined || !isConcerned(value)) return
    this.evict(key)
    value.drop(new DstoreError('removed', 'the value was removed'))
  }

  /** Count a read that was served from here, or was not. */
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
    // What waits in the pool must leave room for what others hold.
    if (own > 0) this.#pool.trim(this.budgetBytes - this.#ownBytes)
  }
}

/** What an entry costs beside its bytes and its outboard: key, bitfield, bookkeeping. */
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
