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
import { DISK_RESERVE_BYTES } from '../../store/disk/free-space.ts'
import type { CacheBudget, Evictable } from '../cache/cache-budget.ts'
import { SegmentPool } from '../cache/segment-pool.ts'
import { CachedFile, type FileContext } from './cached-file.ts'
import { chargeOf, fileBaseBytes, inSegments, noRoom, roomFor } from './file-charge.ts'
import { FileHolds } from './file-holds.ts'
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
  readonly #holds = new FileHolds()
  #usedBytes = 0
  #reservedBytes = 0
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
      makeRoom: (file) => this.#evictLeastRecent(file),
      written: (file) => this.#written(file),
      damaged: (file, fault) => this.damaged(file, fault),
    }
    budget.add(this)
  }

  get folder(): string {
    return this.#folder.path
  }

  /** What every entry and every reservation is charged, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes + this.#reservedBytes
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
    if (!this.#take(charge - slot.charge, slot.value)) return false
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
    const { heldBytes } = value
    // What is removed cannot be opened any more when this returns.
    value.detach()
    this.#onEvicted(value)
    return heldBytes
  }

  remove(key: Key, isConcerned: (value: FileValue) => boolean = () => true): void {
    const value = this.peek(key)
    if (value === undefined || !isConcerned(value)) return
    this.evict(key)
    const reason = new DstoreError('removed', 'the value was removed')
    value.drop(reason)
    this.#holds.end(value, reason)
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
      this.damaged(file, fault)
      throw fault
    }
    const release = file.use()
    const hold = this.#holds.add(file)
    return {
      path: file.path!,
      device: state.device,
      inode: state.inode,
      removed: hold.signal,
      release: () => {
        if (hold.release()) release()
      },
    }
  }

  reserve(bytes: number): (() => void) | undefined {
    if (!this.#take(bytes)) return undefined
    this.#reservedBytes += bytes
    let isReserved = true
    return () => {
      if (isReserved) this.#reservedBytes -= bytes
      isReserved = false
    }
  }

  /** The value is fetched again when it is wanted. */
  damaged(value: FileValue, fault: DstoreError): void {
    if (this.#slotOf(value) === undefined) return
    const facts = { key: value.key.toString(), path: value.path, fault: fault.message }
    this.#log.warn('a file of the cache was changed, and is deleted', facts)
    this.evict(value.key)
  }

  moveAway(reason: DstoreError): void {
    this.#folder.moveAway()
    this.#holds.endAll(reason)
  }

  status(): FileTierStatus {
    const { kind } = this.#folder.use()
    return {
      directory: this.#folder.path,
      kind,
      budgetBytes: this.#isShared ? undefined : this.#budget.budgetBytes,
      usedBytes: this.usedBytes,
      values: this.#slots.size - this.#unclaimed.size,
      evictions: this.#evictions,
      heldBytes: this.#holds.bytes,
      removedHeldBytes: kind === 'shared-memory' ? this.#removedHeldBytes() : undefined,
    }
  }

  async close(): Promise<void> {
    const reason = new DstoreError('cancelled', 'the node is closing')
    this.moveAway(reason)
    for (const { value } of this.#slots.values()) value.drop(reason)
    this.#slots.clear()
    this.#unclaimed.clear()
    this.#usedBytes = 0
    await this.#folder.delete()
  }

  /** Of the file system, less what a disk keeps free for others. */
  #freeBytes(): number {
    const { kind, freeBytes } = this.#folder.use()
    return kind === 'disk' ? freeBytes - DISK_RESERVE_BYTES : freeBytes
  }

  /** What the file system says to be used, less own files and what others had before. */
  #removedHeldBytes(): number {
    const beside = this.#folder.use().usedBytes - this.usedBytes
    const bytes = Math.min(this.#unlinkedBytes, Math.max(0, beside - this.#foreignBytes))
    this.#unlinkedBytes = bytes
    if (bytes === 0) this.#foreignBytes = beside
    return bytes
  }

  /** Evicts until this many more bytes fit the budget and the file system. */
  #take(bytes: number, value?: CachedFile): boolean {
    const victims = this.#budget.victims(bytes, value)
    if (victims === undefined) return false
    for (const victim of victims) victim.evict()
    while (this.#freeBytes() < bytes) if (!this.#evictLeastRecent(value)) return false
    while (this.#slots.size - this.#unclaimed.size >= CACHED_FILES) {
      if (!this.#evictLeastRecent(value)) return false
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
      yield { value, usedAt, bytes: charge, evict }
    }
  }

  #evictLeastRecent(except?: CachedFile): boolean {
    for (const entry of this.evictable()) {
      if (entry.value === except) continue
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
