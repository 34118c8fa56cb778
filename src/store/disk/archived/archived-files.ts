/**
 * Values of a store with an archive: read from this disk where they are here, else from their
 * objects, and kept on this disk then (specs/005-storage.md, "Rules: values in an archive").
 */
import { DstoreError } from '../../../errors.ts'
import type { ByteRange } from '../../../hash/tree/tree.ts'
import { ARCHIVE_OUTBOARD_BYTES, ARCHIVE_REFETCH_MS } from '../../../limits.ts'
import { checkRange } from '../../arguments.ts'
import type { ArchivedUsage, Location } from '../../store.ts'
import type { ArchivedValues, UploadSource, ValueUpload } from '../archive.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { ValueReaders } from '../value-reader.ts'
import { Fetches, type FetchesParts, makeDiskRoom } from './fetches.ts'
import type { FileFetch } from './file-fetch.ts'
import { LocalFiles } from './local-files.ts'
import { Pieces, gathered } from './pieces.ts'
import { RangeReads } from './range-reads.ts'
import { fileSource } from './sources.ts'
import { openStored } from './stored-source.ts'

export interface ArchivedFilesParts extends Omit<FetchesParts, 'local'> {
  readonly readers: ValueReaders
  /** Of the records, of a value that is sealed or adopted. */
  readonly outboard: (location: Location) => Uint8Array | undefined
  /** The value; throws where it was released or is damaged, or the store closed. */
  readonly value: (location: Location) => StoredValue
  /** Milliseconds on a clock that never goes back. */
  readonly elapsed: () => number
  /** Values whose files the opening found, those not used for longest first. */
  readonly found: readonly FoundFile[]
}

/** A file that the opening found. */
export interface FoundFile {
  readonly file: Location
  readonly bytes: number
  /** The outboard of a value whose own file is not here. */
  readonly isOutboard: boolean
}

/** Damage of copies on this disk that is remembered. */
const REMEMBERED = 1_000

export class ArchivedFiles {
  readonly #parts: ArchivedFilesParts
  readonly #values: ArchivedValues
  readonly #local: LocalFiles
  readonly #fetches: Fetches
  readonly #pieces: Pieces
  readonly #ranges = new RangeReads()
  /** When the copy of a value was dropped because its bytes were wrong. */
  readonly #dropped = new Map<Location, number>()
  /** Of values that no transaction has adopted yet. */
  readonly #sealed = new Map<Location, () => void>()
  #hits = 0
  #misses = 0
  #isClosed = false

