/** Composes an archive: journal, values, snapshots, first copy, sweep. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ObjectStore } from '../bucket/object-store.ts'
import { pause } from '../deadline.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import type { ChainPosition } from '../journal/chain.ts'
import { openBucketJournal } from '../journal/bucket/bucket-journal.ts'
import type { Journal } from '../journal/journal.ts'
import type { ArchiveSource } from '../store/disk/archive.ts'
import type { Location } from '../store/store.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import type {
  Archive,
  ArchiveComponents,
  ArchiveOptions,
  ArchiveStatus,
  Sleep,
} from './interface.ts'
import type { ArchiveState } from './state.ts'
import { checkFit } from './fit.ts'
import { type FirstCopyProgress, firstCopy } from './first-copy.ts'
import { Following, lastHead } from './following/following.ts'
import { makeSet } from './set.ts'
import { SnapshotLoop } from './snapshot-loop.ts'
import type { Snapshot } from './snapshots/description.ts'
import { newestSnapshot } from './snapshots/listed.ts'
import { takeSnapshot } from './snapshots/take.ts'
import { sweepLogged } from './sweep.ts'
import { hasMark, removeMark, rootOf } from './take-over-mark.ts'
import { BucketValues } from './values/bucket-values.ts'

/** How long to wait before looking again whether the records went on. */
const BEHIND_MS = 500
/** How often to look. */
const LOOKS = 20

/** Errors: as of `openArchive`. */
export async function makeArchive(
  options: ArchiveOptions,
  components: ArchiveComponents,
): Promise<Archive> {
  const { objects } = options
  await checkFit(options, components.files)
  return new OpenArchive(options, components, await newestSnapshot(objects))
}

