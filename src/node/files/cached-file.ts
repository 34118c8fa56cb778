/** A value in a file of this boot, whole or in part. Written once, by verified runs. */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import { Bitfield } from '../../hash/tree/bitfield.ts'
import { PAIR_BYTES, type ByteRange } from '../../hash/tree/tree.ts'
import { GROUP_BYTES, MIB } from '../../limits.ts'
import type { CacheFolder } from '../../store/cached/cache-folder.ts'
import { isFull } from '../../store/cached/faults.ts'
import type { OpenFile } from '../../store/cached/open-file.ts'
import { faultOf } from '../../store/disk/faults.ts'
import type { FileState } from '../../store/paths/file-state.ts'
import { ValueFiles, evicted } from '../../store/cached/value-files.ts'
import type { VerifiedPairs } from '../../transfer/piece-stream.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import type { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Receiver } from '../cache/held-value.ts'
import { Removable } from '../cache/removable.ts'
import type { SegmentPool } from '../cache/segment-pool.ts'
import { FileReceiver } from './file-receiver.ts'
import type { FileValue } from './file-tier.ts'
import { servedFromFile } from './served-file.ts'

/** The tier as its files see it. */
export interface FileContext {
  readonly folder: CacheFolder
  /** Whether the next boot is to find what is unfinished. */
  readonly keeps: boolean
  /** Hashes on another thread. */
  readonly checker: GroupChecker | undefined
  /** Memory that pieces are received into. */
  readonly pool: SegmentPool
  /** What all receivers take of it. */
  readonly shares: SharedBudget
  /** The file system is full: evicts another file. False if something uses every one. */
  makeRoom(file: CachedFile): boolean
  /** This many bytes more were written. */
  wrote(file: CachedFile, bytes: number): void
  /** Nothing is being written any more. */
  written(file: CachedFile): void
  /** The file of a value was changed, or cannot be read. */
  damaged(file: CachedFile, fault: DstoreError): void
}

/** Bytes written between two notes, for a later boot, of what an unfinished value holds. */
const NOTED_BYTES = 64 * MIB

export class CachedFile extends Removable implements FileValue {
  readonly key: Key
  readonly size: number
  incarnation: number
  directoryAt: number | undefined
  isVoid = false
  readonly held: Bitfield
  readonly #context: FileContext
  readonly #files: ValueFiles
  /** The groups that a file of an earlier boot is said to have. */
  readonly #found: Bitfield | undefined
  #writes = 0
  /** Written since `note`. */
  #unnotedBytes = 0
  #users = 0
  /** Those that read or write it now. */
  #opens = 0
  /** The tier no longer lists it. */
  #isDetached = false

  /** `found`: the groups that a file of an earlier boot is said to have. */
  constructor(context: FileContext, key: Key, size: number, incarnation: number, found?: Bitfield) {
    super()
    this.key = new Key(key.digest, key.kind)
    this.size = size
    this.incarnation = incarnation
    this.held = new Bitfield(size)
    this.#context = context
    this.#files = new ValueFiles(context.folder, nameOf(key), found !== undefined)
    this.#found = found
  }

  get isDirectory(): boolean {
    return this.directoryAt === this.incarnation
  }

  get isWhole(): boolean {
    return this.#files.stage === 'whole'
  }

  get isUnchecked(): boolean {
    return this.#files.stage === 'found'
  }

  get path(): string | undefined {
    return this.#isDetached ? undefined : this.#files.path
  }

  get heldBytes(): number {
    let bytes = 0
    for (const { start, end } of this.held.held()) bytes += end - start
    return bytes
  }

