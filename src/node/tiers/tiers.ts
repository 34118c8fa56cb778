/**
 * The two tiers of a Local's cache as one: memory, and files where there is a file tier
 * (specs/003-transfer.md, "Rules: two tiers"). No I/O of its own.
 *
 * A value has at most one entry in each. Memory has one only for a value that it could hold whole;
 * a value that has a file is read from it, unless memory has it as well.
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { GROUP_BYTES } from '../../limits.ts'
import type { Cache } from '../cache/cache.ts'
import { sumOf, wholeCharge } from '../cache/charge.ts'
import { CachedValue } from '../cache/cached-value.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { CacheStatus } from '../node.ts'
import { Moves } from './moves.ts'
import type { OpenedFiles } from './open-files.ts'
import type { Log } from '../../log.ts'
import { fileBaseBytes } from '../files/file-charge.ts'
import type { FileTier, FileValue } from '../files/file-tier.ts'

/** What `prepare` is asked for. */
export interface Wanted {
  readonly key: Key
  readonly size: number
  readonly incarnation: number
  readonly range: ByteRange
  /** The whole value, if it came with Global's answer. */
  readonly offered?: Uint8Array | undefined
}

export class Tiers {
  readonly memory: Cache
  readonly files: FileTier | undefined

  /** Why there is no file tier. */
  readonly #none: string | undefined

  /** A tier that shares the budget of memory holds no more than memory could. */
  readonly #ownFileBytes: number

  readonly #moves: Moves | undefined
  readonly #onClosed: () => void
  readonly #log: Log
  /** A caller evicts a value, from both tiers. */
  #isEvicting = false

  constructor(memory: Cache, log: Log, opened: OpenedFiles = {}) {
    const { tier, none, ownBytes = 0, onClosed = () => undefined } = opened
    this.#onClosed = onClosed
    this.memory = memory
    this.files = tier
    this.#log = log
    const isMoving = tier !== undefined && ownBytes > 0
    this.#moves = isMoving ? new Moves({ memory, files: tier, log }) : undefined
    this.#ownFileBytes = ownBytes
    this.#none = none
  }

  /** The entry of a value, which becomes the most recently used. Memory is faster to read. */
  get(key: Key): HeldValue | undefined {
    const inMemory = this.memory.get(key)
    const inFile = this.files?.get(key)
    if (inMemory === undefined || inFile === undefined) return inMemory ?? inFile
    // A part in memory is of no use where the file has all of it.
    return inFile.isWhole && !inMemory.held.complete ? inFile : inMemory
  }

  /** The entry of a value, without marking it as used. */
  peek(key: Key): HeldValue | undefined {
    return this.memory.peek(key) ?? this.files?.peek(key)
  }

  /** Is this entry still listed? */
  lists(value: HeldValue): boolean {
    return this.#tierOf(value)?.peek(value.key) === value
  }

  /** Every entry of both tiers; a value may have two. */
  *values(): Generator<HeldValue, void, undefined> {
    yield* this.memory.values()
    if (this.files !== undefined) yield* this.files.values()
  }

  /** The entries of a value. */
  entries(key: Key): HeldValue[] {
    const both = [this.memory.peek(key), this.files?.peek(key)]
    return both.filter((value) => value !== undefined)
  }

  /** Bytes of the value that are held, in the tier that has more of it. */
  heldBytes(key: Key): number {
    return Math.max(0, ...this.entries(key).map(({ heldBytes }) => heldBytes))
  }

  /**
   * Returns the entry of this incarnation, if need be a new one, without taking room: in memory,
   * or in a file where memory could never hold all of the value, or has no room for it now.
   * Undefined if neither has: the value goes past the cache.
   */
  prepare(wanted: Wanted): HeldValue | undefined {
    const { key, size, incarnation, range, offered } = wanted
    const inFile = this.files?.peek(key)
    const isInFile = inFile?.incarnation === incarnation && isOfUse(inFile)
    const isForMemory = sumOf(wholeCharge(size)) <= this.memory.budgetBytes
    const isForFile = size + fileBaseBytes(size) <= this.#ownFileBytes
    if (isInFile || (!isForMemory && isForFile)) {
      const prepared = this.files?.prepare(key, size, incarnation)
      if (prepared !== undefined) return prepared
    }
    const inMemory = this.memory.prepare(key, size, incarnation, range, offered)
    // A glance at a value is not worth a file either (R003-116).
    const isGlance = range.end - range.start <= GROUP_BYTES
    if (inMemory !== undefined || isGlance || !isForFile) return inMemory
    return this.files?.prepare(key, size, incarnation)
  }

