/** A store on disk whose large values are objects of a bucket in memory. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BucketValues } from '../../../../src/archive/values/bucket-values.ts'
import {
  type DiskStore,
  type DiskStoreComponents,
  openDiskStore,
} from '../../../../src/store/disk/disk.ts'
import { Layout } from '../../../../src/store/disk/layout.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'

export interface ArchivedOptions {
  readonly maxBytes?: number
  readonly isComplete?: boolean
}

/** One directory and one bucket, and the store of them that is open now. */
export class Archived {
  readonly bucket: MemoryBucket = new MemoryBucket()
  readonly directory: string
  readonly #options: ArchivedOptions
  #values: BucketValues | undefined
  #store: DiskStore | undefined

  private constructor(directory: string, options: ArchivedOptions) {
    this.directory = directory
    this.#options = options
  }

  static async create(
    options: ArchivedOptions = {},
    components: DiskStoreComponents = {},
  ): Promise<Archived> {
    const made = new Archived(await mkdtemp(join(tmpdir(), 'dstore-archived-')), options)
    await made.open(components)
    return made
  }

  get store(): DiskStore {
    return this.#store!
  }

  get values(): BucketValues {
    return this.#values!
  }

  async open(components: DiskStoreComponents = {}): Promise<DiskStore> {
    const { maxBytes, isComplete = true } = this.#options
    const values = new BucketValues({
      objects: this.bucket.client(),
      isComplete,
      settled: () => this.settled(),
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
    })
    const options = { directory: this.directory, ...(maxBytes !== undefined && { maxBytes }) }
    this.#store = await openDiskStore({ ...options, archived: values }, components)
    values.begin(1)
    this.#values = values
    return this.#store
  }

  /** What removals of objects wait for. */
  settled: () => Promise<void> = async () => undefined

  async reopen(components: DiskStoreComponents = {}): Promise<DiskStore> {
    await this.close()
    return this.open(components)
  }

  async close(): Promise<void> {
    await this.#store?.close()
    await this.#values?.close()
  }

  async destroy(): Promise<void> {
    await this.close()
    await rm(this.directory, { recursive: true })
  }

  /** Names of files of values. */
  async files(): Promise<string[]> {
    return (await readdir(new Layout(this.directory).values)).toSorted()
  }

  /** Deletes the files of values, as a broken disk would, or whoever wants room. */
  async loseFiles(): Promise<void> {
    const { values } = new Layout(this.directory)
    for (const name of await readdir(values)) {
      if (/^[0-9a-f]{20}(\.outboard)?$/.test(name)) await rm(join(values, name), { force: true })
    }
  }
}
