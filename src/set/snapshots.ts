/** The snapshots of a set: standbys take them, or the active member where it is alone. */
import type { Sleep } from '../archive/interface.ts'
import { SnapshotLoop } from '../archive/snapshot-loop.ts'
import type { Snapshot } from '../archive/snapshots/description.ts'
import { listSnapshots } from '../archive/snapshots/listed.ts'
import { takeSnapshot } from '../archive/snapshots/take.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { ARCHIVE_SNAPSHOTS } from '../limits.ts'
import type { Log } from '../log.ts'
import type { ArchiveSource } from '../store/disk/archive.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import type { ReplicaPlace } from './replica-place.ts'

export interface SetSnapshotsParts {
  readonly journal: Journal
  readonly objects: ObjectStore
  readonly replica: ReplicaPlace
  readonly files?: Files
  readonly log: Log
  readonly elapsed: () => number
  readonly wall: () => number
  readonly sleep: Sleep
  readonly hasStandby: () => boolean
}

/** How often the active member looks for the snapshots of standbys. */
const LOOK_MS = 30_000
/** How often it looks in vain before it takes one itself. */
const LOOKS = 40

export class SetSnapshots {
  readonly #parts: SetSnapshotsParts
  #loop: SnapshotLoop | undefined
  #newest: Snapshot | undefined

  constructor(parts: SetSnapshotsParts) {
    this.#parts = parts
  }

  get newest(): Snapshot | undefined {
    return this.#loop?.newest ?? this.#newest
  }

  /** Entries that this member has applied. */
  applied(entries: readonly Uint8Array[]): void {
    this.#loop?.archived(entries)
  }

  /** Takes snapshots when they are due, until the signal. Never rejects. */
  async run(
    role: 'active' | 'standby',
    source: Pick<ArchiveSource, 'copyRecords'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { objects, log, elapsed, wall, sleep } = this.#parts
    while (!signal.aborted) {
      try {
        const [newest] = (await listSnapshots(objects, signal)).whole
        this.#newest = newest
        const take = (): Promise<Snapshot> =>
          role === 'standby' ? this.#take(source, signal) : this.#await(source, signal)
        const times = { elapsed, wall, sleep }
        this.#loop = new SnapshotLoop({ newest, bytesAfter: 0, ...times, log, signal, take })
        await this.#loop.run()
      } catch (error) {
        if (signal.aborted) break
        log.warn('the bucket does not list its snapshots', {
          message: asDstoreError(error).message,
        })
        await sleep(LOOK_MS, signal)
      }
    }
    this.#newest = this.newest
    this.#loop = undefined
  }

  /** A standby takes them; the active member only where there is none. Only it trims. */
  async #await(source: Pick<ArchiveSource, 'copyRecords'>, signal: AbortSignal): Promise<Snapshot> {
    const { objects, sleep, hasStandby } = this.#parts
    const before = this.newest?.position ?? 0
    for (let i = 0; i < LOOKS && hasStandby(); i++) {
      const { whole } = await listSnapshots(objects, signal)
      if ((whole[0]?.position ?? 0) > before) {
        await this.#trim(whole)
        return whole[0]!
      }
      await sleep(LOOK_MS, signal)
      signal.throwIfAborted()
    }
    const taken = await this.#take(source, signal)
    await this.#trim((await listSnapshots(objects, signal)).whole)
    return taken
  }

  async #trim(whole: readonly Snapshot[]): Promise<void> {
    const older = whole[ARCHIVE_SNAPSHOTS - 1]
    if (older !== undefined) await this.#parts.journal.trim(older.position)
  }

  #take(source: Pick<ArchiveSource, 'copyRecords'>, signal: AbortSignal): Promise<Snapshot> {
    const { journal, objects, replica, files = nodeFiles, log, wall } = this.#parts
    const untrimmed: Journal = {
      append: () => Promise.reject(new DstoreError('unsupported', 'a snapshot appends nothing')),
      extent: () => journal.extent(),
      at: (position) => journal.at(position),
      follow: (after, ends) => journal.follow(after, ends),
      trim: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
    return takeSnapshot({
      objects,
      journal: untrimmed,
      source,
      archived: () => Promise.resolve(),
      directory: replica.workDirectory,
      files,
      log,
      now: wall,
      signal,
    })
  }
}
