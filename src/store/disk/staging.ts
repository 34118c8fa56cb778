/** A value on its way to the disk: in memory while it may turn out small, else in a file of its own. */
import { concat } from '../../bytes.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import { checkBytes } from '../arguments.ts'
import { Segments } from '../segments.ts'
import type { Reservation } from '../space.ts'
import type { Location, Staging } from '../store.ts'
import type { StoredValue } from './database.ts'
import { faultOf } from './faults.ts'
import { type Files, SEALED_MODE } from './files.ts'
import { JoinedFile } from './joined-file.ts'
import type { Layout } from './layout.ts'
import type { SharedSync } from './sync.ts'

/** What a staging asks of its store. */
export interface StagingHost {
  readonly files: Files
  readonly layout: Layout
  /** Makes the directory of values durable. */
  readonly directory: SharedSync
  checkOpen(): void
  /** The value is there now. */
  hold(location: Location, value: StoredValue): void
  /** Forget a sealed value and its file; false where it was adopted meanwhile: then its space is the store's. */
  drop(location: Location): Promise<boolean>
  /** It is neither written nor open any more. */
  done(staging: DiskStaging): void
}

export class DiskStaging implements Staging {
  readonly #location: Location
  readonly #reservation: Reservation
  readonly #host: StagingHost
  #state: 'open' | 'sealed' | 'discarded' = 'open'
  #size = 0
  /** It was sealed: from then on the store decides whether it may be deleted. */
  #held = false
  /** What came, while it is small enough. */
  #head: Segments | undefined
  #file: JoinedFile | undefined
  /** Where its file is now. */
  #path: string | undefined
  #busy: Promise<unknown> | undefined

  constructor(
    location: Location,
    size: number | undefined,
    reservation: Reservation,
    host: StagingHost,
  ) {
    this.#location = location
    this.#head = new Segments(size)
    this.#reservation = reservation
    this.#host = host
  }

  async write(bytes: Uint8Array): Promise<void> {
    checkBytes('bytes', bytes)
    await this.#step('write a value', async () => {
      this.#reservation.use(bytes.byteLength)
      this.#size += bytes.byteLength
      if (this.#head !== undefined && this.#size <= SMALL_VALUE_BYTES) this.#head.append(bytes)
      else await (await this.#spill()).append(bytes)
    })
  }

  async seal(outboard: Uint8Array): Promise<Location> {
    checkBytes('outboard', outboard)
    await this.#step('write a value', async () => {
      const outboardBytes = outboard.byteLength
      const isSmall = this.#head !== undefined && this.#size + outboardBytes <= SMALL_VALUE_BYTES
      const small = isSmall ? concat([outboard, ...this.#taken()]) : undefined
      if (!isSmall) await this.#finishFile(outboard)
      this.#head = undefined
      this.#reservation.settle()
      this.#held = true
      this.#host.hold(this.#location, { size: this.#size, outboardBytes, small })
    })
    if (this.#state === 'open') this.#state = 'sealed'
    this.#host.done(this)
    return this.#location
  }

  async discard(): Promise<void> {
    if (this.#state === 'open') this.#state = 'discarded'
    await this.#busy?.catch(() => undefined)
    if (!this.#held) await this.#abandon()
    else if (await this.#host.drop(this.#location)) this.#reservation.release()
  }

  /** One step at a time. One that fails has discarded everything. */
  async #step(doing: string, act: () => Promise<void>): Promise<void> {
    this.#host.checkOpen()
    if (this.#state !== 'open') throw new TypeError('the staging was sealed or discarded')
    if (this.#busy !== undefined) throw new TypeError('the staging is busy: one call at a time')
    try {
      await (this.#busy = act())
    } catch (error) {
      this.#state = 'discarded'
      await this.#abandon()
      throw faultOf(error, doing)
    } finally {
      this.#busy = undefined
    }
  }

  /** The file, which what came so far is moved to. */
  async #spill(): Promise<JoinedFile> {
    if (this.#file !== undefined) return this.#file
    const path = this.#host.layout.partFile(this.#location)
    this.#file = new JoinedFile(await this.#host.files.create(path))
    this.#path = path
    for (const bytes of this.#taken()) await this.#file.append(bytes)
    this.#head = undefined
    return this.#file
  }

  /** Written, durable, and under its own name, in this order. */
  async #finishFile(outboard: Uint8Array): Promise<void> {
    const { files, layout, directory } = this.#host
    const file = await this.#spill()
    await file.append(outboard)
    await file.seal(SEALED_MODE)
    this.#file = undefined
    await file.close()
    const path = layout.valueFile(this.#location)
    await files.rename(this.#path!, path)
    this.#path = path
    await directory.run()
  }

  #taken(): Iterable<Uint8Array> {
    const head = this.#head!
    head.finish()
    return head.views({ start: 0, end: head.size })
  }

  /** Leave nothing behind. What the disk refuses to delete is deleted when the store opens next. */
  async #abandon(): Promise<void> {
    this.#head = undefined
    const [file, path] = [this.#file, this.#path]
    this.#file = undefined
    this.#path = undefined
    await file?.close().catch(() => undefined)
    if (path !== undefined) await this.#host.files.remove(path).catch(() => undefined)
    this.#reservation.release()
    this.#host.done(this)
  }
}
