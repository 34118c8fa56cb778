/** Makes a store from its archive, and fences the node that had it (specs/011-archive.md). */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ObjectStore } from '../bucket/object-store.ts'
import { pause } from '../deadline.ts'
import { DstoreError, throwIfCancelled } from '../errors.ts'
import { openBucketJournal } from '../journal/bucket/bucket-journal.ts'
import { Chain } from '../journal/chain.ts'
import { openFileJournal } from '../journal/file/file-journal.ts'
import type { Log } from '../log.ts'
import { faultOf } from '../store/disk/faults.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import { type TakenOver, takeOver } from './following/take-over.ts'
import type { ArchiveComponents, Sleep } from './interface.ts'
import type { Restored } from './restored.ts'
import { readSet } from './set.ts'
import { loadSnapshot } from './snapshots/load.ts'
import { hasMark, rootOf, writeMark } from './take-over-mark.ts'

export type { Restored } from './restored.ts'

export interface RestoreOptions {
  readonly objects: ObjectStore
  /** Where the store is to be: created if missing, else without a store. */
  readonly directory: string
  /** The clock that the archive is opened with. */
  readonly elapsed: () => number
  readonly log: Log
  /** Aborted, it leaves nothing but what the next restore replaces. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RestoreProgress) => void
}

export interface RestoreProgress {
  /** Loads the records, then reads the entries after them; then the other node is fenced. */
  readonly step: 'snapshot' | 'journal' | 'fence'
  /** Bytes of the snapshot, entries of the journal. */
  readonly done: number
  readonly total: number
}

const STORE = /^store-v\d+$/
/** How often the other node may trim what is being read. */
const TRIES = 5

/**
 * The store is complete in its directory when it resolves; open it with the archive. Errors:
 * `not-found` where there is no archive, or its first copy was not completed; `conflict` where the
 * directory has a store; `integrity`, `incompatible`, `unreachable`, `no-space`, `cancelled`.
 */
export async function restore(
  options: RestoreOptions,
  components: ArchiveComponents = {},
): Promise<Restored> {
  try {
    return await new Restoring(options, components).run()
  } catch (error) {
    throw faultOf(error, `restore the store in ${options.directory}`)
  }
}

class Restoring {
  readonly #options: RestoreOptions
  readonly #files: Files
  readonly #random: (length: number) => Uint8Array
  readonly #sleep: Sleep
  readonly #signal: AbortSignal
  readonly #root: string
  /** Where the store is built: it gets its name when it is complete. */
  readonly #building: string

  constructor(options: RestoreOptions, { files, random, sleep }: ArchiveComponents) {
    this.#options = options
    this.#files = files ?? nodeFiles
    this.#random = random ?? randomBytes
    this.#sleep = sleep ?? ((ms, signal) => pause(ms, signal ?? new AbortController().signal))
    this.#signal = options.signal ?? new AbortController().signal
    this.#root = rootOf(options.directory)
    this.#building = `${this.#root}.restoring`
  }

  async run(): Promise<Restored> {
    const { objects } = this.#options
    if ((await readSet(objects)) === undefined) {
      throw new DstoreError('not-found', `there is no archive in ${objects.place}`, {
        hint: 'check bucket and prefix',
      })
    }
    await this.#prepare()
    for (let i = 0; i < TRIES; i++) {
      const taken = await this.#load()
      if (taken === 'gone') continue
      const { position, saidFarewell, fencedAt } = taken
      await this.#finish(taken)
      return { position, saidFarewell, fencedAt }
    }
    throw new DstoreError('busy', `the archive in ${objects.place} changes faster than it is read`)
  }

  /** Refuses a directory with a store, unless that was restored and never opened to the end. */
  async #prepare(): Promise<void> {
    const { directory } = this.#options
    const files = this.#files
    await files.makeDirectory(directory)
    const names: string[] = []
    for await (const name of files.list(directory)) names.push(name)
    const stores = names.filter((name) => STORE.test(name)).map((name) => join(directory, name))
    for (const store of stores) {
      const isOurs = store === this.#root && (await hasMark(files, store))
      if (isOurs && !names.includes(`${store.slice(directory.length + 1)}.restoring`)) {
        await files.rename(store, this.#building)
        await files.syncDirectory(directory)
        continue
      }
      throw new DstoreError('conflict', `there is a store in ${directory}`, {
        hint: 'a restore needs an empty directory: move this one away, or give another',
      })
    }
    for (const folder of ['', 'records', 'values', 'journal', 'archive/snapshot', 'archive']) {
      await this.#empty(join(this.#building, folder))
    }
    for (const folder of ['records', 'values', 'journal']) {
      await files.makeDirectory(join(this.#building, folder))
    }
  }

  /** Deletes the files in a folder. */
  async #empty(folder: string): Promise<void> {
    const files = this.#files
    if ((await files.identity(folder)) === undefined) return
    const folders = new Set(['records', 'values', 'journal', 'archive', 'snapshot'])
    const names: string[] = []
    for await (const name of files.list(folder)) if (!folders.has(name)) names.push(name)
    for (const name of names) await files.remove(join(folder, name))
  }

  /** Loads the records, verifies what follows them, and begins an epoch after it. */
  async #load(): Promise<TakenOver | 'gone'> {
    const { objects, log, elapsed, onProgress } = this.#options
    const signal = this.#signal
    const directory = join(this.#building, 'records')
    const tell =
      (step: RestoreProgress['step']) =>
      (done: number, total: number): void =>
        onProgress?.({ step, done, total })
    const snapshot = await loadSnapshot({
      objects,
      directory,
      files: this.#files,
      log,
      signal,
      onProgress: ({ done, total }) => tell('snapshot')(done, total),
    })
    const bucket = openBucketJournal({ objects })
    const chain = new Chain(snapshot)
    try {
      const taken = await takeOver({
        bucket,
        chain,
        random: (length) => Uint8Array.from(this.#random(length)),
        sleep: this.#sleep,
        elapsed,
        signal,
        onRead: (position, last) =>
          tell('journal')(position - snapshot.position, last - snapshot.position),
      })
      if (taken === 'gone') return taken
      tell('fence')(1, 1)
      return taken
    } finally {
      await bucket.close()
    }
  }

  /**
   * The journal of the store begins with the entry that began the epoch: what came before it, and
   * after the records, is replayed from the bucket.
   */
  async #finish({ position, before, begin }: TakenOver): Promise<void> {
    const files = this.#files
    const journal = await openFileJournal({
      directory: join(this.#building, 'journal'),
      start: { position, digest: before },
    })
    try {
      await journal.append(position, begin)
    } finally {
      await journal.close()
    }
    throwIfCancelled(this.#signal)
    await writeMark(files, this.#building)
    for (const folder of ['records', 'values', 'journal', '']) {
      await files.syncDirectory(join(this.#building, folder))
    }
    await files.rename(this.#building, this.#root)
    await files.syncDirectory(this.#options.directory)
  }
}
