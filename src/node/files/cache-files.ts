/**
 * The tier of a Local's cache that is made of files, under a byte budget
 * (specs/003-cached-files.md). It decides what is kept; `CacheFolder` has the files.
 */
import { DstoreError } from '../../errors.ts'
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import type { Key } from '../../hash/key.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { CACHED_FILES, FILES_IN_FLIGHT_BYTES, MIB, SEGMENT_BYTES } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { CacheFolder } from '../../store/cached/cache-folder.ts'
import type { FoundFile } from '../../store/cached/earlier-boots.ts'
import { DISK_RESERVE_BYTES } from '../../store/disk/free-space.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import type { CacheBudget } from '../cache/cache-budget.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import { SegmentPool } from '../cache/segment-pool.ts'
import { Adoptions, copyFromMemory } from './adopt.ts'
import { CachedFile, type FileContext } from './cached-file.ts'
import { chargeOf, fileBaseBytes, inSegments, noRoom, roomFor } from './file-charge.ts'
import { FileHolds } from './file-holds.ts'
import { FileSlots } from './file-slots.ts'
import type {
  CheckOptions,
  FileHold,
  FileTier,
  FileTierStatus,
  FileValue,
  MemoryTier,
} from './file-tier.ts'
import { FoundChecks } from './found-checks.ts'
import { foundIn } from './found-values.ts'
import { UnlinkedBytes } from './unlinked-bytes.ts'

/** Memory of received pieces that is kept for the next. */
const POOLED_BYTES = 16 * MIB

export interface CacheFilesOptions {
  readonly folder: CacheFolder
  /** Whether the next boot is to find the files. */
  readonly keeps: boolean
  readonly budget: CacheBudget
  /** Whether another tier charges the same budget. */
  readonly isShared: boolean
  /** Called with every entry that is evicted or removed. */
  readonly onEvicted?: ((value: FileValue) => void) | undefined
  /** Values that have room. Default: `CACHED_FILES`. */
  readonly mostFiles?: number
  /** Hashes on another thread. */
  readonly checker?: GroupChecker | undefined
  readonly log: Log
}

export class CacheFiles implements FileTier {
  readonly #options: CacheFilesOptions
  readonly #slots: FileSlots
  readonly #context: FileContext
  readonly #holds = new FileHolds()
  readonly #checks: FoundChecks
  readonly #unlinked: UnlinkedBytes
  readonly #adoptions = new Adoptions()