class OpenArchive implements Archive {
  readonly values: BucketValues
  readonly #options: ArchiveOptions
  readonly #objects: ObjectStore
  readonly #files: Files
  readonly #random: (length: number) => Uint8Array
  readonly #sleep: Sleep
  readonly #following: Following
  readonly #closing = new AbortController()
  /** No caller waits any more for what is under way to the bucket's journal. */
  readonly #drained = new AbortController()
  /** Of the bucket, when the archive was opened. */
  readonly #newest: Snapshot | undefined
  #snapshots: SnapshotLoop | undefined
  #leastEpoch = 1
  #isTakingOver = false
  #copying: FirstCopyProgress | undefined
  #running: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(options: ArchiveOptions, components: ArchiveComponents, newest?: Snapshot) {
    const { objects, elapsed, acknowledges, log } = options
    const { files = nodeFiles, random = randomBytes, sleep = pauseFor } = components
    this.#options = options
    this.#objects = objects
    this.#files = files
    this.#random = random
    this.#sleep = sleep
    this.#newest = newest
    const { place } = objects
    const openBucket = (start: number): ReturnType<typeof openBucketJournal> =>
      openBucketJournal({ objects, start: { position: start }, signal: this.#drained.signal })
    const onArchived = (entries: readonly Uint8Array[]): void => this.#snapshots?.archived(entries)
    const parts = { place, openBucket, acknowledges, elapsed, sleep, log, onArchived }
    this.#following = new Following(parts)
    const settled = (): Promise<void> => this.#following.settled()
    this.values = new BucketValues({ objects, isComplete: newest !== undefined, settled })
  }

  get leastEpoch(): number {
    return this.#leastEpoch
  }

  get isOpen(): boolean {
    return this.#following.isOpen
  }

  get lost(): Promise<DstoreError> {
    return this.#following.lost
  }

  get refusal(): DstoreError | undefined {
    return this.#following.refusal
  }

  async join(own: Journal | undefined): Promise<Journal> {
    if (own === undefined) throw new TypeError('the store has no journal of its own')
    this.#isTakingOver = await hasMark(this.#files, rootOf(this.#options.directory))
    const journal = await this.#following.join(own)
    const head = await lastHead(this.#following.bucket)
    this.#leastEpoch = (head?.epoch ?? 0) + 1
    return journal
  }

  async begins(): Promise<void> {
    await makeSet(this.#objects, this.#random)
    await this.#options.onBeginning?.()
  }

  async opened(source: ArchiveSource): Promise<void> {
    const { directory, restored } = this.#options
    const unknown = { fencedAt: undefined, saidFarewell: false }
    const takingOver = this.#isTakingOver ? { takingOver: restored ?? unknown } : {}
    await this.#following.opened({ say: (kind) => source.say(kind), ...takingOver })
    if (this.#isTakingOver) await removeMark(this.#files, rootOf(directory))
    const { epoch } = (await lastHead(this.#following.bucket))!
    this.values.begin(epoch)
    this.#running = this.#run(source, epoch)
  }

  archived(position: number): Promise<void> {
    return this.#following.archived(position)
  }

  mayServe(): boolean {
    return this.#following.mayServe()
  }

  status(): ArchiveStatus {
    const { acknowledges, elapsed } = this.#options
    const following = this.#following
    const { shipper } = following
    const newest = this.#snapshots?.newest ?? this.#newest
    const last = shipper?.lastFault
    return {
      state: this.#state(),
      place: this.#objects.place,
      acknowledges,
      own: shipper?.own ?? 0,
      archived: shipper?.archived ?? 0,
      lag: following.lag(),
      requests: this.#objects.requests,
      snapshot: newest && {
        position: newest.position,
        ageMs: Math.max(0, Date.now() - newest.takenAt),
      },
      firstCopy: this.#copying,
      lastFault: last && { fault: last.fault, agoMs: elapsed() - last.at },
    }
  }

  closing(): void {
    this.#following.closing()
    this.values.closing()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  #state(): ArchiveState {
    const { shipper, isOpen, refusal } = this.#following
    if (shipper?.fence !== undefined) return 'fenced'
    if (shipper === undefined || !isOpen) return 'opening'
    if (refusal !== undefined) return 'unreachable'
    if (!shipper.admits(this.#options.elapsed())) return 'waiting'
    if (shipper.isFailing) return 'behind'
    return this.#copying === undefined ? 'current' : 'first-copy'
  }

  /** What goes on beside the store. Never rejects. */
  async #run(source: ArchiveSource, epoch: number): Promise<void> {
    const { signal } = this.#closing
    const objects = this.#objects
    const { log } = this.#options
    try {
      await this.#copy(source)
      // Only the first copy uploads objects of earlier epochs.
      const sweeps = {
        objects,
        epoch,
        isNamed: (file: Location) => source.isNamed(file),
        settled: () => this.#following.settled(),
        log,
        what: 'archive' as const,
      }
      await Promise.all([sweepLogged(sweeps, signal), this.#takeSnapshots(source)])
    } catch (error) {
      const { message } = asDstoreError(error)
      if (!signal.aborted) log.error('the archive is not kept complete', { message })
    }
  }

  /** Uploads what the store had before; without it no snapshot can be restored. */
  async #copy(source: ArchiveSource): Promise<void> {
    if (this.#newest !== undefined) return
    const { log } = this.#options
    const { signal } = this.#closing
    this.#copying = { done: 0, total: 0 }
    const onProgress = (progress: FirstCopyProgress): void => void (this.#copying = progress)
    const parts = { objects: this.#objects, values: this.values, source, log, signal, onProgress }
    const { values, uploaded, unreadable } = await firstCopy(parts)
    log.info('the first copy of the values is complete', {
      values,
      uploaded,
      unreadable: unreadable.length,
    })
  }

  async #takeSnapshots(source: ArchiveSource): Promise<void> {
    const { elapsed, log } = this.#options
    const { signal } = this.#closing
    const bytesAfter = this.#newest === undefined ? 0 : await this.#bytesAfter(this.#newest)
    const take = async (): Promise<Snapshot> => {
      const snapshot = await this.#takeSnapshot(source)
      this.values.completed()
      this.#copying = undefined
      return snapshot
    }
    const times = { elapsed, wall: Date.now, sleep: this.#sleep }
    const parts = { newest: this.#newest, bytesAfter, ...times, log, signal, take }
    this.#snapshots = new SnapshotLoop(parts)
    await this.#snapshots.run()
  }

  #takeSnapshot(source: ArchiveSource): Promise<Snapshot> {
    const { directory, log } = this.#options
    return takeSnapshot({
      objects: this.#objects,
      journal: this.#following.bucket,
      source: { copyRecords: (path) => this.#copyRecords(source, path) },
      archived: (position) => this.#following.archived(position),
      directory: join(rootOf(directory), 'archive'),
      files: this.#files,
      log,
      now: Date.now,
      signal: this.#closing.signal,
    })
  }

  /** A restore replays the bucket's journal after the copy: that must not end before it begins. */
  async #copyRecords(source: ArchiveSource, path: string): Promise<ChainPosition> {
    const { signal } = this.#closing
    for (let i = 0; i < LOOKS; i++) {
      const copied = await source.copyRecords(path)
      const { first } = await this.#following.bucket.extent()
      // A new store may not have its first entry in the records yet.
      if (copied.position >= Math.max(1, first - 1)) return copied
      await this.#files.remove(join(path, 'data.mdb'))
      await this.#sleep(BEHIND_MS, signal)
      signal.throwIfAborted()
    }
    throw new DstoreError('busy', 'the records are far behind the journal')
  }

  /** Bytes of the bucket's journal after a snapshot, about. */
  async #bytesAfter({ position }: Snapshot): Promise<number> {
    let bytes = 0
    let after = `j/${position.toString(16).padStart(16, '0')}`
    for (;;) {
      const page = await this.#objects.list('j/', after, this.#closing.signal)
      for (const { key, size } of page.objects) [bytes, after] = [bytes + size, key]
      if (!page.more || page.objects.length === 0) return bytes
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort(new DstoreError('unreachable', 'the archive is closed'))
    // What is given up takes a while, too, in a bucket that is silent.
    await Promise.all([this.#running, this.#following.drain(), this.values.close()])
    this.#drained.abort(new DstoreError('unreachable', 'the archive is closed'))
    await this.#following.close()
  }
}

const pauseFor: Sleep = (ms, signal) => pause(ms, signal ?? new AbortController().signal)
