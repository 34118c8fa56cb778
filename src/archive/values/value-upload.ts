/** Uploads one value while its file grows (specs/011-archive.md, "Rules: objects of values"). */
import { allUnfinished } from '../../bucket/all-unfinished.ts'
import { tryAgain } from '../../bucket/try-again.ts'
import type { ObjectStore, UnfinishedUpload, UploadedPart } from '../../bucket/object-store.ts'
import { pause, untilAborted } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_PARTS_AHEAD } from '../../limits.ts'
import type { UploadSource, ValueUpload } from '../../store/disk/archive.ts'
import { bucketFault } from './faults.ts'
import type { PartBuffers } from './part-buffers.ts'
import { PartSizes } from './part-sizes.ts'

export interface UploadOptions {
  readonly objects: ObjectStore
  readonly key: string
  readonly open: () => Promise<UploadSource>
  /** A hint. */
  readonly size: number | undefined
  readonly buffers: PartBuffers
  /** Resolves when objects may be written: this opening of the store is in the bucket. */
  readonly begun: Promise<void>
  /** Waits before a request is tried again. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
  /** The archive is about to close. */
  readonly closing: AbortSignal
  /** It was completed or aborted. */
  readonly onEnd: () => void
}

const HINT =
  'check that the bucket answers; values of at most 16 KiB can be put meanwhile, and then try again'

const NOTHING = new Uint8Array(0)

/** How long a closing archive waits until what an upload left is gone from the bucket. */
const CLEANUP_MS = 5_000

export class PartsUpload implements ValueUpload {
  readonly #options: UploadOptions
  readonly #sizes: PartSizes
  readonly #aborter = new AbortController()
  #source: Promise<UploadSource> | undefined
  #upload: Promise<UnfinishedUpload> | undefined
  readonly #parts: UploadedPart[] = []
  /** Parts under way; they never reject. */
  readonly #running = new Set<Promise<void>>()
  /** Bytes of the file that are there. */
  #grown = 0
  /** Bytes of the object that parts were begun for. */
  #begun = 0
  #nextNumber = 1
  #outboard: Uint8Array = NOTHING
  #isCompleting = false
  #completed: Promise<void> | undefined
  #mayBeThere = false
  #aborted: Promise<void> | undefined
  #ended: Promise<void> | undefined
  #fault: Error | undefined
  #onMove: () => void = () => undefined

  constructor(options: UploadOptions) {
    this.#options = options
    this.#sizes = new PartSizes(options.size)
  }

  get fault(): Error | undefined {
    return this.#fault
  }

  grow(bytes: number): void {
    this.#grown = Math.max(this.#grown, bytes)
    this.#pump()
  }

  complete(bytes: number, outboard: Uint8Array): Promise<void> {
    const completed = this.#complete(bytes, outboard)
    this.#completed = completed.catch(() => undefined)
    return completed
  }

