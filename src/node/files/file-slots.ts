/** The entries of the tier of files, in the order of their use, and what each is charged. */
import type { Key } from '../../hash/key.ts'
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { Log } from '../../log.ts'
import type { CacheBudget, ChargedTier, Evictable } from '../cache/cache-budget.ts'
import type { CachedFile } from './cached-file.ts'
import type { FileValue } from './file-tier.ts'

export interface Slot {
  readonly value: CachedFile
  /** The parts that room was taken for, written or not. Undefined: none, and it costs nothing. */
  room: Bitfield | undefined
  charge: number
  usedAt: number
  /** Bytes of its files, as far as they were written. */
  fileBytes: number
  /** Its files could not be deleted when it was to make room. */
  isStuck: boolean
  /** Its download ended while something was still being written. */
  isSettling: boolean
}

/** Entries without room that may be listed; the oldest go first. */
const UNCLAIMED = 1024

export class FileSlots implements ChargedTier {
  readonly #budget: CacheBudget
  readonly #unlinkedBytes: () => number
  readonly #evict: (key: Key) => void
  readonly #log: Log
  /** By digest, the least recently used first. */
  readonly #slots = new Map<string, Slot>()
  readonly #unclaimed = new Set<Slot>()
  #chargedBytes = 0
  #fileBytes = 0
  #reservedBytes = 0
  #evictions = 0

  /**
   * `unlinkedBytes`: of unlinked files that are still open. `evict` is called for entries that make
   * room for others, and must `delete` them.
   */
  constructor(
    budget: CacheBudget,
    unlinkedBytes: () => number,
    evict: (key: Key) => void,
    log: Log,
  ) {
    this.#log = log
    this.#budget = budget
    this.#unlinkedBytes = unlinkedBytes
    this.#evict = evict
    budget.add(this)
  }

  /** Bytes of all files in the folder, as far as they were written. */
  get fileBytes(): number {
    return this.#fileBytes + this.#reservedBytes
  }

  /** More of an entry was written, or less than nothing: it was deleted. */
  wrote(slot: Slot, bytes: number): void {
    slot.fileBytes += bytes
    this.#fileBytes += bytes
  }

  /** What every entry and every reservation is charged, and what is unlinked and still open. */
  get usedBytes(): number {
    return this.ownBytes + this.#unlinkedBytes()
  }

  get ownBytes(): number {
    return this.#chargedBytes + this.#reservedBytes
  }

  /** Entries that room was taken for. */
  get claimed(): number {
    return this.#slots.size - this.#unclaimed.size
  }

  get evictions(): number {
    return this.#evictions
  }

  /** Marks it as used. */
  use(key: Key): Slot | undefined {
    const text = key.toHex()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    slot.usedAt = this.#budget.tick()
    this.#slots.delete(text)
    this.#slots.set(text, slot)
    return slot
  }

  at(key: Key): Slot | undefined {
    return this.#slots.get(key.toHex())
  }

  /** The slot of this very entry, if it is listed. */
  of(value: FileValue): Slot | undefined {
    const slot = this.at(value.key)
    return slot?.value === value ? slot : undefined
  }

  *values(): Generator<CachedFile, void, undefined> {
    for (const { value } of this.#slots.values()) yield value
  }

  add(value: CachedFile): Slot {
    const usedAt = this.#budget.tick()
    const slot: Slot = {
      value,
      room: undefined,
      charge: 0,
      usedAt,
      fileBytes: 0,
      isStuck: false,
      isSettling: false,
    }
    this.#slots.set(value.key.toHex(), slot)
    this.#listUnclaimed(slot)
    return slot
  }

  /** Charges an entry for the room that it has now; undefined: it has none. */
  charge(slot: Slot, room: Bitfield | undefined, charge: number): void {
    this.#chargedBytes += charge - slot.charge
    slot.room = room
    slot.charge = charge
    if (room === undefined) this.#listUnclaimed(slot)
    else this.#unclaimed.delete(slot)
    this.#budget.charged(this)
  }

  delete(slot: Slot): void {
    this.#slots.delete(slot.value.key.toHex())
    this.#unclaimed.delete(slot)
    this.#chargedBytes -= slot.charge
    this.#fileBytes -= slot.fileBytes
  }

  /** Charges bytes that belong to no entry, until the returned function is called. */
  reserve(bytes: number): () => void {
    this.#reservedBytes += bytes
    let isReserved = true
    return () => {
      if (isReserved) this.#reservedBytes -= bytes
      isReserved = false
    }
  }

  *evictable(): Generator<Evictable, void, undefined> {
    for (const slot of this.#slots.values()) {
      const { value, usedAt, charge } = slot
      if (slot.room === undefined || slot.isStuck || value.inUse) continue
      yield { value, usedAt, bytes: charge, evict: () => this.#evictForRoom(slot) }
    }
  }

  /** False if something uses every other entry. */
  evictLeastRecent(except: FileValue | undefined): boolean {
    for (const entry of this.evictable()) {
      if (entry.value === except) continue
      if (entry.evict()) return true
    }
    return false
  }

  #evictForRoom(slot: Slot): boolean {
    const { key } = slot.value
    try {
      this.#evict(key)
      this.#evictions++
      return true
    } catch (error) {
      slot.isStuck = true
      const facts = { key: key.toString(), error: String(error) }
      this.#log.warn('a file of the cache cannot be deleted', facts)
      return false
    }
  }

  #listUnclaimed(slot: Slot): void {
    this.#unclaimed.add(slot)
    for (const other of this.#unclaimed) {
      if (this.#unclaimed.size <= UNCLAIMED) break
      if (other !== slot && !other.value.inUse) this.#evict(other.value.key)
    }
  }
}