  constructor(options: CacheFilesOptions) {
    const { folder, keeps, budget, checker } = options
    this.#options = options
    this.#unlinked = new UnlinkedBytes(folder.use, () => this.#slots.fileBytes)
    const unlinkedBytes = (): number => this.#unlinked.bytes
    this.#slots = new FileSlots(budget, unlinkedBytes, (key) => void this.evict(key), options.log)
    const pool = new SegmentPool()
    pool.trim(POOLED_BYTES)
    const damaged = (file: CachedFile, fault: DstoreError): void => this.damaged(file, fault)
    this.#context = {
      folder,
      keeps,
      checker,
      pool,
      shares: new SharedBudget(FILES_IN_FLIGHT_BYTES, FILES_IN_FLIGHT_BYTES / 2),
      makeRoom: (file) => this.#slots.evictLeastRecent(file),
      wrote: (file, bytes) => {
        const slot = this.#slots.of(file)
        if (slot !== undefined) this.#slots.wrote(slot, bytes)
      },
      written: (file) => this.#written(file),
      damaged,
    }
    this.#checks = new FoundChecks(checker, damaged)
  }

  get folder(): string {
    return this.#options.folder.path
  }

  get headroomBytes(): number {
    return this.#options.budget.headroomBytes
  }

  get(key: Key): FileValue | undefined {
    return this.#slots.use(key)?.value
  }

  peek(key: Key): FileValue | undefined {
    return this.#slots.at(key)?.value
  }

  values(): Iterable<FileValue> {
    return this.#slots.values()
  }

  prepare(key: Key, size: number, incarnation: number): FileValue | undefined {
    const before = this.peek(key)
    // An unconfirmed entry has the same, verified bytes: Global has just confirmed them.
    if (before?.isVoid === true) Object.assign(before, { incarnation, isVoid: false })
    else if (before !== undefined && before.incarnation > incarnation) return undefined
    else if (before !== undefined && before.incarnation !== incarnation) this.remove(key)
    const present = this.#slots.at(key)
    if (present !== undefined) return present.value
    const leastBytes = fileBaseBytes(size) + Math.min(size, SEGMENT_BYTES)
    if (this.#options.budget.victims(leastBytes) === undefined) return undefined
    return this.#slots.add(new CachedFile(this.#context, key, size, incarnation)).value
  }

  claim(
    value: FileValue,
    range: ByteRange,
    wanted: () => readonly ByteRange[] = () => [],
  ): boolean {
    const slot = this.#slots.of(value)
    if (slot === undefined) return true
    slot.isSettling = false
    const needed = inSegments(range)
    if (slot.room?.covers(needed) === true) return true
    const room = slot.room ?? noRoom(value.size)
    const grown = roomFor(value.size, [...room.held(), needed, ...wanted().map(inSegments)])
    const charge = chargeOf(value.size, grown)
    const isNew = slot.room === undefined
    if (!this.#take(charge - slot.charge, slot.value, isNew)) return false
    this.#slots.charge(slot, grown, charge)
    return true
  }

  settle(value: FileValue): void {
    const slot = this.#slots.of(value)
    if (slot?.room === undefined || value.isUnchecked) return
    slot.isSettling = slot.value.isWriting
    if (slot.isSettling) return
    if (value.held.count > 0) {
      const room = roomFor(value.size, value.held.held())
      this.#slots.charge(slot, room, chargeOf(value.size, room))
      slot.value.note()
      return
    }
    slot.value.clear()
    this.#slots.wrote(slot, -slot.fileBytes)
    this.#slots.charge(slot, undefined, 0)
  }

  evict(key: Key): number {
    return this.#evict(key, new DstoreError('cancelled', 'the file was evicted'))
  }

  /** Holds of the file end with this reason. */
  #evict(key: Key, reason: DstoreError): number {
    const slot = this.#slots.at(key)
    if (slot === undefined) return 0
    const { value } = slot
    const { heldBytes } = value
    // What is removed cannot be opened any more when this returns. If that fails it stays listed.
    const bytes = value.isWhole ? value.size + outboardBytes(value.size) : 0
    this.#unlinked.unlinking(bytes, () => {
      value.detach()
      this.#slots.delete(slot)
    })
    this.#options.onEvicted?.(value)
    this.#holds.end(value, reason)
    return heldBytes
  }

  remove(key: Key, isConcerned: (value: FileValue) => boolean = () => true): void {
    const value = this.peek(key)
    if (value === undefined || !isConcerned(value)) return
    const reason = new DstoreError('removed', 'the value was removed')
    this.#evict(key, reason)
    value.drop(reason)
  }

  /** Lists what earlier boots left: void, until its key is confirmed and `check` was called. */
  addFound(files: readonly FoundFile[]): void {
    for (const { key, size, groups } of foundIn(files, (name) =>
      this.#context.folder.unlink(name),
    )) {
      const value = new CachedFile(this.#context, key, size, 0, groups)
      value.isVoid = true
      const room = roomFor(size, groups.held())
      this.#slots.charge(this.#slots.add(value), room, chargeOf(size, room))
    }
    // The budget may be smaller than it was.
    this.#take(0)
  }

  async check(value: FileValue, options: CheckOptions = {}): Promise<void> {
    await this.#adoptions.ended(value.key, options.signal)
    value.checkNotRemoved()
    const file = this.#slots.of(value)?.value
    if (file !== undefined) await this.#checks.check(file, options)
  }

  adopt(from: CachedValue, memory: MemoryTier): Promise<FileValue | undefined> {
    return this.#adoptions.run(from, () => this.#adopt(from, memory))
  }

  async #adopt(from: CachedValue, memory: MemoryTier): Promise<FileValue | undefined> {
    const { key, size, incarnation } = from
    const { isShared, budget } = this.#options
    if (!from.held.complete || memory.peek(key) !== from) return undefined
    const value = this.prepare(key, size, incarnation)
    const file = value && this.#slots.of(value)?.value
    if (file === undefined || file.isWhole || file.isUnchecked) return file
    const room = roomFor(size, [{ start: 0, end: size }])
    // What is in use there does not count as headroom.
    const givenBytes = isShared && from.inUse ? from.memoryBytes : 0
    if (budget.headroomBytes + givenBytes < chargeOf(size, room)) return undefined
    if (from.isDirectory) file.directoryAt = incarnation
    const releases = [from.use(), file.use(), file.open()]
    try {
      // Both have one budget: the file takes the room that memory gives up.
      if (isShared) memory.evict(key)
      if (!this.claim(file, { start: 0, end: size })) return undefined
      await copyFromMemory(from, file)
      if (memory.peek(key) === from) memory.evict(key)
      return file
    } finally {
      for (const release of releases) release()
      this.settle(file)
    }
  }

  async hold(value: FileValue): Promise<FileHold> {
    value.checkNotRemoved()
    const file = this.#slots.of(value)?.value
    const path = file?.path
    if (file === undefined || path === undefined) {
      throw new DstoreError('no-space', 'the value is not in a file of the cache', {
        hint: 'raise --cache-dir-size, or unpin what is not needed',
      })
    }
    const state = file.unchanged()
    if (state === undefined) {
      const fault = new DstoreError('integrity', 'another process changed a file of the cache')
      this.damaged(file, fault)
      throw fault
    }
    const release = file.use()
    const hold = this.#holds.add(file)
    return {
      path,
      device: state.device,
      inode: state.inode,
      removed: hold.signal,
      release: () => {
        if (hold.release()) release()
      },
    }
  }

  reserve(bytes: number): (() => void) | undefined {
    return this.#take(bytes) ? this.#slots.reserve(bytes) : undefined
  }

  /** The value is fetched again when it is wanted. */
  damaged(value: FileValue, fault: DstoreError): void {
    if (this.#slots.of(value) === undefined) return
    const facts = { key: value.key.toString(), path: value.path, fault: fault.message }
    this.#options.log.warn('a file of the cache was changed, and is deleted', facts)
    this.#evict(value.key, fault)
  }

  moveAway(reason: DstoreError): void {
    this.#options.folder.moveAway()
    this.#holds.endAll(reason)
  }

  status(): FileTierStatus {
    const { folder, isShared, budget } = this.#options
    const { kind } = folder.use()
    return {
      directory: folder.path,
      kind,
      budgetBytes: isShared ? undefined : budget.budgetBytes,
      usedBytes: this.#slots.ownBytes,
      values: this.#slots.claimed,
      evictions: this.#slots.evictions,
      heldBytes: this.#holds.bytes,
      removedHeldBytes: kind === 'shared-memory' ? this.#unlinked.bytes : undefined,
    }
  }

  async close(): Promise<void> {
    const { folder, keeps } = this.#options
    const reason = new DstoreError('cancelled', 'the node is closing')
    if (keeps) folder.leave()
    else folder.moveAway()
    this.#holds.endAll(reason)
    for (const value of this.#slots.values()) {
      if (keeps) value.leave(reason)
      else value.drop(reason)
      this.#slots.delete(this.#slots.of(value)!)
    }
    if (!keeps) await folder.delete()
  }

  /** Evicts until this many more bytes fit the budget and the file system. */
  #take(bytes: number, value?: CachedFile, isNew = false): boolean {
    if (!this.#options.budget.makeRoom(bytes, value)) return false
    const { mostFiles = CACHED_FILES } = this.#options
    const most = isNew ? mostFiles : Infinity
    while (this.#slots.claimed >= most) {
      if (!this.#slots.evictLeastRecent(value)) return false
    }
    return bytes <= 0 || this.#takeFromFileSystem(bytes, value)
  }

  /** It may have less than the budget, or have shrunk. */
  #takeFromFileSystem(bytes: number, value: CachedFile | undefined): boolean {
    for (let missing = bytes - this.#freeBytes(); missing > 0;) {
      const before = this.#slots.ownBytes
      while (before - this.#slots.ownBytes < missing) {
        if (!this.#slots.evictLeastRecent(value)) return false
      }
      const still = bytes - this.#freeBytes()
      // What was evicted is open in other processes: to evict more would be in vain.
      if (missing - still < missing / 2) return false
      missing = still
    }
    return true
  }

  /** Of the file system, less what a disk keeps free for others. */
  #freeBytes(): number {
    const { kind, freeBytes } = this.#options.folder.use()
    return kind === 'disk' ? freeBytes - DISK_RESERVE_BYTES : freeBytes
  }

  #written(file: CachedFile): void {
    if (this.#slots.of(file)?.isSettling === true) this.settle(file)
  }
}