  async #complete(bytes: number, outboard: Uint8Array): Promise<void> {
    this.#grown = bytes
    this.#outboard = outboard
    this.#isCompleting = true
    const total = bytes + outboard.byteLength
    try {
      if (this.#fault !== undefined) throw this.#fault
      if (this.#begun === 0 && total <= this.#sizes.of(1)) await this.#putWhole(total)
      else await this.#putParts(total)
    } catch (error) {
      throw (this.#fault ??= this.#faultOf(error))
    }
    await this.#end()
  }

  abort(): Promise<void> {
    return (this.#aborted ??= this.#abort())
  }

  async #abort(): Promise<void> {
    const { closing, sleep = pause } = this.#options
    this.#fault ??= new DstoreError('cancelled', 'the upload was given up')
    this.#aborter.abort(this.#fault)
    this.#onMove()
    const cleaning = this.#cleanUp()
    const over = new AbortController()
    try {
      await untilAborted(cleaning, closing)
    } catch {
      // A silent bucket must not hold up the close: the next opening sweeps it.
      await Promise.race([cleaning, sleep(CLEANUP_MS, over.signal)])
    } finally {
      over.abort()
    }
    await this.#end()
  }

  /** Leaves nothing in the bucket. Never rejects. */
  async #cleanUp(): Promise<void> {
    const { objects, key } = this.#options
    await this.#completed
    await Promise.all(this.#running)
    if (this.#upload !== undefined) await this.#abortParts().catch(() => undefined)
    if (this.#mayBeThere) await objects.remove([key]).catch(() => undefined)
  }

  /** Also of a try to begin whose answer was lost, and with it the id of its upload. */
  async #abortParts(): Promise<void> {
    const { objects, key } = this.#options
    const upload = await this.#upload?.catch(() => undefined)
    if (upload !== undefined) await objects.abortUpload(upload).catch(() => undefined)
    for await (const other of allUnfinished(objects, key)) {
      if (other.key === key) await objects.abortUpload(other)
    }
  }

  async #putWhole(total: number): Promise<void> {
    const { objects, key, buffers } = this.#options
    const body = await buffers.take(total)
    let isFree = false
    try {
      await this.#fill(body, 0)
      await this.#mayWrite()
      this.#mayBeThere = true
      const { signal } = this.#aborter
      await this.#settle(total, objects.put(key, body, { ifAbsent: true, signal }))
      isFree = true
    } finally {
      buffers.giveBack(body, isFree)
    }
  }

  async #putParts(total: number): Promise<void> {
    while (this.#begun < total || this.#running.size > 0) {
      this.#pump()
      if (this.#fault !== undefined) throw this.#fault
      if (this.#running.size > 0) await new Promise<void>((moved) => (this.#onMove = moved))
      if (this.#fault !== undefined) throw this.#fault
    }
    const { objects } = this.#options
    const parts = this.#parts.toSorted((a, b) => a.number - b.number)
    const upload = await this.#upload!
    this.#mayBeThere = true
    await this.#settle(total, objects.completeUpload(upload, parts, this.#aborter.signal))
  }

  /**
   * Certain only where the object is there, with its size. A repeated request may find its own
   * work, and no other node writes objects of this epoch.
   */
  async #settle(total: number, written: Promise<'written' | 'exists'>): Promise<void> {
    const { objects, key } = this.#options
    const { signal } = this.#aborter
    let outcome: unknown
    try {
      outcome = await written
      if (outcome === 'written') return
    } catch (error) {
      outcome = error
    }
    const size = await objects.size(key, signal)
    if (size === total) return
    if (outcome !== 'exists') throw outcome
    throw new DstoreError('integrity', `${objects.place}/${key} is there, with ${size} bytes`)
  }

  /** Begins the parts whose bytes are there, as many as may be under way. */
  #pump(): void {
    const end = this.#grown + (this.#isCompleting ? this.#outboard.byteLength : 0)
    try {
      while (this.#fault === undefined && this.#running.size < ARCHIVE_PARTS_AHEAD) {
        const number = this.#nextNumber
        const bytes = Math.min(this.#sizes.of(number), end - this.#begun)
        if (bytes === 0 || (bytes < this.#sizes.of(number) && !this.#isCompleting)) return
        const start = this.#begun
        this.#begun += bytes
        this.#nextNumber++
        const running = this.#part(number, start, bytes).finally(() => {
          this.#running.delete(running)
          this.#pump()
          this.#onMove()
        })
        this.#running.add(running)
      }
    } catch (error) {
      this.#fault ??= this.#faultOf(error)
    }
  }

  /** Uploads a part. Never rejects. */
  async #part(number: number, start: number, bytes: number): Promise<void> {
    const { objects, buffers } = this.#options
    const body = await buffers.take(bytes)
    let isFree = true
    try {
      this.#aborter.signal.throwIfAborted()
      await this.#fill(body, start)
      await this.#mayWrite()
      const upload = await (this.#upload ??= this.#beginUpload())
      isFree = false
      const send = (): Promise<UploadedPart> =>
        objects.uploadPart(upload, number, body, this.#aborter.signal)
      this.#parts.push(await this.#tryAgain(send))
      isFree = true
    } catch (error) {
      this.#fault ??= this.#faultOf(error)
    } finally {
      buffers.giveBack(body, isFree)
    }
  }

  async #beginUpload(): Promise<UnfinishedUpload> {
    const { objects, key } = this.#options
    const begin = (): Promise<string> => objects.beginUpload(key, this.#aborter.signal)
    return { key, id: await this.#tryAgain(begin) }
  }

  #tryAgain<T>(run: () => Promise<T>): Promise<T> {
    return tryAgain(run, { signal: this.#aborter.signal, sleep: this.#options.sleep })
  }

  async #mayWrite(): Promise<void> {
    await untilAborted(this.#options.begun, this.#aborter.signal)
  }

  /** The bytes of the object from a position on: of the file, then of the outboard. */
  async #fill(into: Uint8Array, start: number): Promise<void> {
    const ofFile = Math.max(0, Math.min(into.byteLength, this.#grown - start))
    if (ofFile > 0) {
      try {
        const source = await (this.#source ??= this.#options.open())
        await source.read(into.subarray(0, ofFile), start)
      } catch (error) {
        throw new SourceError(error)
      }
    }
    const from = start + ofFile - this.#grown
    into.set(this.#outboard.subarray(from, from + into.byteLength - ofFile), ofFile)
  }

  /** Faults of the file stay as they are. */
  #faultOf(error: unknown): Error {
    if (error instanceof SourceError) return error.cause as Error
    return bucketFault(error, 'put a value', this.#options.objects.place, HINT)
  }

  #end(): Promise<void> {
    return (this.#ended ??= this.#close())
  }

  async #close(): Promise<void> {
    const source = await this.#source?.catch(() => undefined)
    await source?.close().catch(() => undefined)
    this.#options.onEnd()
  }
}

/** The file could not be read, whatever the bucket does. */
class SourceError extends Error {
  constructor(cause: unknown) {
    super('the file of the value cannot be read', { cause })
  }
}
