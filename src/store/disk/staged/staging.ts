/** A value being written: buffered while it may fit into a record, then in a file. */
import { concat } from '../../../bytes.ts'
import type { Hashed } from '../../../hash/hasher.ts'
import { SMALL_VALUE_BYTES } from '../../../limits.ts'
import { checkBytes } from '../../arguments.ts'
import { ChunkedBytes } from '../../memory/chunked-bytes.ts'
import type { HeldFiles } from '../../file/held-files.ts'
import type { Reservation } from '../../quota.ts'
import type { FileContent, Location, Staging } from '../../store.ts'
import type { StoredValue } from '../records/database.ts'
import type { ValueUpload } from '../archive.ts'
import { type Files, SEALED_MODE } from '../files.ts'
import { BufferedWriter } from './buffered-writer.ts'
import type { Layout } from '../layout.ts'
import type { SharedSync } from './shared-sync.ts'
import type { ClaimedUpload, PartialUploads } from './partial-uploads.ts'
import { ValueReader } from '../value-reader.ts'

/** What a staging needs from its store. */
export interface StagingHost {
  readonly files: Files
  readonly layout: Layout
  readonly held: HeldFiles
  readonly partials: PartialUploads
  /** Makes the directory of values durable. */
  readonly valuesSync: SharedSync
  checkOpen(): void
  /** The value is complete; from now on the store decides whether it may be deleted. */
  onSealed(location: Location, value: StoredValue): void
  /** Deletes a sealed value; false if it was adopted, and its bytes belong to the store. */
  discardSealed(location: Location): Promise<boolean>
  /** In a store with an archive: uploads the file at a path while it grows. */
  upload?(file: Location, path: string, size: number | undefined): ValueUpload
  /** The staging writes no more. */
  onEnd(staging: DiskStaging): void
}

export interface StagingOptions {
  readonly location: Location
  readonly size: number | undefined
  readonly reservation: Reservation
  /** Undefined if it cannot be resumed. */
  readonly partial: ClaimedUpload | undefined
}

export class DiskStaging implements Staging {
  readonly #location: Location
  readonly #reservation: Reservation
  readonly #announced: number | undefined
  readonly #host: StagingHost
  #state: 'open' | 'sealed' | 'discarded' | 'suspended' = 'open'
  #size = 0
  /** The store holds the sealed value. */
  #isHandedOver = false
  /** The bytes so far, while they are few enough for a record. */
  #buffer: ChunkedBytes | undefined
  #file: BufferedWriter | undefined
  readonly #partial: ClaimedUpload | undefined
  /** Current path of the file. */
  #path: string | undefined
  #outboardPath: string | undefined
  #upload: ValueUpload | undefined
  /** The `write` or `seal` in progress. */
  #busy: Promise<unknown> | undefined
  /** Nothing is left to delete, or the file belongs to the partial uploads. */
  #isEnded = false
  #abandoned: Promise<void> | undefined

