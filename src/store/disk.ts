/** The store that keeps: LMDB for records and small values, a file for each large one (specs/005-storage.md). */
import { DstoreError } from '../errors.ts'
import type { ByteRange } from '../hash/tree.ts'
import { DISK_RESERVE_BYTES, TRIM_ENTRIES } from '../limits.ts'
import { checkCount, checkRange, checkRecordKey, checkScan, checkTransaction } from './arguments.ts'
import { applyTransaction, cost } from './disk/apply.ts'
import { Commits } from './disk/commits.ts'
import type { Database, StoredValue } from './disk/database.ts'
import { faultOf } from './disk/faults.ts'
import { type Files, nodeFiles } from './disk/files.ts'
import { Layout, makeLocation } from './disk/layout.ts'
import { type Recovery, openDatabase, prepare, recover } from './disk/opening.ts'
import { Room } from './disk/room.ts'
import { DiskStaging, type StagingHost } from './disk/staging.ts'
import { SharedSync } from './disk/sync.ts'
import { ValueReader } from './disk/value-reader.ts'
import { Reservation, Space } from './space.ts'
import type {
  CommitResult,
  Location,
  LogEntry,
  RecordKey,
  Row,
  ScanOptions,
  Staging,
  Store,
  StoreUsage,
  Table,
  Transaction,
} from './store.ts'

export type { Recovery } from './disk/opening.ts'

export interface DiskStoreOptions {
  /** Made where it is missing. Nobody else may have it open. */
  readonly directory: string
  /** Bytes of values, without outboards and records, that it takes in; no bound where undefined. */
  readonly maxBytes?: number
  /** Free space that is left on the filesystem, in bytes; `DISK_RESERVE_BYTES` where undefined. */
  readonly reserveBytes?: number
}

/** What the store is built from; tests hand in others that fail. */
export interface DiskStoreComponents {
  readonly files?: Files
  /** Around the database that was opened. */
  readonly database?: (opened: Database) => Database
}

export interface DiskStore extends Store {
  readonly kind: 'disk'
  /** What was found when it opened: for the log. */
  readonly recovery: Recovery
}

/** Faults: `incompatible`, `integrity`, `no-space`, `unwritable`, each naming the directory. */
export async function openDiskStore(
  { directory, maxBytes, reserveBytes = DISK_RESERVE_BYTES }: DiskStoreOptions,
  { files = nodeFiles, database: wrap = (opened) => opened }: DiskStoreComponents = {},
): Promise<DiskStore> {
  if (maxBytes !== undefined) checkCount('maxBytes', maxBytes)
  checkCount('reserveBytes', reserveBytes)
  const layout = new Layout(directory)
  let opened: Database | undefined
  try {
    await prepare(files, layout)
    opened = await openDatabase(files, layout)
    const database = wrap(opened)
    const run = await beginRun(database)
    const recovery = await recover(files, layout, database)
    const room = new Room(files, layout.root, database, reserveBytes)
    const commits = new Commits(database, room)
    return new OpenDiskStore({ files, layout, database, commits, run, recovery, maxBytes })
  } catch (error) {
    await opened?.close()
    throw faultOf(error, `open the store in ${directory}`)
  }
}

/** Count up the run, so that no location of an earlier one is given again. */
async function beginRun(database: Database): Promise<number> {
  return database.transact(() => {
    const tally = database.tally()
    const run = tally.run + 1
    database.writeTally({ ...tally, run })
    return run
  })
}

interface Parts {
  readonly files: Files
  readonly layout: Layout
  readonly database: Database
  readonly commits: Commits
  readonly run: number
  readonly recovery: Recovery
  readonly maxBytes: number | undefined
}

class OpenDiskStore implements DiskStore {
  readonly kind = 'disk'
  readonly recovery: Recovery
  readonly #files: Files
  readonly #layout: Layout
  readonly #database: Database
  readonly #commits: Commits
  readonly #run: number
  readonly #space: Space
  readonly #host: StagingHost
  /** Values staged in this run. */
  #staged = 0
  readonly #stagings = new Set<DiskStaging>()
  /** Values that no transaction has adopted yet. */
  readonly #sealed = new Map<Location, StoredValue>()
  readonly #readers = new Map<Location, Set<ValueReader>>()
  #closing: Promise<void> | undefined

