/** The values of a store as objects in a bucket (specs/011-archive.md). */
import { ObjectReader } from '../../bucket/object-reader.ts'
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { ARCHIVE_READS } from '../../limits.ts'
import type { ArchivedValues, UploadSource, ValueUpload } from '../../store/disk/archive.ts'
import { Slots } from '../../store/slots.ts'
import type { Location } from '../../store/store.ts'
import { bucketFault } from './faults.ts'
import { epochOf, objectKey } from './object-key.ts'
import { PartBuffers } from './part-buffers.ts'
import { Removals } from './removals.ts'
import { PartsUpload } from './value-upload.ts'

const HINT = 'check that the bucket answers: the value is not on this disk'

export interface BucketValuesOptions {
  readonly objects: ObjectStore
  /** Was the store's first copy completed before? */
  readonly isComplete: boolean
  /** Resolves once the last appended entry is in the bucket; rejects if it never will be. */
  readonly settled: () => Promise<void>
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

export class BucketValues implements ArchivedValues {
  readonly #objects: ObjectStore
  readonly #reader: ObjectReader
  readonly #removals: Removals
  readonly #buffers = new PartBuffers()
  readonly #sleep: BucketValuesOptions['sleep']
  readonly #uploads = new Set<PartsUpload>()
  readonly #closing = new AbortController()
  #isComplete = false
  #complete: () => void = () => undefined
  readonly completion: Promise<void> = new Promise<void>(
    (resolve) => void (this.#complete = resolve),
  )
  #epoch: number | undefined
  #begin: () => void = () => undefined
  #refuse: (fault: Error) => void = () => undefined
  readonly #begun: Promise<void>

  constructor(options: BucketValuesOptions) {
    this.#objects = options.objects
    this.#sleep = options.sleep
    if (options.isComplete) this.completed()
    this.#reader = new ObjectReader(options.objects, new Slots(ARCHIVE_READS))
    this.#removals = new Removals(options)
    this.#begun = new Promise((resolve, reject) => {
      this.#begin = resolve
      this.#refuse = reject
    })
    this.#begun.catch(() => undefined)
  }

  get place(): string {
    return this.#objects.place
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Objects of released values that are still to be deleted. */
  get removals(): number {
    return this.#removals.count
  }

  /** The entry that begins this opening of the store is in the bucket: objects may be written. */
  begin(epoch: number): void {
    this.#epoch = epoch
    this.#begin()
  }

  /** Every adopted value in a file has its object. */
  completed(): void {
    this.#isComplete = true
    this.#complete()
  }

  /** What is put in this opening of the store was uploaded before it was adopted. */
  has(file: Location): boolean {
    return this.#isComplete || epochOf(file) === this.#epoch
  }

  upload(file: Location, open: () => Promise<UploadSource>, size: number | undefined): ValueUpload {
    const upload: PartsUpload = new PartsUpload({
      objects: this.#objects,
      key: objectKey(file),
      open,
      size,
      buffers: this.#buffers,
      begun: this.#begun,
      sleep: this.#sleep,
      closing: this.#closing.signal,
      onEnd: () => this.#uploads.delete(upload),
    })
    this.#uploads.add(upload)
    return upload
  }

  async *read(file: Location, range: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#reader.read(objectKey(file), range, signal)
    } catch (error) {
      throw bucketFault(error, 'read a value', this.place, HINT)
    }
  }

  remove(file: Location): void {
    this.#removals.add(objectKey(file))
  }

  /** A close follows: what is given up is not cleaned up for long any more. */
  closing(): void {
    this.#closing.abort()
  }

  /** Gives up uploads and removals under way. */
  async close(): Promise<void> {
    this.closing()
    this.#refuse(new DstoreError('unreachable', `the archive ${this.place} is closed`))
    await Promise.all([...this.#uploads].map((upload) => upload.abort()))
    await this.#removals.close()
  }
}
