/** A value in a file of this boot, whole or in part. Written once, by verified runs. */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { Bitfield } from '../../hash/tree/bitfield.ts'
import type { CacheFolder, FileState } from '../../store/cached/cache-folder.ts'
import type { OpenFile } from '../../store/cached/open-file.ts'
import { isFull } from '../../store/cached/faults.ts'
import type { VerifiedPairs } from '../../transfer/piece-stream.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import type { Receiver } from '../cache/held-value.ts'
import type { SegmentPool } from '../cache/segment-pool.ts'
import type { FileValue } from './file-tier.ts'
import { FileReceiver } from './file-receiver.ts'
import { servedFromFile } from './served-file.ts'

/** The tier as its files see it. */
export interface FileContext {
  readonly folder: CacheFolder
  /** Memory that pieces are received into. */
  readonly pool: SegmentPool
  /** The file system is full: evicts another file. False if something uses every one. */
  makeRoom(file: CachedFile): boolean
  /** Nothing is being written any more. */
  written(file: CachedFile): void
  /** The file of a value was changed, or cannot be read. */
  damaged(file: CachedFile, fault: DstoreError): void
}

export class CachedFile implements FileValue {
  readonly key: Key
  readonly size: number
  incarnation: number
  directoryAt: number | undefined
  isVoid = false
  readonly held: Bitfield
  readonly #context: FileContext
  readonly #name: string
  #stage: 'listed' | 'partial' | 'whole' = 'listed'
  /** Once it is whole: as it was when it got its name. */
  #state: FileState | undefined
  /** Open while the value has users. */
  #data: OpenFile | undefined
  #pairs: OpenFile | undefined
  #hasPairs = false
  #writes = 0
  #users = 0
  #isDetached = false
  #dropped: AbortController | undefined
  #dropReason: DstoreError | undefined

  constructor(context: FileContext, key: Key, size: number, incarnation: number) {
    this.key = new Key(key.digest, key.kind)
    this.size = size
    this.incarnation = incarnation
    this.held = new Bitfield(size)
    this.#context = context
    this.#name = nameOf(key)
  }

  get isDirectory(): boolean {
    return this.directoryAt === this.incarnation
  }

  get isWhole(): boolean {
    return this.#stage === 'whole'
  }

  get isDetached(): boolean {
    return this.#isDetached
  }

  get heldBytes(): number {
    let bytes = 0
    for (const { start, end } of this.held.held()) bytes += end - start
    return bytes
  }

  get isWriting(): boolean {
    return this.#writes > 0
  }

  get path(): string | undefined {
    return this.isWhole && !this.#isDetached
      ? this.#context.folder.valuePath(this.#name)
      : undefined
  }

  get dropped(): AbortSignal {
    this.#dropped ??= new AbortController()
    if (this.isDropped) this.#dropped.abort(this.#dropReason)
    return this.#dropped.signal
  }

  get isDropped(): boolean {
    return this.#dropReason !== undefined
  }

