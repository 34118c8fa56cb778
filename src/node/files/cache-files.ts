/**
 * The tier of a Local's cache that is made of files, under a byte budget (specs/003-transfer.md,
 * "Files of the cache"). It decides what is kept; `CacheFolder` has the files.
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { CACHED_FILES, MIB, SEGMENT_BYTES } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { CacheFolder } from '../../store/cached/cache-folder.ts'
import type { CacheBudget, Evictable } from '../cache/cache-budget.ts'
import { SegmentPool } from '../cache/segment-pool.ts'
import { CachedFile, type FileContext } from './cached-file.ts'
import { chargeOf, fileBaseBytes, inSegments, noRoom, roomFor } from './file-charge.ts'
import type { FileHold, FileTier, FileTierStatus, FileValue } from './file-tier.ts'

interface Slot {
  readonly value: CachedFile
  /** The parts that room was taken for, written or not. Undefined: none, and it costs nothing. */
  room: Bitfield | undefined
  charge: number
  usedAt: number
  /** Its download ended while something was still being written. */
  isSettling: boolean
}

/** Entries without room that may be listed; the oldest go first. */
const UNCLAIMED = 1024

/** Memory of received pieces that is kept for the next. */
const POOLED_BYTES = 16 * MIB

export interface CacheFilesOptions {
  readonly folder: CacheFolder
  readonly budget: CacheBudget
  /** Whether another tier charges the same budget. */
  readonly isShared: boolean
  /** Called with every entry that is evicted or removed. */
  readonly onEvicted?: ((value: FileValue) => void) | undefined
  readonly log: Log
}

export class CacheFiles implements FileTier {
  readonly #folder: CacheFolder
  readonly #budget: CacheBudget
  readonly #isShared: boolean
  readonly #onEvicted: (value: FileValue) => void
  readonly #log: Log
  /** By digest, the least recently used first. */
  readonly #slots = new Map<string, Slot>()
  readonly #unclaimed = new Set<Slot>()
  readonly #context: FileContext
  /** How many callers hold each file. */
  readonly #holds = new Map<CachedFile, number>()
  /** Ends the holds at once: paths that were handed out lead nowhere. */
  #withdrawn = new AbortController()
  #usedBytes = 0
  #evictions = 0
  /** Bytes of unlinked files that may be open elsewhere. */
  #unlinkedBytes = 0
  /** What others have on the file system. */
  #foreignBytes: number

