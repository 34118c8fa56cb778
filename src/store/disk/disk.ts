/** The store that keeps: LMDB for records and small values, a file for each large one (specs/005-storage.md). */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SMALL_VALUE_BYTES, MIB } from '../../limits.ts'
import { toHex } from '../../bytes.ts'
import {
  checkCount,
  checkRange,
  checkRecordKey,
  checkReplacement,
  checkResumption,
  checkScan,
  checkTransaction,
} from '../arguments.ts'
import { applyTransaction, cost } from './transaction.ts'
import { GroupCommit } from './group-commit.ts'
import { Quarantine } from './quarantine.ts'
import type { Database, StoredValue } from './database.ts'
import { faultOf } from './faults.ts'
import { type Files, nodeFiles } from './files.ts'
import { Layout, makeLocation } from './layout.ts'
import { type Recovery, openDatabase, prepare, recover } from './recovery.ts'
import { FreeSpace } from './free-space.ts'
import { DiskStaging, type StagingHost } from './staging.ts'
import { SharedSync } from './shared-sync.ts'
import { PartialUploads } from './partial-uploads.ts'
import { ValueReader } from './value-reader.ts'
import { Reservation, Quota } from '../quota.ts'
import type {
  CommitResult,
  Location,
  LogEntry,
  RecordKey,
  Resumption,
  Row,
  ScanOptions,
  Staging,
  Store,
  StoreUsage,
  Table,
  Transaction,
} from '../store.ts'

/** Entries of the log that one transaction forgets. */
const TRIM_ENTRIES = 4096

/** Free space that the disk store leaves on its filesystem: removals need some of it. */
export const DISK_RESERVE_BYTES: number = 16 * MIB

export type { Recovery } from './recovery.ts'

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
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export interface DiskStore extends Store {
  readonly kind: 'disk'
  /** What was found when it opened: for the log. */
  readonly recovery: Recovery
}

/** Faults: `incompatible`, `integrity`, `no-space`, `unwritable`, each naming the directory. */
export async function openDiskStore(
  { directory, maxBytes, reserveBytes = DISK_RESERVE_BYTES }: DiskStoreOptions,
  {
    files = nodeFiles,
    database: wrap = (opened) => opened,
    now = Date.now,
  }: DiskStoreComponents = {},
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
    const unfinished = new PartialUploads(files, layout, now)
    const recovery = await recover(files, layout, database, unfinished)
    const room = new FreeSpace(files, layout.root, database, reserveBytes)
    const commits = new GroupCommit(database, room)
    const damage = new Quarantine({ files, layout, database, commits, found: recovery.damaged })
    const parts = { files, layout, database, room, commits, unfinished, damage }
    return new OpenDiskStore({ ...parts, run, recovery, maxBytes })
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
  readonly room: FreeSpace
  readonly commits: GroupCommit
  readonly unfinished: PartialUploads
  readonly damage: Quarantine
  readonly run: number
  readonly recovery: Recovery
  readonly maxBytes: number | undefined
}

const DAMAGED = 'the value is damaged on disk'

/** How often it is looked for unfinished values that have waited too long. */
const TRIM_EVERY_MS = 3_600_000

