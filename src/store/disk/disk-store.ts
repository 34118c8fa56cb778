/** The open disk store: checks calls and connects records, value files and the quota. */
import { bytesIn, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import {
  checkBytes,
  checkRange,
  checkCount,
  checkRecordKey,
  checkReplacement,
  checkResumption,
  checkScan,
  checkTransaction,
} from '../arguments.ts'
import { Quota, Reservation, quotaOf } from '../quota.ts'
import type {
  CommitResult,
  ImmediateReads,
  LentFile,
  Location,
  LogEntry,
  RecordKey,
  Resumption,
  Row,
  RowPage,
  ScanOptions,
  Staging,
  StoreUsage,
  Table,
  Transaction,
} from '../store.ts'
import { OutboardMove } from './earlier-layout.ts'
import { makeLocation } from './layout.ts'
import { type ArchivedFiles, lentWith } from './archived/archived-files.ts'
import { archivedFiles, uploads, usedBytes } from './archived/of-store.ts'
import type { Database, StoredValue } from './records/database.ts'
import type { GroupCommit } from './records/group-commit.ts'
import { smallValues } from './records/small-values.ts'
import { applyAll, cost } from './records/transaction.ts'
import type { Recovery } from './recovery.ts'
import { SharedSync } from './staged/shared-sync.ts'
import { SealedValues } from './staged/sealed-values.ts'
import { DiskStaging, type PartialUpload, type StagingHost } from './staged/staging.ts'
import type { DiskStore, DiskStoreParts } from './store-parts.ts'
import { ValueReaders, bytesOf, outboardOf } from './value-reader.ts'

/** Log entries that one transaction of LMDB deletes: it holds up other commits for milliseconds. */
const TRIM_ENTRIES = 4096

const DAMAGED = 'the value is damaged on disk'

export class OpenDiskStore implements DiskStore {
  readonly kind = 'disk'
  readonly immediate: ImmediateReads = {
    row: (key) => (this.#closing === undefined ? this.#database.row(key) : undefined),
    value: (location, mostBytes) => this.#small(location, mostBytes),
  }
  readonly recovery: Recovery
  readonly #parts: DiskStoreParts
  readonly #database: Database
  readonly #commits: GroupCommit
  readonly #readers: ValueReaders
  readonly #quota: Quota
  readonly #host: StagingHost
  readonly #move: OutboardMove | undefined
  /** Values staged in this run. */
  #staged = 0
  readonly #stagings = new Set<DiskStaging>()
  readonly #sealed: SealedValues
  readonly #archived: ArchivedFiles | undefined
  #closing: Promise<void> | undefined

  constructor(parts: DiskStoreParts) {
    const { files, layout, held, database, commits, partials, recovery, maxBytes } = parts
    this.#parts = parts
    this.recovery = recovery
    this.#database = database
    this.#commits = commits
    const readers = (this.#readers = new ValueReaders(files, layout))
    this.#quota = new Quota(maxBytes, usedBytes(parts))
    this.#archived = archivedFiles(parts, this.#quota, readers, (location) => this.#value(location))
    const remove = (value: StoredValue): Promise<void> =>
      this.#archived?.discarded(value) ?? this.#removeFiles(value)
    this.#sealed = new SealedValues({ commits, database, readers, remove })
    this.#host = {
      files,
      layout,
      held,
      partials,
      valuesSync: new SharedSync(() => files.syncDirectory(layout.values)),
      checkOpen: () => this.#checkOpen(),
      onSealed: (location, value) => {
        this.#sealed.add(location, value)
        this.#archived?.sealed(value)
      },
      discardSealed: async (location) => (await this.#sealed.discard(location)) !== undefined,
      onEnd: (staging) => this.#stagings.delete(staging),
      ...uploads(this.#archived),
    }
    this.#move = parts.hasOutboardsBehind ? new OutboardMove({ ...parts, readers }) : undefined
  }

  get outboardsMoved(): Promise<void> {
    return this.#move?.ended ?? Promise.resolve()
  }

  async stage(size: number | undefined, resumption?: Resumption): Promise<Staging> {
    this.#checkOpen()
    if (size !== undefined) checkCount('size', size)
    if (resumption !== undefined) checkResumption(resumption)
    const reservation = new Reservation(this.#quota, size)
    try {
      await this.#archived?.makeRoom(size)
      const location = makeLocation(this.#parts.run, ++this.#staged)
      const partial = resumption && (await this.#claimPartial(resumption))
      const staging = new DiskStaging({ location, size, reservation, partial }, this.#host)
      this.#stagings.add(staging)
      return staging
    } catch (error) {
      reservation.release()
      throw error
    }
  }

  async sealSmall(values: readonly Uint8Array[]): Promise<readonly Location[]> {
    this.#checkOpen()
    for (const value of values) checkBytes('value', value, SMALL_VALUE_BYTES)
    this.#quota.reserve(bytesIn(values))
    const sealed = smallValues(values, () => makeLocation(this.#parts.run, ++this.#staged))
    for (const value of sealed) this.#sealed.add(value.file, value)
    return sealed.map(({ file }) => file)
  }

  async discard(location: Location): Promise<void> {
    this.#quota.free((await this.#sealed.discard(location)) ?? 0)
  }

  async partialBytes(id: Uint8Array): Promise<number> {
    this.#checkOpen()
    checkResumption({ id, from: 0 })
    return this.#parts.partials.bytesOf(toHex(id))
  }

  async expire(wallMs: number): Promise<void> {
    this.#checkOpen()
    await this.#parts.partials.expire(wallMs)
  }

  async quarantine(location: Location): Promise<void> {
    this.#checkOpen()
    if (!(await this.#parts.quarantine.add(location))) return
    await this.#readers.end(location, new DstoreError('integrity', DAMAGED))
    const value = this.#database.value(location)
    if (value !== undefined) await this.#archived?.setAside(value)
  }

  async dropCopy(location: Location, beganMs: number): Promise<boolean> {
    this.#checkOpen()
    if (this.#archived === undefined || this.#parts.quarantine.has(location)) return false
    return this.#archived.dropCopy(location, beganMs)
  }

  async isDamaged(location: Location): Promise<boolean> {
    this.#checkOpen()
    return this.#parts.quarantine.has(location)
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
        // Even if the commit fails, the staging may no longer discard the file: the commit may be
        // visible all the same. The next opening deletes a file that no record names.
        this.#sealed.delete(by)
        return before!
      },
    })
    this.#archived?.adopted(value!)
    if (this.#archived === undefined) this.#quota.free(old.size)
    await this.#readers.end(location, new DstoreError('integrity', DAMAGED))
    await this.#removeFiles(old)
    await this.#parts.quarantine.remove(location)
  }

  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const value = this.#value(location)
    yield* this.#archived !== undefined && value.small === undefined
      ? this.#archived.read(location, range, signal)
      : bytesOf(this.#readers, location, value, range, signal)
  }

  async lendFile(location: Location, exact = false): Promise<LentFile | undefined> {
    if (this.#archived !== undefined) return this.#lendArchived(this.#archived, location, exact)
    if (exact) await this.#move?.moveNow(location)
    const { small, file } = this.#value(location)
    return small === undefined ? this.#readers.lend(location, file) : undefined
  }

  async #lendArchived(
    archived: ArchivedFiles,
    location: Location,
    exact: boolean,
  ): Promise<LentFile | undefined> {
    const release = await archived.hold(location, exact)
    if (release === undefined) return undefined
    try {
      if (exact) await this.#move?.moveNow(location)
      return lentWith(this.#readers.lend(location, this.#value(location).file), release)
    } catch (error) {
      release()
      throw error
    }
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    const value = this.#value(location)
    if (this.#archived?.hasOutboard(value) === true) {
      return this.#archived.outboard(location, checkRange(range, value.outboardBytes))
    }
    try {
      return await outboardOf(this.#readers, this.#database, location, value, range)
    } catch (error) {
      // Meanwhile it may have been moved away from behind the value, and the file been cut.
      const now = this.#value(location)
      if (now.file !== value.file || now.place === value.place) throw error
      return outboardOf(this.#readers, this.#database, location, now, range)
    }
  }

  ofSize(size: number): readonly Location[] {
    return this.#parts.sizes.of(size)
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

  async page(table: Table, options: ScanOptions): Promise<RowPage> {
    this.#checkOpen()
    checkScan(table, options)
    return this.#database.page(table, options)
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    return (await this.commitAll([transaction]))[0]!
  }

  async commitAll(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#checkOpen()
    for (const transaction of transactions) checkTransaction(transaction)
    const { applied, mistake } = await this.#commits.run({
      ...cost(transactions, this.#sealed.all),
      run: (batch) => applyAll(this.#database, this.#sealed.all, transactions, batch),
    })
    const freed: Promise<void>[] = []
    applied.forEach(({ result, released }, i) => {
      const { adopt = [], release = [] } = transactions[i]!
      if (!result.ok) return
      for (const location of adopt) {
        this.#archived?.adopted({ file: location })
        this.#parts.sizes.add(location, this.#sealed.delete(location))
      }
      release.forEach((location, at) => freed.push(this.#free(location, released[at]!)))
    })
    await Promise.all(freed)
    if (mistake !== undefined) throw mistake
    return applied.map(({ result }) => result)
  }

  async confirm(): Promise<void> {
    this.#checkOpen()
    await this.#parts.held.check()
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
    const run = (): number => this.#database.trim(upto, TRIM_ENTRIES)
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
      ...quotaOf(this.#quota),
      damaged: this.#parts.quarantine.count,
      unfinishedBytes: this.#parts.partials.bytes,
      ...(this.#archived !== undefined && { archived: this.#archived.usage }),
    }
  }

  async freeBytes(): Promise<number> {
    this.#checkOpen()
    return this.#parts.freeSpace.freeBytes()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#move?.stop()
    await this.#commits.settled()
    const closed = new DstoreError('unreachable', 'the store is closed')
    await this.#readers.endAll(closed)
    await this.#archived?.close(closed)
    await Promise.all([...this.#stagings].map((staging) => staging.suspend()))
    await this.#sealed.discardAll()
    await this.#database.close()
  }

  /** Frees a released value. If its file cannot be deleted, the next opening deletes it. */
  async #free(location: Location, value: StoredValue): Promise<void> {
    this.#parts.sizes.remove(location, value.size)
    await this.#readers.end(location, new DstoreError('removed', 'the value was removed'))
    if (value.small === undefined) {
      await this.#removeFiles(value)
      await this.#parts.quarantine.remove(location)
    }
    if (this.#archived === undefined || value.small !== undefined) this.#quota.free(value.size)
  }

  /** The files of a value that is not small. */
  async #removeFiles(value: StoredValue): Promise<void> {
    const { file, small, place } = value
    if (small !== undefined) return
    if (this.#archived !== undefined) return this.#archived.released(value)
    const { files, layout } = this.#parts
    await files.remove(layout.valueFile(file)).catch(() => undefined)
    if (place === 'file') await files.remove(layout.outboardFile(file)).catch(() => undefined)
  }

  /**
   * The partial upload to write. Undefined if another staging writes it: this one is not resumable.
   */
  async #claimPartial({ id, from }: Resumption): Promise<PartialUpload | undefined> {
    const hex = toHex(id)
    return (await this.#parts.partials.claim(hex, from)) ? { id: hex, from } : undefined
  }

  #small(location: Location, mostBytes: number): Uint8Array | undefined {
    if (this.#closing !== undefined || this.#parts.quarantine.has(location)) return undefined
    const value = this.#database.value(location)
    const isHere = value?.small !== undefined && value.size <= mostBytes
    return isHere ? value.small.subarray(value.outboardBytes) : undefined
  }

  #value(location: Location): StoredValue {
    this.#checkOpen()
    const value = this.#sealed.get(location) ?? this.#database.value(location)
    if (value === undefined) throw new DstoreError('removed', 'the value was removed')
    if (this.#parts.quarantine.has(location)) throw new DstoreError('integrity', DAMAGED)
    return value
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new DstoreError('unreachable', 'the store is closed')
  }
}