  constructor({ folder, budget, isShared, onEvicted, log }: CacheFilesOptions) {
    this.#folder = folder
    this.#budget = budget
    this.#isShared = isShared
    this.#onEvicted = onEvicted ?? (() => undefined)
    this.#log = log
    this.#foreignBytes = folder.use().usedBytes
    const pool = new SegmentPool()
    pool.trim(POOLED_BYTES)
    this.#context = {
      folder,
      pool,
      makeRoom: () => this.#evictLeastRecent(),
      written: (file) => this.#written(file),
      damaged: (file, fault) => this.damaged(file, fault),
    }
    budget.add(this)
  }

  /** What every entry is charged, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  get headroomBytes(): number {
    return this.#budget.headroomBytes
  }

  get(key: Key): FileValue | undefined {
    const text = key.toHex()
    const slot = this.#slots.get(text)
    if (slot === undefined) return undefined
    slot.usedAt = this.#budget.tick()
    this.#slots.delete(text)
    this.#slots.set(text, slot)
    return slot.value
  }

  peek(key: Key): FileValue | undefined {
    return this.#slots.get(key.toHex())?.value
  }

  *values(): Generator<FileValue, void, undefined> {
    for (const { value } of this.#slots.values()) yield value
  }

  prepare(key: Key, size: number, incarnation: number): FileValue | undefined {
    const text = key.toHex()
    const before = this.peek(key)
    // An unconfirmed entry has the same, verified bytes: Global has just confirmed them.
    if (before?.isVoid === true) Object.assign(before, { incarnation, isVoid: false })
    else if (before !== undefined && before.incarnation > incarnation) return undefined
    else if (before !== undefined && before.incarnation !== incarnation) this.remove(key)
    const present = this.#slots.get(text)
    if (present !== undefined) return present.value
    const least = fileBaseBytes(size) + Math.min(size, SEGMENT_BYTES)
    if (this.#budget.victims(least) === undefined) return undefined
    const value = new CachedFile(this.#context, key, size, incarnation)
    const usedAt = this.#budget.tick()
    const slot = { value, room: undefined, charge: 0, usedAt, isSettling: false }
    this.#slots.set(text, slot)
    this.#listUnclaimed(slot)
    return value
  }

  claim(
    value: FileValue,
    range: ByteRange,
    wanted: () => readonly ByteRange[] = () => [],
  ): boolean {
    const slot = this.#slotOf(value)
    if (slot === undefined) return true
    slot.isSettling = false
    const needed = inSegments(range)
    if (slot.room?.covers(needed) === true) return true
    const room = slot.room ?? noRoom(value.size)
    const ranges = [needed, ...(slot.room === undefined ? wanted().map(inSegments) : [])]
    const grown = roomFor(value.size, [...room.held(), ...ranges])
    const charge = chargeOf(value.size, grown)
    // Else it could be its own victim.
    const release = slot.value.use()
    try {
      if (!this.#take(charge - slot.charge)) return false
    } finally {
      release()
    }
    slot.room = grown
    this.#charge(slot, charge)
    this.#unclaimed.delete(slot)
    return true
  }

  settle(value: FileValue): void {
    const slot = this.#slotOf(value)
    if (slot?.room === undefined) return
    slot.isSettling = slot.value.isWriting
    if (slot.isSettling) return
    if (value.held.count > 0) {
      slot.room = roomFor(value.size, value.held.held())
      this.#charge(slot, chargeOf(value.size, slot.room))
      return
    }
    slot.value.clear()
    slot.room = undefined
    this.#charge(slot, 0)
    this.#listUnclaimed(slot)
  }

  evict(key: Key): number {
    const slot = this.#slots.get(key.toHex())
    if (slot === undefined) return 0
    const { value } = slot
    this.#slots.delete(key.toHex())
    this.#unclaimed.delete(slot)
    if (slot.room !== undefined) this.#unlinkedBytes += slot.charge
    this.#charge(slot, 0)
    // What is removed cannot be opened any more when this returns.
    value.detach()
    this.#onEvicted(value)
    return value.heldBytes
  }

  remove(key: Key, isConcerned: (value: FileValue) => boolean = () => true): void {
    const value = this.peek(key)
    if (value === undefined || !isConcerned(value)) return
    this.evict(key)
    value.drop(new DstoreError('removed', 'the value was removed'))
  }

  async hold(value: FileValue): Promise<FileHold> {
    value.checkNotRemoved()
    const slot = this.#slotOf(value)
    if (slot === undefined || !value.isWhole) {
      throw new DstoreError('no-space', 'the value is not in a file of the cache', {
        hint: 'raise --cache-dir-size, or unpin what is not needed',
      })
    }
    const file = slot.value
    const state = file.unchanged()
    if (state === undefined) {
      const fault = new DstoreError('integrity', 'another process changed a file of the cache')
      this.#context.damaged(file, fault)
      throw fault
    }
    const release = file.use()
    this.#holds.set(file, (this.#holds.get(file) ?? 0) + 1)
    let isHeld = true
    return {
      path: file.path!,
      device: state.device,
      inode: state.inode,
      removed: AbortSignal.any([file.dropped, this.#withdrawn.signal]),
      release: () => {
        if (!isHeld) return
        isHeld = false
        const left = this.#holds.get(file)! - 1
        if (left === 0) this.#holds.delete(file)
        else this.#holds.set(file, left)
        release()
      },
    }
  }

  damaged(file: FileValue, fault: DstoreError): void {
    if (this.#slotOf(file) === undefined) return
    const facts = { key: file.key.toString(), path: file.path, fault: fault.message }
    this.#log.warn('a file of the cache was changed, and is deleted', facts)
    this.evict(file.key)
  }

  withdraw(reason: DstoreError): void {
    this.#folder.moveAway()
    this.#withdrawn.abort(reason)
    this.#withdrawn = new AbortController()
  }

  status(): FileTierStatus {
    const { kind } = this.#folder.use()
    let heldBytes = 0
    for (const { size } of this.#holds.keys()) heldBytes += size
    return {
      directory: this.#folder.path,
      kind,
      budgetBytes: this.#isShared ? undefined : this.#budget.budgetBytes,
      usedBytes: this.#usedBytes,
      values: this.#slots.size - this.#unclaimed.size,
      evictions: this.#evictions,
      heldBytes,
      removedHeldBytes: kind === 'shared-memory' ? this.#removedHeldBytes() : undefined,
    }
  }

  async close(): Promise<void> {
    for (const { value } of this.#slots.values()) {
      value.drop(new DstoreError('cancelled', 'the node is closing'))
    }
    this.#slots.clear()
    await this.#folder.delete()
  }

  /** What the file system says to be used, less own files and what others had before. */
  #removedHeldBytes(): number {
    const beside = this.#folder.use().usedBytes - this.#usedBytes
    const bytes = Math.min(this.#unlinkedBytes, Math.max(0, beside - this.#foreignBytes))
    this.#unlinkedBytes = bytes
    if (bytes === 0) this.#foreignBytes = beside
    return bytes
  }

  /** Evicts until this many more bytes fit the budget and the file system. */
  #take(bytes: number): boolean {
    const victims = this.#budget.victims(bytes)
    if (victims === undefined) return false
    for (const victim of victims) victim.evict()
    while (this.#folder.use().freeBytes < bytes) if (!this.#evictLeastRecent()) return false
    while (this.#slots.size - this.#unclaimed.size >= CACHED_FILES) {
      if (!this.#evictLeastRecent()) return false
    }
    return true
  }

  *evictable(): Generator<Evictable, void, undefined> {
    for (const slot of this.#slots.values()) {
      const { value, usedAt, charge } = slot
      if (slot.room === undefined || value.inUse) continue
      const evict = (): void => {
        this.evict(value.key)
        this.#evictions++
      }
      yield { usedAt, bytes: charge, evict }
    }
  }

  #evictLeastRecent(): boolean {
    for (const entry of this.evictable()) {
      entry.evict()
      return true
    }
    return false
  }

  #written(file: CachedFile): void {
    if (this.#slotOf(file)?.isSettling === true) this.settle(file)
  }

  #slotOf(value: FileValue): Slot | undefined {
    const slot = this.#slots.get(value.key.toHex())
    return slot?.value === value ? slot : undefined
  }

  #charge(slot: Slot, charge: number): void {
    this.#usedBytes += charge - slot.charge
    slot.charge = charge
  }

  #listUnclaimed(slot: Slot): void {
    this.#unclaimed.add(slot)
    for (const other of this.#unclaimed) {
      if (this.#unclaimed.size <= UNCLAIMED) break
      if (other !== slot && !other.value.inUse) this.evict(other.value.key)
    }
  }
}