  checkNotRemoved(): void {
    if (this.#dropReason !== undefined) throw this.#dropReason
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
    return new FileReceiver(this, this.#context.pool)
  }

  served(signal: AbortSignal, release: (stillReferenced: boolean) => void): ServedValue {
    return servedFromFile(this, signal, release, (fault) => this.#context.damaged(this, fault))
  }

  /** Writes verified groups from `start` on, and the pairs that came with them. */
  async write(
    start: number,
    bytes: Uint8Array,
    pairs: readonly VerifiedPairs[] = [],
  ): Promise<void> {
    this.#checkKept()
    this.#writes++
    try {
      for (const { outboardOffset, bytes: some } of pairs) {
        await this.#put(() => this.#pairsFile(), some, outboardOffset)
      }
      await this.#put(() => this.#dataFile(), bytes, start)
      this.checkNotRemoved()
      this.held.setRange({ start, end: start + bytes.byteLength })
    } finally {
      this.#writes--
      if (this.#writes === 0) this.#finish()
      this.#closeUnused()
    }
  }

  /** Reads as many bytes as the array has; fewer only if the file is shorter. */
  readData(into: Uint8Array, position: number): Promise<number> {
    return this.#dataFile().read(into, position)
  }

  readPairs(into: Uint8Array, position: number): Promise<number> {
    return this.#pairsFile().read(into, position)
  }

  /** The file as it is now, if nobody changed it since it got its name. */
  unchanged(): FileState | undefined {
    const [before, now] = [this.#state, this.#context.folder.stateOf(this.#name)]
    if (before === undefined || now === undefined) return undefined
    return isSame(before, now) ? now : undefined
  }

  /** Deletes what was written: nothing of it is held. The value stays listed. */
  clear(): void {
    if (this.#stage !== 'listed') this.#context.folder.unlink(this.#name)
    this.#stage = 'listed'
    this.#hasPairs = false
    this.#close()
  }

  /** The tier no longer lists it: unlinks its file. Its users may go on. */
  detach(): void {
    if (this.#isDetached) return
    // Without its name it cannot be opened any more.
    if (this.inUse && this.#stage !== 'listed') this.#open()
    this.#isDetached = true
    if (this.#stage !== 'listed') this.#context.folder.unlink(this.#name)
    this.#closeUnused()
  }

  drop(reason: DstoreError): void {
    this.#dropReason ??= reason
    this.#dropped?.abort(this.#dropReason)
    this.detach()
  }

  async #put(open: () => OpenFile, bytes: Uint8Array, position: number): Promise<void> {
    for (;;) {
      try {
        return await open().write(bytes, position)
      } catch (error) {
        this.checkNotRemoved()
        if (!isFull(error)) throw error
        if (this.#context.makeRoom(this)) continue
        throw new DstoreError('no-space', 'the file system of the cache folder is full', {
          cause: error,
          hint: 'give it more space, or name another folder with --cache-dir',
        })
      }
    }
  }

  #finish(): void {
    if (this.held.complete && this.#stage !== 'whole' && !this.#isDetached) {
      this.#state = this.#context.folder.finish(this.#name, this.#dataFile())
      this.#stage = 'whole'
    }
    this.#context.written(this)
  }

  #open(): void {
    try {
      this.#dataFile()
      if (this.#hasPairs) this.#pairsFile()
    } catch {
      // Its users find that it is not there.
    }
  }

  #dataFile(): OpenFile {
    if (this.#data !== undefined) return this.#data
    this.#checkListed()
    const { folder } = this.#context
    if (this.#stage === 'listed') {
      this.#data = folder.createPart(this.#name)
      this.#stage = 'partial'
    } else if (this.#stage === 'partial') {
      this.#data = folder.openPart(this.#name)
    } else {
      this.#data = folder.openValue(this.#name)
    }
    return this.#data
  }

  #pairsFile(): OpenFile {
    if (this.#pairs !== undefined) return this.#pairs
    this.#checkListed()
    const { folder } = this.#context
    if (this.#hasPairs) this.#pairs = folder.openPairs(this.#name)
    else this.#pairs = folder.createPairs(this.#name)
    this.#hasPairs = true
    return this.#pairs
  }

  #checkKept(): void {
    this.checkNotRemoved()
    if (!this.inUse) this.#checkListed()
  }

  #checkListed(): void {
    if (this.#isDetached) throw new DstoreError('cancelled', 'the value was evicted')
  }

  #closeUnused(): void {
    if (!this.inUse && this.#writes === 0) this.#close()
  }

  #close(): void {
    this.#data?.close()
    this.#pairs?.close()
    this.#data = undefined
    this.#pairs = undefined
  }
}

/** The name of a value's files: its key as that of bytes, whatever it holds. */
export const nameOf = (key: Key): string => key.as('bytes').toString()

function isSame(a: FileState, b: FileState): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.modifiedNs === b.modifiedNs &&
    a.changedNs === b.changedNs
  )
}
