/** A store's records and its archive in memory, for tests of snapshots. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '../../../src/bucket/object-store.ts'
import { toHex } from '../../../src/bytes.ts'
import { type SnapshotOptions, takeSnapshot } from '../../../src/archive/snapshots/take.ts'
import { type LoadOptions, loadSnapshot } from '../../../src/archive/snapshots/load.ts'
import type { Snapshot } from '../../../src/archive/snapshots/description.ts'
import { positionOf } from '../../../src/archive/snapshots/checked.ts'
import {
  type BucketJournal,
  openBucketJournal,
} from '../../../src/journal/bucket/bucket-journal.ts'
import { entryDigest, NO_ENTRY } from '../../../src/journal/digest.ts'
import { SILENT } from '../../../src/log.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { Database } from '../../../src/store/disk/records/database.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { DISK } from '../../disk.ts'
import { text } from '../../journal/tools.ts'

/** Records that say which position they are of, and a journal that has the same entries. */
export class Archived {
  /** Empty where the objects are elsewhere. */
  readonly bucket: MemoryBucket
  readonly directory: string
  readonly client: (name: string) => ObjectStore
  readonly journal: BucketJournal
  readonly #database: Database
  #position = 0
  #chain = NO_ENTRY

  private constructor(
    bucket: MemoryBucket,
    client: (name: string) => ObjectStore,
    directory: string,
  ) {
    this.bucket = bucket
    this.client = client
    this.directory = directory
    this.journal = openBucketJournal({ objects: client('journal'), pollMs: 2 })
    this.#database = new Database(join(directory, 'records'))
  }

  /** Over a bucket in memory, or over clients of another one. */
  static async make(
    bucket: MemoryBucket = new MemoryBucket(),
    client: (name: string) => ObjectStore = (name) => bucket.client(name),
  ): Promise<Archived> {
    const directory = await mkdtemp(join(DISK, 'dstore-snapshots-'))
    await mkdir(join(directory, 'records'))
    return new Archived(bucket, client, directory)
  }

  get position(): number {
    return this.#position
  }

  /** Appends entries, and applies them: each is a row of this many bytes. */
  async append(count: number, bytes: number = 100): Promise<void> {
    for (let i = 0; i < count; i++) {
      const entry = text(`entry ${this.#position + 1}`)
      await this.journal.append(this.#position++, entry)
      this.#chain = entryDigest(entry)
    }
    await this.#database.transact(() => {
      for (let i = 0; i < count; i++) {
        const id = text(`row ${this.#position - i}`)
        this.#database.writeRow({ table: 'keys', id }, 1, new Uint8Array(bytes).fill(i))
      }
      const tally = this.#database.tally()
      this.#database.writeTally({
        ...tally,
        position: this.#position,
        chain: toHex(this.#chain),
      })
    })
  }

  options(changes: Partial<SnapshotOptions> = {}): SnapshotOptions {
    return {
      objects: this.client('snapshots'),
      journal: this.journal,
      source: {
        copyRecords: async (directory) => {
          await this.#database.copyTo(directory)
          return positionOf(nodeFiles, directory)
        },
      },
      archived: async () => undefined,
      directory: this.directory,
      files: nodeFiles,
      log: SILENT,
      now: () => 1_700_000_000_000,
      signal: new AbortController().signal,
      ...changes,
    }
  }

  take(changes: Partial<SnapshotOptions> = {}): Promise<Snapshot> {
    return takeSnapshot(this.options(changes))
  }

  /** Loads into a new directory; returns what it is of, and its rows. */
  async load(changes: Partial<LoadOptions> = {}): Promise<{ snapshot: Snapshot; rows: number }> {
    const directory = await mkdtemp(join(this.directory, 'loaded-'))
    const snapshot = await loadSnapshot({
      objects: this.client('load'),
      directory,
      files: nodeFiles,
      log: SILENT,
      signal: new AbortController().signal,
      ...changes,
    })
    const database = new Database(directory, { readOnly: true })
    try {
      return { snapshot, rows: database.count('keys') }
    } finally {
      await database.close()
    }
  }

  async close(): Promise<void> {
    await this.#database.close()
    await rm(this.directory, { recursive: true })
  }
}
