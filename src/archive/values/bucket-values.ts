/** The values of a store as objects in a bucket (specs/011-archive.md). */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { ArchivedValues, UploadSource, ValueUpload } from '../../store/disk/archive.ts'
import type { Location } from '../../store/store.ts'
import { epochOf, objectKey } from './object-key.ts'
import { ObjectReader } from './object-reader.ts'
import { PartBuffers } from './part-buffers.ts'
import { Removals } from './removals.ts'
import { PartsUpload } from './value-upload.ts'

export interface BucketValuesOptions {
  readonly objects: ObjectStore
  /** Was the store's first copy completed before? */
  readonly isComplete: boolean
  /** Resolves once the entry that was appended last is in the bucket; rejects if it never will be. */
  readonly settled: () => Promise<void>
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

export class BucketValues implements ArchivedValues {
  readonly #objects: ObjectStore
  readonly #reader: ObjectReader
  readonly #removals: Removals
  readonly #buffers = new PartBuffers()
  readonly #uploads = new Set<PartsUpload>()
  #isComplete: boolean
  #epoch: number | undefined
  #begin: () => void = () => undefined
  #refuse: (fault: Error) => void = () => undefined
  readonly #begun: Promise<void>

  constructor(options: BucketValuesOptions) {
    this.#objects = options.objects
    this.#isComplete = options.isComplete
    this.#reader = new ObjectReader(options.objects)
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
      onEnd: () => this.#uploads.delete(upload),
    })
    this.#uploads.add(upload)
    return upload
  }

  read(file: Location, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#reader.pieces(objectKey(file), range, signal)
  }

  remove(file: Location): void {
    this.#removals.add(objectKey(file))
  }

  /** Gives up uploads and removals under way. */
  async close(): Promise<void> {
    this.#refuse(new DstoreError('unreachable', `the archive ${this.place} is closed`))
    await Promise.all([...this.#uploads].map((upload) => upload.abort()))
    await this.#removals.close()
  }
}