  constructor({ files, layout, database, commits, run, recovery, maxBytes }: Parts) {
    this.recovery = recovery
    this.#files = files
    this.#layout = layout
    this.#database = database
    this.#commits = commits
    this.#run = run
    this.#space = new Space(maxBytes)
    this.#space.count(database.tally().valueBytes)
    this.#host = {
      files,
      layout,
      directory: new SharedSync(() => files.syncDirectory(layout.values)),
      checkOpen: () => this.#checkOpen(),
      hold: (location, value) => this.#sealed.set(location, value),
      drop: (location) => this.#drop(location),
      done: (staging) => this.#stagings.delete(staging),
    }
  }

  async stage(size: number | undefined): Promise<Staging> {
    this.#checkOpen()
    if (size !== undefined) checkCount('size', size)
    const reservation = new Reservation(this.#space, size)
    const location = makeLocation(this.#run, ++this.#staged)
    const staging = new DiskStaging(location, size, reservation, this.#host)
    this.#stagings.add(staging)
    return staging
  }

  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const { size, outboardBytes, small } = this.#value(location)
    const { start, end } = checkRange(range, size)
    if (small === undefined) {
      yield* this.#readFile(location, { start, end }, signal)
    } else if (start < end) {
      yield small.subarray(outboardBytes + start, outboardBytes + end)
    }
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    const { size, outboardBytes, small } = this.#value(location)
    const { start, end } = checkRange(range, outboardBytes)
    if (small !== undefined) return small.subarray(start, end)
    const whole = new Uint8Array(end - start)
    let filled = 0
    for await (const piece of this.#readFile(location, { start: size + start, end: size + end })) {
      whole.set(piece, filled)
      filled += piece.byteLength
    }
    return whole
  }

  async rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]> {
    this.#checkOpen()
    for (const key of keys) checkRecordKey(key)
    return keys.map((key) => this.#database.row(key))
  }

  async scan(table: Table, options: ScanOptions): Promise<readonly Row[]> {
    this.#checkOpen()
    checkScan(table, options)
    return this.#database.rows(table, options)
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    this.#checkOpen()
    checkTransaction(transaction)
    const { adopt = [], release = [] } = transaction
    const { result, released } = await this.#commits.run({
      ...cost(transaction),
      run: (batch) => applyTransaction(this.#database, this.#sealed, transaction, batch),
    })
    if (!result.ok) return result
    for (const location of adopt) this.#sealed.delete(location)
    await Promise.all(release.map((location, i) => this.#free(location, released[i]!)))
    return result
  }

  async lastSeq(): Promise<number> {
    this.#checkOpen()
    return this.#database.tally().lastSeq
  }

  async log(after: number, limit: number): Promise<readonly LogEntry[]> {
    this.#checkOpen()
    checkCount('after', after)
    checkCount('limit', limit)
    return this.#database.entries(after, limit)
  }

  async trim(upto: number): Promise<void> {
    this.#checkOpen()
    checkCount('upto', upto)
    const run = (): number => this.#database.forget(upto, TRIM_ENTRIES)
    while ((await this.#commits.run({ bytes: 0, adds: false, run })) === TRIM_ENTRIES) {
      this.#checkOpen()
    }
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    const { values, valueBytes } = this.#database.tally()
    return { values, valueBytes, headroomBytes: this.#space.headroomBytes }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#commits.settled()
    const closed = new DstoreError('unreachable', 'the store is closed')
    const reading = [...this.#readers.values()].flatMap((readers) => [...readers])
    await Promise.all(reading.map((reader) => reader.end(closed)))
    await Promise.all([...this.#stagings].map((staging) => staging.discard()))
    await Promise.all([...this.#sealed.keys()].map((location) => this.#drop(location)))
    await this.#database.close()
  }

  /** A released value's bytes; a file that the disk refuses to delete is deleted when the store opens next. */
  async #free(location: Location, { size, small }: StoredValue): Promise<void> {
    const removed = new DstoreError('removed', 'the value was removed')
    const readers = [...(this.#readers.get(location) ?? [])]
    await Promise.all(readers.map((reader) => reader.end(removed)))
    if (small === undefined) {
      await this.#files.remove(this.#layout.valueFile(location)).catch(() => undefined)
    }
    this.#space.give(size)
  }

  /** Forget a sealed value, unless a transaction adopts it: then wait for what becomes of that. */
  async #drop(location: Location): Promise<boolean> {
    while (this.#commits.isClaimed(location)) await this.#commits.settled()
    const value = this.#sealed.get(location)
    this.#sealed.delete(location)
    // Also where the commit is said to have failed: what is visible was adopted.
    if (value === undefined || this.#database.value(location) !== undefined) return false
    const removed = new DstoreError('removed', 'the value was discarded')
    const readers = [...(this.#readers.get(location) ?? [])]
    await Promise.all(readers.map((reader) => reader.end(removed)))
    if (value.small === undefined) {
      await this.#files.remove(this.#layout.valueFile(location)).catch(() => undefined)
    }
    return true
  }

  async *#readFile(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const reader = new ValueReader(this.#files, this.#layout.valueFile(location))
    const readers = this.#readers.get(location) ?? new Set()
    this.#readers.set(location, readers.add(reader))
    try {
      yield* reader.pieces(range, signal)
    } finally {
      readers.delete(reader)
      if (readers.size === 0) this.#readers.delete(location)
    }
  }

  #value(location: Location): StoredValue {
    this.#checkOpen()
    const value = this.#sealed.get(location) ?? this.#database.value(location)
    if (value === undefined) throw new DstoreError('removed', 'the value was removed')
    return value
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new DstoreError('unreachable', 'the store is closed')
  }
}
