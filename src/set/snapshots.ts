/**
 * The snapshots of a set: standbys take them, or the active member where it is alone. One counts
 * once a member that did not take it has verified it (specs/012-set.md, R012-71).
 */
import { join } from 'node:path'
import type { Sleep } from '../archive/interface.ts'
import { SnapshotLoop } from '../archive/snapshot-loop.ts'
import type { Snapshot } from '../archive/snapshots/description.ts'
import { listSnapshots } from '../archive/snapshots/listed.ts'
import { pruneSnapshots, removeSnapshot, takeSnapshot } from '../archive/snapshots/take.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { ARCHIVE_SNAPSHOTS, SET_SNAPSHOTS } from '../limits.ts'
import type { Log } from '../log.ts'
import type { ArchiveSource } from '../store/disk/archive.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import type { MemberNote } from './interface.ts'
import type { ReplicaPlace } from './replica-place.ts'
import { OtherRowsError, verifySnapshot } from './verify-snapshot.ts'

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
  /** Of this member. */
  readonly id: string
  readonly others: () => readonly MemberNote[]
  /** The active member has other rows than this one, which stands by. */
  readonly onParted: () => void
  readonly onFailed: (error: unknown) => void
}

type Source = Pick<ArchiveSource, 'copyRecords' | 'rowsDigest'>

/** How often the active member looks for the snapshots of standbys. */
const LOOK_MS = 30_000
/** How often it looks in vain before it takes one itself. */
const LOOKS = 40

export class SetSnapshots {
  readonly #parts: SetSnapshotsParts
  #loop: SnapshotLoop | undefined
  #newest: Snapshot | undefined
  /** Positions of those of other members that this one has verified, the latest last. */
  #verified: readonly number[] = []
  /** Positions of those of other members that had other rows, the latest last. */
  #parted: readonly number[] = []
  /** Positions of those that this process took. */
  readonly #taken = new Set<number>()

  constructor(parts: SetSnapshotsParts) {
    this.#parts = parts
  }

  get newest(): Snapshot | undefined {
    return this.#loop?.newest ?? this.#newest
  }

  /** Positions of snapshots of other members that agree with the records of this one. */
  get verified(): readonly number[] {
    return this.#verified
  }

  /** Positions of snapshots of other members that this one deleted. */
  get parted(): readonly number[] {
    return this.#parted
  }

