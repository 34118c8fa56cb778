/** A value on its way to the disk: in memory while it may turn out small, else in a file of its own. */
import { concat } from '../../bytes.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import { checkBytes } from '../arguments.ts'
import { ChunkedBytes } from '../memory/chunked-bytes.ts'
import type { Reservation } from '../quota.ts'
import type { Location, Staging } from '../store.ts'
import type { StoredValue } from './database.ts'
import { faultOf } from './faults.ts'
import { type Files, SEALED_MODE } from './files.ts'
import { BufferedWriter } from './buffered-writer.ts'
import type { Layout } from './layout.ts'
import type { SharedSync } from './shared-sync.ts'
import type { PartialUploads } from './partial-uploads.ts'
import { ValueReader } from './value-reader.ts'

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
  /** Where it is told of a staging that can be gone on with. */
  readonly unfinished: PartialUploads
}

/** What is unfinished under an id, in hex, and how many bytes of it are gone on from. */
export interface Going {
  readonly id: string
  readonly from: number
}

interface Begun {
  readonly location: Location
  readonly size: number | undefined
  readonly reservation: Reservation
  readonly going: Going | undefined
}

export class DiskStaging implements Staging {
  readonly #location: Location
  readonly #reservation: Reservation
  readonly #host: StagingHost
  #state: 'open' | 'sealed' | 'discarded' | 'suspended' = 'open'
  #size = 0
  /** It was sealed: from then on the store decides whether it may be deleted. */
  #held = false
  /** What came, while it is small enough. */
  #head: ChunkedBytes | undefined
  #file: BufferedWriter | undefined
  /** The id that it can be gone on with under, and how much there was. */
  readonly #going: Going | undefined
  /** Where its file is now. */
  #path: string | undefined
  #busy: Promise<unknown> | undefined
  /** Nothing of it is left, or it waits to be gone on with: then its file is not its own any more. */
  #isOver = false

  constructor({ location, size, reservation, going }: Begun, host: StagingHost) {
    this.#location = location
    this.#head = going === undefined ? new ChunkedBytes(size) : undefined
    this.#reservation = reservation
    this.#going = going
    this.#size = going?.from ?? 0
    if (this.#size > 0) reservation.use(this.#size)
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
      const file = this.#location
      this.#host.hold(file, { size: this.#size, outboardBytes, file, small })
      if (this.#going !== undefined) this.#host.unfinished.gone(this.#going.id)
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

  async suspend(): Promise<void> {
    const going = this.#going
    if (going === undefined || this.#state !== 'open') return this.discard()
    this.#state = 'suspended'
    // A step that fails meanwhile discards, and one that seals has sealed.
    const failed = await this.#busy?.then(nothing, () => true)
    if (failed === true) return
    if (this.#held) {
      this.#state = 'sealed'
      return this.discard()
    }
    const file = this.#file
    try {
      await file?.flush()
    } catch {
      // What could not be written is no part to go on with.
      this.#state = 'open'
      return this.discard()
    }
    this.#file = undefined
    await file?.close().catch(() => undefined)
    this.#letGo()
    this.#isOver = true
    await this.#host.unfinished.suspended(going.id, this.#size)
  }

  async *begun(): AsyncGenerator<Uint8Array> {
    const going = this.#going
    if (going === undefined || going.from === 0) return
    const { files, layout } = this.#host
    const reader = new ValueReader(files, layout.unfinishedFile(going.id))
    yield* reader.pieces({ start: 0, end: going.from })
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
  async #spill(): Promise<BufferedWriter> {
    if (this.#file !== undefined) return this.#file
    const { files, layout } = this.#host
    const going = this.#going
    const path = going ? layout.unfinishedFile(going.id) : layout.partFile(this.#location)
    const goesOn = going !== undefined && going.from > 0
    const file = goesOn ? await files.append(path, going.from) : await files.create(path)
    this.#file = new BufferedWriter(file)
    this.#path = path
    if (this.#head !== undefined) for (const bytes of this.#taken()) await this.#file.append(bytes)
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
    if (this.#isOver) return
    this.#isOver = true
    const going = this.#going
    const file = this.#file
    const begun = going && going.from > 0 ? this.#host.layout.unfinishedFile(going.id) : undefined
    const path = this.#path ?? begun
    this.#file = undefined
    this.#path = undefined
    await file?.close().catch(() => undefined)
    if (path !== undefined) await this.#host.files.remove(path).catch(() => undefined)
    if (going !== undefined) this.#host.unfinished.gone(going.id)
    this.#letGo()
  }

  #letGo(): void {
    this.#head = undefined
    this.#reservation.release()
    this.#host.done(this)
  }
}

const nothing = (): undefined => undefined