  constructor(parts: ArchivedFilesParts) {
    const { quota, values, found } = parts
    this.#parts = parts
    this.#values = values
    const local = (this.#local = new LocalFiles(parts))
    const fetches = (this.#fetches = new Fetches({ ...parts, local }))
    this.#pieces = new Pieces({ ...parts, local, fetches })
    for (const { file, bytes, isOutboard } of found) {
      if (isOutboard) local.addOutboard(file, bytes)
      else local.add(file, bytes)
    }
    quota.evictBy(local)
    quota.evictExcess()
    // What was beyond the budget waited for the first copy.
    if (!values.isComplete) void values.completion.then(() => this.#isClosed || quota.evictExcess())
  }

  get usage(): ArchivedUsage {
    const { localBytes, count, evictions } = this.#local
    const fetchedBytes = this.#fetches.fetchedBytes
    const { maxBytes: budgetBytes } = this.#parts.quota
    const bound = budgetBytes === undefined ? {} : { budgetBytes }
    const [hits, misses] = [this.#hits, this.#misses]
    return { localBytes, ...bound, localFiles: count, evictions, hits, misses, fetchedBytes }
  }

  /** Waits until what the quota evicts is gone, and makes room on the disk for these bytes. */
  async makeRoom(bytes: number | undefined): Promise<void> {
    await this.#local.settled()
    if (bytes === undefined || this.#parts.freeSpace.hasRoom(bytes)) return
    // If it does not fit all the same, writing it says so.
    await makeDiskRoom(bytes, this.#local, this.#parts.freeSpace).catch(() => undefined)
  }

  /** Uploads a file from its first bytes on. */
  upload(file: Location, path: string, size: number | undefined): ValueUpload {
    return this.#values.upload(file, () => fileSource(this.#parts.files, path), size)
  }

  /** A value has its file and its object, and no transaction has adopted it. */
  sealed({ file, size, small }: StoredValue): void {
    if (small !== undefined) return
    this.#local.add(file, size)
    this.#sealed.set(file, this.#local.pin(file))
  }

  /** From now on its file may be evicted. */
  adopted({ file }: Pick<StoredValue, 'file'>): void {
    this.#sealed.get(file)?.()
    this.#sealed.delete(file)
  }

  /** A sealed value is given up; its bytes go back to the quota with its staging. */
  async discarded({ file, small }: StoredValue): Promise<void> {
    if (small !== undefined) return
    await this.#fetches.stop(file, GONE)
    this.#local.handBack(file)
    this.adopted({ file })
    await this.#local.remove(file)
    this.#values.remove(file)
  }

  /** A transaction released the value, or another file has taken the place of this one. */
  async released({ file, small }: StoredValue): Promise<void> {
    if (small !== undefined) return
    await this.#fetches.stop(file, GONE)
    await this.#local.remove(file)
    this.#dropped.delete(file)
    this.#ranges.forget(file)
    this.#values.remove(file)
  }

  /** The value is marked as damaged, and its file set aside. */
  async setAside({ file, small }: StoredValue): Promise<void> {
    if (small !== undefined) return
    await this.#fetches.stop(file, GONE)
    this.#local.forget(file)
    this.#dropped.delete(file)
  }

  /**
   * A reader that began at this time found the bytes wrong. True if they were those of a copy on
   * this disk, which is gone now: read again. False if the object has them, or nothing else does.
   */
  async dropCopy(location: Location, beganMs: number): Promise<boolean> {
    const { file, small } = this.#parts.value(location)
    if (small !== undefined || this.#sealed.has(file) || !this.#values.has(file)) return false
    const droppedMs = this.#dropped.get(file)
    if (droppedMs !== undefined && beganMs <= droppedMs) return true
    const now = this.#parts.elapsed()
    if (droppedMs !== undefined && now - droppedMs < ARCHIVE_REFETCH_MS) return false
    if (!(await this.#hasCopy(file))) return false
    this.#dropped.delete(file)
    this.#dropped.set(file, now)
    if (this.#dropped.size > REMEMBERED) this.#dropped.delete(this.#dropped.keys().next().value!)
    await this.#local.remove(file)
    return true
  }

  async *read(
    location: Location,
    given: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const { size } = this.#parts.value(location)
    const { start, end } = checkRange(given, size)
    const isWhole = start === 0 && end === size
    /** A copy on this disk has failed this reader once. */
    let isDirect = false
    for (let at = start; at < end;) {
      const value = this.#parts.value(location)
      const range = { start: at, end }
      const fetch = isDirect ? undefined : this.#fetchFor(value, range, isWhole)
      const isHere: boolean = this.#local.has(value.file) && !isDirect
      if (at === start && isHere) this.#hits++
      if (at === start && !isHere) this.#misses++
      const pieces = isHere
        ? this.#pieces.local(location, value, range, signal)
        : this.#pieces.distant(location, value, range, fetch, signal)
      try {
        for await (const piece of pieces) {
          // It may have been released or marked as damaged since it was read.
          this.#parts.value(location)
          at += piece.byteLength
          yield piece
          signal?.throwIfAborted()
        }
        // A fetch that ended without its file has failed.
        isDirect ||= !isHere && !this.#local.has(value.file)
      } catch (error) {
        signal?.throwIfAborted()
        this.#parts.value(location)
        if (!isHere || !isLost(error) || !this.#values.has(value.file)) throw error
        isDirect = true
        if (!this.#sealed.has(value.file)) await this.#local.remove(value.file)
      }
    }
  }

  /** Is the outboard one that `outboard` reads, and not in the records? */
  hasOutboard({ small, outboardBytes, place }: StoredValue): boolean {
    return small === undefined && outboardBytes > 0 && place !== 'records'
  }

  /** A range of such an outboard. */
  async outboard(location: Location, { start, end }: ByteRange): Promise<Uint8Array> {
    const value = this.#parts.value(location)
    const { readers } = this.#parts
    const { file, outboardBytes, place } = value
    const range = { start, end }
    const mayBeHere = place === 'file' || this.#local.has(file)
    if (mayBeHere) {
      this.#local.touchOutboard(file)
      try {
        return await gathered(range, readers.readOutboard(location, value, range))
      } catch (error) {
        this.#parts.value(location)
        if (!isLost(error) || !this.#values.has(file)) throw error
      }
    }
    if (place === 'file' && outboardBytes <= ARCHIVE_OUTBOARD_BYTES && this.#fetches.isFree) {
      const isKept = await this.#fetchedOutboard(location, value)
      if (isKept) {
        const pieces = readers.readOutboard(this.#checked(location), value, range)
        const kept = await gathered(range, pieces).catch(() => undefined)
        if (kept !== undefined) return kept
      }
    }
    const distant = { start: value.size + start, end: value.size + end }
    const bytes = await gathered(range, this.#pieces.ofObject(location, file, distant))
    this.#checked(location)
    return bytes
  }

  /**
   * Fetches the file of a value where it is missing, and keeps it from being evicted until the
   * result is called. Undefined if it has no file. Where there is no room for it that is
   * `no-space`, or undefined unless `mustHave`. Other errors: those of a read.
   */
  async hold(location: Location, mustHave: boolean): Promise<(() => void) | undefined> {
    const value = this.#parts.value(location)
    const { file, size, small } = value
    if (small !== undefined) return undefined
    const release = this.#local.pin(file)
    try {
      if (await this.#isHere(value)) {
        this.#hits++
        return release
      }
      this.#misses++
      const fetch = this.#wanted(value)
      if (fetch !== undefined && (await this.#fetched(location, fetch))) return release
    } catch (error) {
      release()
      throw error
    }
    release()
    if (!mustHave) return undefined
    throw new DstoreError('no-space', `this disk has no room for a value of ${size} bytes`, {
      hint: 'read the value with `get`, or raise `--disk-size`',
    })
  }

  /** The value with its outboard, to be uploaded; undefined if it is small. */
  open(location: Location): Promise<UploadSource | undefined> {
    return openStored(location, this.#parts)
  }

  async close(fault: DstoreError): Promise<void> {
    this.#isClosed = true
    await this.#fetches.stopAll(fault)
    await this.#local.settled()
  }

  #checked(location: Location): Location {
    this.#parts.value(location)
    return location
  }

  /** The fetch that a read follows: that of the whole value, or one that is far enough. */
  #fetchFor(value: StoredValue, range: ByteRange, isWhole: boolean): FileFetch | undefined {
    const { file, size } = value
    if (this.#local.has(file) || !this.#values.has(file)) return undefined
    const running = this.#fetches.running(file)
    if (isWhole) return running ?? (this.#fetches.isFree ? this.#wanted(value) : undefined)
    if (running === undefined && this.#ranges.took(file, range, size) && this.#fetches.isFree) {
      // No caller waits for it, so it goes on when its readers leave.
      this.#wanted(value)?.want()
    }
    return running?.hasWritten(range.end) === true ? running : undefined
  }

  /** Undefined where the quota has no room for it. */
  #wanted(value: StoredValue): FileFetch | undefined {
    try {
      return this.#fetches.value(value)
    } catch (error) {
      if (error instanceof DstoreError && error.code === 'no-space') return undefined
      throw error
    }
  }

  async #fetchedOutboard(location: Location, value: StoredValue): Promise<boolean> {
    let fetch: FileFetch
    try {
      fetch = this.#fetches.outboard(value)
    } catch {
      return false
    }
    return this.#fetched(location, fetch)
  }

  /** False where the disk is at fault: the value can be read from its object all the same. */
  async #fetched(location: Location, fetch: FileFetch): Promise<boolean> {
    const release = fetch.want()
    try {
      await fetch.done
      return true
    } catch (error) {
      if (error instanceof DstoreError && error.code !== 'no-space') throw error
      return false
    } finally {
      release()
      this.#checked(location)
    }
  }

  /** Is the file here, at its full length? The caller reads it by its path, without this store. */
  async #isHere({ file, size, outboardBytes, place }: StoredValue): Promise<boolean> {
    if (!this.#local.has(file)) return false
    if (this.#sealed.has(file) || !this.#values.has(file)) return true
    const { files, layout } = this.#parts
    const length = await files.size(layout.valueFile(file)).catch(() => undefined)
    if (length === size || (place === 'behind' && length === size + outboardBytes)) return true
    await this.#local.remove(file)
    return false
  }

  async #hasCopy(file: Location): Promise<boolean> {
    if (this.#local.has(file)) return true
    const { files, layout } = this.#parts
    return (await files.size(layout.outboardFile(file)).catch(() => undefined)) !== undefined
  }
}

const GONE = new DstoreError('removed', 'the value was removed')

/** Did the disk lose the bytes? A refused access may be allowed again. */
const isLost = (error: unknown): boolean =>
  error instanceof DstoreError && error.code === 'integrity'