  constructor({ location, size, reservation, partial }: StagingOptions, host: StagingHost) {
    this.#location = location
    this.#buffer = partial === undefined ? new ChunkedBytes(size) : undefined
    this.#reservation = reservation
    this.#announced = size
    this.#partial = partial
    this.#size = partial?.from ?? 0
    if (this.#size > 0) reservation.use(this.#size)
    this.#host = host
  }

  async write(bytes: Uint8Array): Promise<void> {
    checkBytes('bytes', bytes)
    await this.#step('write a value', async () => {
      if (this.#upload?.fault !== undefined) throw this.#upload.fault
      this.#reservation.use(bytes.byteLength)
      this.#size += bytes.byteLength
      if (this.#buffer !== undefined && this.#size <= SMALL_VALUE_BYTES) this.#buffer.append(bytes)
      else await (await this.#spill()).append(bytes)
    })
  }

  async copyFrom(content: FileContent): Promise<Hashed> {
    let hashed: Hashed | undefined
    await this.#step('write a value', async () => {
      if (this.#size > 0 || this.#partial !== undefined) {
        throw new TypeError('only a new staging can take a file')
      }
      this.#reservation.use(content.size)
      this.#size = content.size
      hashed = await (await this.#spill()).copyFrom(content)
    })
    return hashed!
  }

  async seal(outboard: Uint8Array): Promise<Location> {
    checkBytes('outboard', outboard)
    await this.#step('write a value', async () => {
      const outboardBytes = outboard.byteLength
      const isSmall = this.#buffer !== undefined && this.#size + outboardBytes <= SMALL_VALUE_BYTES
      const small = isSmall ? concat([outboard, ...this.#buffered()]) : undefined
      const place = outboardBytes <= SMALL_VALUE_BYTES ? 'records' : 'file'
      if (!isSmall) await this.#finishFiles(outboard, place)
      this.#buffer = undefined
      this.#reservation.settle()
      this.#isHandedOver = true
      const file = this.#location
      this.#host.onSealed(file, {
        size: this.#size,
        outboardBytes,
        file,
        small,
        place,
        ...(!isSmall && place === 'records' && { outboard }),
      })
      if (this.#partial !== undefined) this.#host.partials.release(this.#partial.id)
    })
    if (this.#state === 'open') this.#state = 'sealed'
    this.#host.onEnd(this)
    return this.#location
  }

  async discard(): Promise<void> {
    if (this.#state === 'open') this.#state = 'discarded'
    if (!this.#isHandedOver) void this.#upload?.abort()
    await this.#busy?.catch(() => undefined)
    if (!this.#isHandedOver) await this.#abandon()
    else if (await this.#host.discardSealed(this.#location)) this.#reservation.release()
  }

  async suspend(): Promise<void> {
    const partial = this.#partial
    if (partial === undefined || this.#state !== 'open') return this.discard()
    this.#state = 'suspended'
    // What is written now goes on: the bytes stay, only their upload begins anew.
    const aborted = this.#endUpload()
    const hasFailed = await this.#busy?.then(
      () => false,
      () => true,
    )
    // A step that fails has discarded everything.
    if (hasFailed === true) return
    if (this.#isHandedOver) {
      this.#state = 'sealed'
      return this.discard()
    }
    const file = this.#file
    try {
      await file?.flush()
    } catch {
      // The file lacks bytes of unknown number: it cannot be resumed.
      this.#state = 'open'
      return this.discard()
    }
    this.#file = undefined
    await file?.close().catch(() => undefined)
    await Promise.all([aborted, this.#endUpload()])
    this.#end()
    await this.#host.partials.keep(partial.id, this.#size)
  }

  async *resumedBytes(): AsyncGenerator<Uint8Array> {
    const partial = this.#partial
    if (partial === undefined || partial.from === 0) return
    const { files, layout } = this.#host
    const reader = new ValueReader(files, layout.partialFile(partial.id))
    yield* reader.pieces({ start: 0, end: partial.from })
  }

  /** Runs a `write` or `seal`; if it fails, discards everything. */
  async #step(doing: string, act: () => Promise<void>): Promise<void> {
    this.#host.checkOpen()
    if (this.#state !== 'open') throw new TypeError('the staging was sealed or discarded')
    if (this.#busy !== undefined) throw new TypeError('the staging is busy: one call at a time')
    try {
      await (this.#busy = act())
    } catch (error) {
      this.#state = 'discarded'
      await this.#abandon()
      throw await this.#host.held.faultOf(error, doing)
    } finally {
      this.#busy = undefined
    }
  }

  /** The file; the first call creates it and writes the buffer to it. */
  async #spill(): Promise<BufferedWriter> {
    if (this.#file !== undefined) return this.#file
    const { files, layout } = this.#host
    const partial = this.#partial
    const path = layout.partialFile(partial?.id ?? this.#location)
    const resumes = partial !== undefined && partial.from > 0
    const file = resumes ? await files.append(path, partial.from) : await files.create(path)
    const from = partial?.from ?? 0
    this.#path = path
    const upload = (this.#upload = this.#host.upload?.(this.#location, path, this.#announced))
    this.#file = new BufferedWriter(file, (bytes) => upload?.grow(from + bytes))
    upload?.grow(from)
    if (this.#buffer !== undefined) {
      for (const bytes of this.#buffered()) await this.#file.append(bytes)
    }
    this.#buffer = undefined
    return this.#file
  }

  /**
   * Makes the file durable, and one for the outboard if it needs one, and both in the archive if
   * there is one; and only then gives it its final name, durably. The outboard needs no other name:
   * no record names it before.
   */
  async #finishFiles(outboard: Uint8Array, place: StoredValue['place']): Promise<void> {
    const { files, layout, valuesSync } = this.#host
    const file = await this.#spill()
    const upload = this.#upload
    // Its last bytes are read back.
    if (upload !== undefined) await file.flush()
    const written = await Promise.allSettled([
      file.seal(SEALED_MODE),
      place === 'file' ? this.#writeOutboard(outboard) : undefined,
      upload?.complete(this.#size, outboard),
    ])
    for (const result of written) if (result.status === 'rejected') throw result.reason
    this.#file = undefined
    await file.close()
    const path = layout.valueFile(this.#location)
    await files.rename(this.#path!, path)
    this.#path = path
    await valuesSync.run()
  }

  async #endUpload(): Promise<void> {
    const upload = this.#upload
    this.#upload = undefined
    await upload?.abort()
  }

  async #writeOutboard(outboard: Uint8Array): Promise<void> {
    const { files, layout } = this.#host
    const path = layout.outboardFile(this.#location)
    const file = new BufferedWriter(await files.create(path))
    this.#outboardPath = path
    try {
      await file.append(outboard)
      await file.seal(SEALED_MODE)
    } finally {
      await file.close()
    }
  }

  #buffered(): Iterable<Uint8Array> {
    const buffer = this.#buffer!
    buffer.finish()
    return buffer.views({ start: 0, end: buffer.size })
  }

  /** Deletes everything. A file that the disk refuses to delete is deleted by the next opening. */
  #abandon(): Promise<void> {
    return (this.#abandoned ??= this.#deleteAll())
  }

  async #deleteAll(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    const partial = this.#partial
    const file = this.#file
    const resumed = partial && partial.from > 0
    const path = this.#path ?? (resumed ? this.#host.layout.partialFile(partial.id) : undefined)
    this.#file = undefined
    this.#path = undefined
    await file?.close().catch(() => undefined)
    await this.#upload?.abort()
    for (const one of [path, this.#outboardPath]) {
      if (one !== undefined) await this.#host.files.remove(one).catch(() => undefined)
    }
    if (partial !== undefined) this.#host.partials.release(partial.id)
    this.#end()
  }

  #end(): void {
    this.#isEnded = true
    this.#buffer = undefined
    this.#reservation.release()
    this.#host.onEnd(this)
  }
}