  /** The others have said something: has the active member deleted what this one took? */
  noted(): void {
    const [active] = this.#parts.others().filter(({ state }) => state === 'active')
    if (active?.parted?.some((position) => this.#taken.has(position))) this.#parts.onParted()
  }

  /** Entries that this member has applied. */
  applied(entries: readonly Uint8Array[]): void {
    this.#loop?.archived(entries)
  }

  /** Takes snapshots when they are due, until the signal. Never rejects. */
  async run(role: 'active' | 'standby', source: Source, signal: AbortSignal): Promise<void> {
    const { objects, log, elapsed, wall, sleep } = this.#parts
    while (!signal.aborted) {
      try {
        const [newest] = (await listSnapshots(objects, signal)).whole
        this.#newest = newest
        const take = (): Promise<Snapshot> =>
          role === 'standby' ? this.#standby(source, signal) : this.#await(source, signal)
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

  /** Verifies those of the active member, then takes one. */
  async #standby(source: Source, signal: AbortSignal): Promise<Snapshot> {
    const { objects, others } = this.#parts
    const { whole } = await listSnapshots(objects, signal)
    const active = others().find(({ state }) => state === 'active')
    for (const one of whole.slice(0, ARCHIVE_SNAPSHOTS)) {
      if (one.by === undefined || one.by !== active?.id) continue
      if ((await this.#verify(one, source, signal)) !== 'parted') continue
      this.#parts.onParted()
      throw new DstoreError('busy', 'the rows of this member are not those of the active one')
    }
    if (whole.length >= SET_SNAPSHOTS) {
      const message = `${whole.length} snapshots wait to be verified by another member`
      throw new DstoreError('busy', message)
    }
    return this.#take(source, signal)
  }

  /** A standby takes them; the active member only where there is none. Only it trims. */
  async #await(source: Source, signal: AbortSignal): Promise<Snapshot> {
    const { objects, sleep, hasStandby } = this.#parts
    const before = this.newest?.position ?? 0
    for (let i = 0; i < LOOKS && hasStandby(); i++) {
      const { whole } = await listSnapshots(objects, signal)
      if ((whole[0]?.position ?? 0) > before) {
        await this.#settle(whole, source, signal)
        return whole[0]!
      }
      await sleep(LOOK_MS, signal)
      signal.throwIfAborted()
    }
    const taken = await this.#take(source, signal)
    await this.#settle((await listSnapshots(objects, signal)).whole, source, signal)
    return taken
  }

  /** Trims behind the older of the two newest that count, and deletes what is older than that. */
  async #settle(whole: readonly Snapshot[], source: Source, signal: AbortSignal): Promise<void> {
    const { journal, objects, log } = this.#parts
    const kept: Snapshot[] = []
    let counted = 0
    for (const snapshot of whole) {
      const agrees = await this.#counts(snapshot, source, signal)
      if (agrees === 'parted' || agrees === 'damaged') {
        // The journal has everything from an older one on: nothing is lost with this one.
        await removeSnapshot(snapshot, objects, signal)
        if (agrees === 'parted') {
          this.#parted = [...this.#parted, snapshot.position].slice(-SET_SNAPSHOTS)
        }
        continue
      }
      kept.push(snapshot)
      if (agrees && ++counted === ARCHIVE_SNAPSHOTS) break
    }
    if (counted < ARCHIVE_SNAPSHOTS) return
    const older = kept.at(-1)!
    await pruneSnapshots(kept, { objects, log, signal })
    await journal.trim(older.position)
  }

  async #counts(
    snapshot: Snapshot,
    source: Source,
    signal: AbortSignal,
  ): Promise<boolean | 'parted' | 'damaged'> {
    const { id, hasStandby, others } = this.#parts
    if (snapshot.by !== id) return this.#verify(snapshot, source, signal)
    // It was read back when it was taken: where this member is alone, no other can do more.
    if (!hasStandby()) return true
    return others().some(({ verified = [] }) => verified.includes(snapshot.position))
  }

  /** False where it could not be found out. */
  async #verify(
    snapshot: Snapshot,
    source: Source,
    signal: AbortSignal,
  ): Promise<boolean | 'parted' | 'damaged'> {
    const { replica, files = nodeFiles, log, onFailed, journal, objects } = this.#parts
    const { position } = snapshot
    if (this.#verified.includes(position)) return true
    const directory = join(replica.workDirectory, 'verify')
    try {
      await files.makeDirectory(replica.workDirectory)
      await verifySnapshot(snapshot, { journal, objects, source, directory, files, signal })
    } catch (error) {
      signal.throwIfAborted()
      const fault = asDstoreError(error)
      onFailed(fault)
      if (fault.code === 'integrity') {
        log.error('a snapshot is not that of these records', { message: fault.message })
        return error instanceof OtherRowsError ? 'parted' : 'damaged'
      }
      log.warn('a snapshot could not be verified', { message: fault.message })
      return false
    }
    this.#verified = [...this.#verified, position].slice(-SET_SNAPSHOTS)
    log.info('verified a snapshot of another member', { position })
    return true
  }

  async #take(source: Source, signal: AbortSignal): Promise<Snapshot> {
    const { journal, objects, replica, files = nodeFiles, log, wall, id } = this.#parts
    const taken = await takeSnapshot({
      objects,
      journal,
      source,
      archived: () => Promise.resolve(),
      directory: replica.workDirectory,
      files,
      log,
      now: wall,
      signal,
      by: id,
    })
    this.#taken.add(taken.position)
    return taken
  }
}
