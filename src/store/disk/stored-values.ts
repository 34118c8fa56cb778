/** The bytes of values that are sealed or adopted: read, lent, freed; here or in an archive. */
import { checkRange } from '../arguments.ts'
import { Quota, quotaOf } from '../quota.ts'
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
  /** Of values on this disk, and of those that are staged. */
  readonly quota: Quota
  /** In a store with an archive. */
  readonly archived: ArchivedFiles | undefined
  readonly #options: StoredValuesOptions

  constructor(options: StoredValuesOptions) {
    this.#options = options
    const { parts, readers, value } = options
    const { files, layout, replica, freeSpace, archive, found, elapsed, maxBytes } = parts
    const { overlay } = replica
    const { valueBytes } = overlay.tally()
    const notHere = found === undefined ? 0 : found.absentBytes - found.outboardBytes
    const quota = (this.quota = new Quota(maxBytes, valueBytes - notHere))
    if (archive === undefined || found === undefined) return
    const outboard = (location: Location): Uint8Array | undefined => overlay.outboard(location)
    const own = { files, layout, quota, readers, freeSpace, elapsed, value, outboard }
    this.archived = new ArchivedFiles({ ...own, values: archive.values, found: found.found })
  }

  /** How stagings upload what is written to them. */
  get uploads(): Pick<StagingHost, 'upload'> {
    const { archived } = this
    if (archived === undefined) return {}
    return { upload: (file, path, size) => archived.upload(file, path, size) }
  }

  get usage(): Pick<StoreUsage, 'quotaBytes' | 'headroomBytes' | 'archived'> {
    const { quota, archived } = this
    return { ...quotaOf(quota), ...(archived !== undefined && { archived: archived.usage }) }
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

  /** Frees a sealed value; its bytes of the quota are its staging's. */
  async discarded(value: StoredValue): Promise<void> {
    await (this.archived?.discarded(value) ?? this.#removeFiles(value))
  }

  /** Frees a value that was released or replaced, when no reader is left. */
  async released(value: StoredValue): Promise<void> {
    if (this.archived !== undefined && value.small === undefined) {
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