  get isWriting(): boolean {
    return this.#writes > 0
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  use(): () => void {
    this.#checkKept()
    let done = false
    this.#users++
    return () => {
      if (done) return
      done = true
      this.#users--
      this.#closeUnused()
    }
  }

  receive(): Receiver {
    const { pool, shares } = this.#context
    return new FileReceiver(this, pool, shares, this.open())
  }

  served(signal: AbortSignal, release: (stillReferenced: boolean) => void): ServedValue {
    const { checker } = this.#context
    const onDamage = (fault: DstoreError): void => this.#context.damaged(this, fault)
    const close = this.open()
    const end = (stillReferenced: boolean): void => {
      close()
      release(stillReferenced)
    }
    return servedFromFile(this, { signal, release: end, checker, onDamage })
  }

  /**
   * Keeps its descriptors, once there are some, until the returned function is called. A pin or a
   * hold needs none: it would have them for as long as it lasts.
   */
  open(): () => void {
    let done = false
    this.#opens++
    return () => {
      if (done) return
      done = true
      this.#opens--
      this.#closeUnused()
    }
  }

  /** Writes verified groups from `start` on, and the pairs that came with them. */
  async write(
    start: number,
    bytes: Uint8Array,
    pairs: readonly VerifiedPairs[] = [],
  ): Promise<void> {
    this.checkNotRemoved()
    // Nothing charges it any more; the rest goes past the cache.
    if (this.#isDetached) throw evictedMeanwhile()
    // A second source sent what is here: other processes have the file by now.
    if (this.isWhole) return
    // It is fetched from its source all the same.
    if (this.isUnchecked) this.#files.clear()
    this.#writes++
    try {
      for (const { outboardOffset, bytes: some } of pairs) {
        await this.#put(() => this.#files.pairs(), some, outboardOffset)
      }
      await this.#put(() => this.#files.data(), bytes, start)
      this.checkNotRemoved()
      const before = this.held.count
      this.held.setRange({ start, end: start + bytes.byteLength })
      const perGroup = GROUP_BYTES + PAIR_BYTES
      this.#context.wrote(this, (this.held.count - before) * perGroup)
      this.#unnotedBytes += bytes.byteLength
      if (this.#unnotedBytes >= NOTED_BYTES) this.note()
    } finally {
      this.#writes--
      if (this.#writes === 0) this.#finish()
      this.#closeUnused()
    }
  }

  /** Reads as many bytes as the array has; fewer only if the file is shorter. */
  readData(into: Uint8Array, position: number): Promise<number> {
    return this.#files.data().read(into, position)
  }

  readPairs(into: Uint8Array, position: number): Promise<number> {
    return this.#files.pairs().read(into, position)
  }

  /** The runs to verify of a file of an earlier boot. */
  foundRuns(): Iterable<ByteRange> {
    return this.#found?.held() ?? []
  }

  /** They have been verified. */
  confirm(): void {
    this.#checkKept()
    if (this.#found === undefined || !this.isUnchecked) return
    const size = this.#files.finishFound(this.#found.complete)
    for (const run of this.#found.held()) this.held.setRange(run)
    if (size !== undefined) this.#checkSize(size)
  }

  /** The file of a whole value as it is now, if it is as it was when it got its name. */
  unchanged(): FileState | undefined {
    return this.#files.unchanged()
  }

  /** Tells the next boot what is held of an unfinished value. */
  note(): void {
    this.#unnotedBytes = 0
    if (!this.#context.keeps || this.#isDetached) return
    try {
      this.#files.note(this.size, this.held.toBytes())
    } catch {
      // Then the next boot finds less of it, or nothing.
    }
  }

  /** Deletes the file, in which nothing is held. The value stays listed. */
  clear(): void {
    this.#files.clear()
  }

  /** The tier no longer lists it: unlinks its file. Its users may go on. */
  detach(): void {
    if (this.#isDetached) return
    if (this.inUse) this.#files.keepOpen()
    this.#files.unlink()
    this.#isDetached = true
    this.#closeUnused()
  }

  /** The boot ends: ends every use, and leaves the file to the next boot. */
  leave(reason: DstoreError): void {
    this.note()
    this.#isDetached = true
    this.endUses(reason)
    this.#closeUnused()
  }

  drop(reason: DstoreError): void {
    this.endUses(reason)
    this.detach()
  }

  async #put(open: () => OpenFile, bytes: Uint8Array, position: number): Promise<void> {
    for (;;) {
      try {
        return await open().write(bytes, position)
      } catch (error) {
        this.checkNotRemoved()
        if (this.#isDetached) throw evictedMeanwhile()
        if (!isFull(error)) throw this.#unwritable(error)
        if (this.#context.makeRoom(this)) continue
        throw new DstoreError('no-space', 'the file system of the cache folder is full', {
          cause: error,
          hint: 'give it more space, or name another folder with --cache-dir',
        })
      }
    }
  }

  #finish(): void {
    if (this.held.complete && this.#files.stage === 'partial') this.#name()
    this.#context.written(this)
  }

  #name(): void {
    let size: bigint
    try {
      size = this.#files.finish()
    } catch (error) {
      throw this.#unwritable(error)
    }
    this.#checkSize(size)
  }

  /** The folder cannot be written to, or was deleted. */
  #unwritable(error: unknown): DstoreError {
    const fault = faultOf(error, 'write a file of the cache')
    const known = fault instanceof DstoreError ? fault : asDstoreError(fault)
    this.#context.damaged(this, known)
    return known
  }

  /** Another process may have written beyond the end. */
  #checkSize(size: bigint): void {
    if (size === BigInt(this.size)) return
    const fault = new DstoreError('integrity', 'a file of the cache is longer than its value')
    this.#context.damaged(this, fault)
    throw fault
  }

  #checkKept(): void {
    this.checkNotRemoved()
    if (this.#isDetached && !this.inUse) throw evicted()
  }

  #closeUnused(): void {
    // What is unlinked cannot be opened again: a user may still begin to read it.
    const isNeeded = this.#isDetached ? this.inUse : this.#opens > 0
    if (!isNeeded && this.#writes === 0) this.#files.close()
  }
}

const evictedMeanwhile = (): DstoreError =>
  new DstoreError('no-space', 'the value was evicted while it was received')

/** The name of a value's files: its key as that of bytes, whatever it holds. */
export const nameOf = (key: Key): string => key.as('bytes').toString()
