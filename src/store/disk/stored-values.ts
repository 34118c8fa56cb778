/** The bytes of values that are sealed or adopted: read, lent, freed; here or in an archive. */
import { bytesIn } from '../../bytes.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import { checkRange } from '../arguments.ts'
import { Quota, Reservation, quotaOf } from '../quota.ts'
import type { LentFile, Location, StoreUsage } from '../store.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { ArchivedFiles } from './archived/archived-files.ts'
import type { StoredValue } from './records/file-row.ts'
import type { StagingHost } from './staged/staging.ts'
import type { DiskStoreParts } from './store-parts.ts'
import { type ValueReaders, bytesOf, outboardOf } from './value-reader.ts'

export interface StoredValuesOptions {
  readonly parts: DiskStoreParts
  readonly readers: ValueReaders
  /** The value; throws where it was released or is damaged, or the store closed. */
  readonly value: (location: Location) => StoredValue
  /** Moves an outboard away from behind the value. */
  readonly moveNow: (location: Location) => Promise<void>
}

export class StoredValues {
  /** Of all values and those that are staged; with an archive, of those in files on this disk. */
  readonly quota: Quota
  /** In a store with an archive. */
  readonly archived: ArchivedFiles | undefined
  readonly #options: StoredValuesOptions

  constructor(options: StoredValuesOptions) {
    this.#options = options
    const { parts, readers, value } = options
    const { files, layout, replica, freeSpace, archive, found, elapsed, maxBytes } = parts
    const { overlay } = replica
    const usedBytes = found?.bytes ?? overlay.tally().valueBytes
    const quota = (this.quota = new Quota(maxBytes, usedBytes))
    if (archive === undefined || found === undefined) return
    const outboard = (location: Location): Uint8Array | undefined => overlay.outboard(location)
    const own = { files, layout, quota, readers, freeSpace, elapsed, value, outboard }
    this.archived = new ArchivedFiles({ ...own, values: archive.values, found: found.found })
  }

  /** What stagings count, and how they upload what is written to them. */
  get forStagings(): Pick<StagingHost, 'countsSmall' | 'upload'> {
    const { archived } = this
    if (archived === undefined) return { countsSmall: true }
    return { countsSmall: false, upload: (file, path, size) => archived.upload(file, path, size) }
  }

  get usage(): Pick<StoreUsage, 'quotaBytes' | 'headroomBytes' | 'archived'> {
    const { quota, archived } = this
    if (archived === undefined) return quotaOf(quota)
    return { headroomBytes: quota.headroomBytes, archived: archived.usage }
  }

  /** Reserves what a staging announces. Error: `no-space`. */
  reserve(size: number | undefined, hasFile: boolean): Reservation {
    const mayBeSmall = !hasFile && size !== undefined && size <= SMALL_VALUE_BYTES
    const isCounted = this.archived === undefined || !mayBeSmall
    return new Reservation(this.quota, isCounted ? size : undefined)
  }

  /** Reserves what small values take. Error: `no-space`. */
  reserveSmall(values: readonly Uint8Array[], storedBytes?: number): void {
    if (this.archived === undefined) this.quota.reserve(bytesIn(values), storedBytes)
  }

  read(location: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const { readers, value } = this.#options
    const stored = value(location)
    const isArchived = this.archived !== undefined && stored.small === undefined
    if (isArchived) return this.archived.read(location, range, signal)
    return bytesOf(readers, location, stored, range, signal)
  }

  /** What is in the records, if it is at most so long. */
  small(location: Location, mostBytes: number): Uint8Array | undefined {
    const { quarantine, replica } = this.#options.parts
    if (quarantine.has(location)) return undefined
    const value = replica.overlay.value(location)
    const isHere = value?.small !== undefined && value.size <= mostBytes
    return isHere ? value.small.subarray(value.outboardBytes) : undefined
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    const { readers, parts } = this.#options
    const { overlay } = parts.replica
    const value = this.#options.value(location)
    if (this.archived?.hasOutboard(value) === true) {
      return this.archived.outboard(location, checkRange(range, value.outboardBytes))
    }
    try {
      return await outboardOf(readers, overlay, location, value, range)
    } catch (error) {
      // Meanwhile it may have been moved away from behind the value, and the file been cut.
      const now = this.#options.value(location)
      if (now.file !== value.file || now.place === value.place) throw error
      return outboardOf(readers, overlay, location, now, range)
    }
  }

  async lend(location: Location, exact: boolean): Promise<LentFile | undefined> {
    const { readers, value, moveNow } = this.#options
    const release = await this.archived?.hold(location, exact)
    if (this.archived !== undefined && release === undefined) return undefined
    try {
      if (exact) await moveNow(location)
      const { small, file } = value(location)
      const lent = small === undefined ? readers.lend(location, file) : undefined
      return lent !== undefined && release !== undefined ? lentWith(lent, release) : lent
    } catch (error) {
      release?.()
      throw error
    }
  }

  /** A value was sealed. */
  sealed(value: StoredValue): void {
    this.archived?.sealed(value)
  }

  /** A transaction adopted the value with this file. */
  adopted(file: Location): void {
    this.archived?.adopted({ file })
  }

  /** Frees a sealed value. Returns its bytes of the quota, which are its staging's. */
  async discarded(value: StoredValue): Promise<number> {
    await (this.archived?.discarded(value) ?? this.#removeFiles(value))
    return this.archived !== undefined && value.small !== undefined ? 0 : value.size
  }

  /** Frees a value that was released or replaced, when no reader is left. */
  async released(value: StoredValue): Promise<void> {
    if (this.archived !== undefined) {
      await this.archived.released(value)
      return
    }
    await this.#removeFiles(value)
    this.quota.free(value.size)
  }

  /** What the disk refuses to delete is deleted by the next opening. */
  async #removeFiles({ file, small, place }: StoredValue): Promise<void> {
    if (small !== undefined) return
    const { files, layout } = this.#options.parts
    await files.remove(layout.valueFile(file)).catch(() => undefined)
    if (place === 'file') await files.remove(layout.outboardFile(file)).catch(() => undefined)
  }
}

/** The same loan; another thing ends with it. */
function lentWith(lent: LentFile, release: () => void): LentFile {
  const giveBack = (): void => {
    lent.giveBack()
    release()
  }
  return { path: lent.path, signal: lent.signal, giveBack }
}
