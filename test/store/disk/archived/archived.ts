/** A store on disk whose large values are objects of a bucket in memory. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BucketValues } from '../../../../src/archive/values/bucket-values.ts'
import {
  type DiskStore,
  type DiskStoreComponents,
  openDiskStore,
} from '../../../../src/store/disk/disk.ts'
import type { ArchiveSource, StoreArchive } from '../../../../src/store/disk/archive.ts'
import { Layout } from '../../../../src/store/disk/layout.ts'
import type { Location } from '../../../../src/store/store.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'

export interface ArchivedOptions {
  readonly maxBytes?: number
  readonly isComplete?: boolean
}

/** One directory and one bucket, and the store of them that is open now. */
export class Archived {
  readonly bucket: MemoryBucket = new MemoryBucket()
  readonly directory: string
  /** What an archive asks of the store that is open now. */
  source: ArchiveSource | undefined
  /** Of the store: each opening begins the next. */
  #epoch = 0
  #options: ArchivedOptions
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
    const archive: StoreArchive = {
      join: async (own) => own!,
      leastEpoch: 1,
      refusal: undefined,
      values,
      opened: async (source) => {
        this.source = source
        values.begin(++this.#epoch)
      },
      archived: async () => undefined,
      closing: () => undefined,
      close: async () => undefined,
    }
    this.#values = values
    this.#store = await openDiskStore({ ...options, archive }, components)
    return this.#store
  }

  /** What removals of objects wait for. */
  settled: () => Promise<void> = async () => undefined

  async reopen(
    components: DiskStoreComponents = {},
    options: ArchivedOptions = {},
  ): Promise<DiskStore> {
    await this.close()
    this.#options = { ...this.#options, ...options }
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

  /** From now on no request arrives, or each does again. */
  away(isAway = true): void {
    this.bucket.onRequest = () => (isAway ? 'lost' : 'whole')
  }

  /** The name of the object of a value that did not replace another. */
  keyOf(location: Location): string {
    return `v/${location.slice(0, 8)}/${location.slice(8)}`
  }

  /** Nothing of any value is on the disk or in the bucket, and the quota has all its bytes. */
  async leavesNothing(): Promise<void> {
    assert.deepEqual(await this.files(), [])
    assert.deepEqual(this.bucket.keys(), [])
    assert.equal(this.bucket.uploads.size, 0)
    const { archived, headroomBytes } = await this.store.usage()
    assert.equal(headroomBytes, archived!.budgetBytes)
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

/** The same, in a directory that is gone afterwards. */
export async function withArchived(
  options: ArchivedOptions,
  run: (archived: Archived) => Promise<void>,
): Promise<void> {
  const archived = await Archived.create(options)
  try {
    await run(archived)
  } finally {
    archived.away(false)
    await archived.destroy()
  }
}