  /** Takes room for a range of an entry: see `Tier.claim`. */
  claim(value: HeldValue, range: ByteRange, wanted?: () => readonly ByteRange[]): boolean {
    if (value instanceof CachedValue) return this.memory.claim(value, range, wanted)
    return this.files?.claim(value as FileValue, range, wanted) ?? false
  }

  /** Charges an entry for what it holds only: its download is over. */
  settle(value: HeldValue): void {
    if (value instanceof CachedValue) this.memory.settle(value)
    else this.files?.settle(value as FileValue)
  }

  /** Evicts a value from both tiers; its readers may continue. Returns how much was held of it. */
  evict(key: Key): number {
    this.#isEvicting = true
    try {
      return Math.max(this.memory.evict(key), this.files?.evict(key) ?? 0)
    } finally {
      this.#isEvicting = false
    }
  }

  /** An entry is being read. */
  reading(value: HeldValue): void {
    if (value instanceof CachedValue) this.#moves?.read(value)
  }

  /** Memory is about to give back what it has of a value. */
  leavesMemory(value: CachedValue): void {
    if (!this.#isEvicting) this.#moves?.evicted(value)
  }

  /**
   * Verifies what an earlier run left in the file of an entry, and waits while it is moved there.
   * False if the entry is no longer listed then, or must not be served.
   */
  async isVerified(value: HeldValue, signal?: AbortSignal): Promise<boolean> {
    if (!(value instanceof CachedValue)) {
      try {
        await this.files?.check(value as FileValue, { signal })
      } catch (error) {
        if (!(error instanceof DstoreError) || error.code !== 'integrity') throw error
      }
    }
    return this.lists(value) && !value.isVoid
  }

  /** Why a file cannot be handed out where there is no file tier. */
  noFiles(): DstoreError {
    return new DstoreError('unsupported', `this node keeps no files: ${this.#none}`, {
      hint: 'start it with --cache-dir DIR, and on a disk with --cache-dir-size SIZE',
    })
  }

  /** No path may lead to a file any more: this node may not serve. */
  withdraw(reason: DstoreError): void {
    try {
      this.files?.moveAway(reason)
    } catch (error) {
      this.#log.error('the files of the cache cannot be moved away', { error: String(error) })
    }
  }

  async close(): Promise<void> {
    await this.files?.close()
    this.#onClosed()
  }

  damaged(value: FileValue, fault: DstoreError): void {
    this.files?.damaged(value, fault)
  }

  /** Counts a read that the cache served, or did not. */
  count(kind: 'hit' | 'miss'): void {
    this.memory.count(kind)
  }

  /** Bytes that both tiers use. */
  get usedBytes(): number {
    return this.memory.status().usedBytes + (this.files?.status().usedBytes ?? 0)
  }

  status(): CacheStatus {
    const files = this.files?.status()
    const noFiles = this.#none
    return { ...this.memory.status(), ...(files && { files }), ...(noFiles && { noFiles }) }
  }

  /** Evicts what `isConcerned` in both tiers, and ends every use of it: the value was removed. */
  remove(key: Key, isConcerned: (value: HeldValue) => boolean = () => true): void {
    this.memory.remove(key, isConcerned)
    const { files } = this
    const inFile = files?.peek(key)
    try {
      files?.remove(key, isConcerned)
    } catch (error) {
      // When this returns no path may lead to the value: if not the file, the folder can be moved.
      const facts = { key: key.toString(), path: inFile?.path, error: String(error) }
      this.#log.error('the file of a removed value cannot be deleted', facts)
      const reason = new DstoreError('removed', 'the value was removed')
      files?.moveAway(reason)
      endUses(inFile, reason)
    }
  }

  #tierOf(value: HeldValue): Cache | FileTier | undefined {
    return value instanceof CachedValue ? this.memory : this.files
  }
}

function endUses(value: FileValue | undefined, reason: DstoreError): void {
  try {
    value?.drop(reason)
  } catch {
    // Its uses have ended; what could not be deleted before cannot be now.
  }
}

/** An entry that got no room has nothing, and shall not keep its value out of memory. */
const isOfUse = ({ heldBytes, isUnchecked, inUse }: FileValue): boolean =>
  heldBytes > 0 || isUnchecked || inUse