class OpenDiskStore implements DiskStore {
  readonly kind = 'disk'
  readonly recovery: Recovery
  readonly #files: Files
  readonly #layout: Layout
  readonly #database: Database
  readonly #room: FreeSpace
  readonly #commits: GroupCommit
  readonly #unfinished: PartialUploads
  readonly #damage: Quarantine
  readonly #trimmer: NodeJS.Timeout
  readonly #run: number
  readonly #space: Quota
  readonly #host: StagingHost
  /** Values staged in this run. */
  #staged = 0
  readonly #stagings = new Set<DiskStaging>()
  /** Values that no transaction has adopted yet. */
  readonly #sealed = new Map<Location, StoredValue>()
  readonly #readers = new Map<Location, Set<ValueReader>>()
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    const { files, layout, database, room, commits, unfinished, damage } = parts
    const { run, recovery, maxBytes } = parts
    this.recovery = recovery
    this.#files = files
    this.#layout = layout
    this.#database = database
    this.#room = room
    this.#commits = commits
    this.#unfinished = unfinished
    this.#damage = damage
    this.#trimmer = setInterval(() => void unfinished.trim(), TRIM_EVERY_MS).unref()
    this.#run = run
    this.#space = new Quota(maxBytes)
    this.#space.count(database.tally().valueBytes)
    this.#host = {
      files,
      layout,
      directory: new SharedSync(() => files.syncDirectory(layout.values)),
      checkOpen: () => this.#checkOpen(),
      hold: (location, value) => this.#sealed.set(location, value),
      drop: (location) => this.#drop(location),
      done: (staging) => this.#stagings.delete(staging),
      unfinished,
    }
  }

  async stage(size: number | undefined, resumption?: Resumption): Promise<Staging> {
    this.#checkOpen()
    if (size !== undefined) checkCount('size', size)
    if (resumption !== undefined) checkResumption(resumption)
    const reservation = new Reservation(this.#space, size)
    try {
      const location = makeLocation(this.#run, ++this.#staged)
      const going = resumption && (await this.#goOn(resumption))
      const staging = new DiskStaging({ location, size, reservation, going }, this.#host)
      this.#stagings.add(staging)
      return staging
    } catch (error) {
      reservation.release()
      throw error
    }
  }

  async unfinished(id: Uint8Array): Promise<number> {
    this.#checkOpen()
    checkResumption({ id, from: 0 })
    return this.#unfinished.find(toHex(id))
  }

  async quarantine(location: Location): Promise<void> {
    this.#checkOpen()
    if (!(await this.#damage.mark(location))) return
    await this.#endReads(location, new DstoreError('integrity', DAMAGED))
  }

  async isDamaged(location: Location): Promise<boolean> {
    this.#checkOpen()
    return this.#damage.has(location)
  }

  async replace(location: Location, by: Location): Promise<void> {
    this.#checkOpen()
    const value = this.#sealed.get(by)
    const old = await this.#commits.run({
      bytes: SMALL_VALUE_BYTES,
      adds: false,
      run: (batch) => {
        const before = this.#database.value(location)
        checkReplacement(before, batch.claimed.has(by) ? undefined : this.#sealed.get(by))
        this.#database.writeValue(location, value!)
        this.#database.markDamaged(location, false)
        batch.claimed.add(by)
        // From here on it is not the staging's to discard, whatever becomes of the commit: if it fails, the file is
        // deleted when the store opens next.
        this.#sealed.delete(by)
        return before!
      },
    })
    this.#space.give(old.size)
    await this.#endReads(location, new DstoreError('integrity', DAMAGED))
    if (old.small === undefined) await this.#removeFile(old.file)
    await this.#damage.gone(location)
  }

  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const { size, outboardBytes, file, small } = this.#value(location)
    const { start, end } = checkRange(range, size)
    if (small === undefined) {
      yield* this.#readFile({ location, file, range: { start, end } }, signal)
    } else if (start < end) {
      yield small.subarray(outboardBytes + start, outboardBytes + end)
    }
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    const { size, outboardBytes, file, small } = this.#value(location)
    const { start, end } = checkRange(range, outboardBytes)
    if (small !== undefined) return small.subarray(start, end)
    const whole = new Uint8Array(end - start)
    let filled = 0
    const part = { start: size + start, end: size + end }
    for await (const piece of this.#readFile({ location, file, range: part })) {
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
    return {
      values,
      valueBytes,
      headroomBytes: this.#space.headroomBytes,
      damaged: this.#damage.count,
      unfinishedBytes: this.#unfinished.bytes,
    }
  }

  async freeBytes(): Promise<number> {
    this.#checkOpen()
    return this.#room.freeBytes()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    clearInterval(this.#trimmer)
    await this.#commits.settled()
    const closed = new DstoreError('unreachable', 'the store is closed')
    const reading = [...this.#readers.values()].flatMap((readers) => [...readers])
    await Promise.all(reading.map((reader) => reader.end(closed)))
    await Promise.all([...this.#stagings].map((staging) => staging.suspend()))
    await Promise.all([...this.#sealed.keys()].map((location) => this.#drop(location)))
    await this.#database.close()
  }

  /** A released value's bytes; a file that the disk refuses to delete is deleted when the store opens next. */
  async #free(location: Location, { size, file, small }: StoredValue): Promise<void> {
    await this.#endReads(location, new DstoreError('removed', 'the value was removed'))
    if (small === undefined) {
      await this.#removeFile(file)
      await this.#damage.gone(location)
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
    await this.#endReads(location, new DstoreError('removed', 'the value was discarded'))
    if (value.small === undefined) await this.#removeFile(value.file)
    return true
  }

  async #removeFile(file: Location): Promise<void> {
    await this.#files.remove(this.#layout.valueFile(file)).catch(() => undefined)
  }

  async #endReads(location: Location, fault: DstoreError): Promise<void> {
    const readers = [...(this.#readers.get(location) ?? [])]
    await Promise.all(readers.map((reader) => reader.end(fault)))
  }

  /** What a staging goes on with: where another writes it already it may not be resumed, and needs no id. */
  async #goOn({ id, from }: Resumption): Promise<{ id: string; from: number } | undefined> {
    const hex = toHex(id)
    return (await this.#unfinished.take(hex, from)) ? { id: hex, from } : undefined
  }

  async *#readFile(
    { location, file, range }: { location: Location; file: Location; range: ByteRange },
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const reader = new ValueReader(this.#files, this.#layout.valueFile(file))
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
    if (this.#damage.has(location)) throw new DstoreError('integrity', DAMAGED)
    return value
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new DstoreError('unreachable', 'the store is closed')
  }
}
