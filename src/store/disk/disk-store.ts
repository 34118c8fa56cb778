/** The open disk store: checks calls and connects journal, records, value files and the quota. */
import { toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import {
  checkBytes,
  checkCount,
  checkRecordKey,
  checkResumption,
  checkScan,
  checkTransaction,
} from '../arguments.ts'
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
import type { ArchiveSource } from './archive.ts'
import { archiveSource } from './commit/archive-source.ts'
import type { Commits } from './commit/commits.ts'
import { SMALL_COST, costOf } from './commit/cost.ts'
import { type ReplacementParts, replaceValue } from './commit/replacement.ts'
import { type JobParts, isDone, jobOf } from './commit/transactions.ts'
import { OutboardMove } from './earlier-layout.ts'
import { makeLocation } from './layout.ts'
import type { StoredValue } from './records/file-row.ts'
import { smallValues } from './records/small-values.ts'
import type { Overlay } from './replica/overlay.ts'
import type { Recovery } from './recovery.ts'
import { SharedSync } from './staged/shared-sync.ts'
import { SealedValues } from './staged/sealed-values.ts'
import { DiskStaging, type StagingHost } from './staged/staging.ts'
import type { DiskStore, DiskStoreParts } from './store-parts.ts'
import { StoredValues } from './stored-values.ts'
import { ValueReaders } from './value-reader.ts'

const DAMAGED = 'the value is damaged on disk'

export class OpenDiskStore implements DiskStore {
  readonly kind = 'disk'
  readonly immediate: ImmediateReads = {
    row: (key) => (this.#closing === undefined ? this.#overlay.row(key) : undefined),
    value: (location, mostBytes) =>
      this.#closing === undefined ? this.#values.small(location, mostBytes) : undefined,
  }
  readonly recovery: Recovery
  readonly archived?: () => Promise<void>
  readonly #parts: DiskStoreParts
  readonly #overlay: Overlay
  readonly #commits: Commits
  readonly #readers: ValueReaders
  readonly #values: StoredValues
  readonly #host: StagingHost
  #move: OutboardMove | undefined
  /** Values staged in this run. */
  #staged = 0
  readonly #stagings = new Set<DiskStaging>()
  readonly #sealed: SealedValues
  readonly #jobs: JobParts
  readonly #replacement: ReplacementParts
  #closing: Promise<void> | undefined

  constructor(parts: DiskStoreParts) {
    const { files, layout, held, replica, partials, recovery, sizes } = parts
    const { overlay, commits } = replica
    this.#parts = parts
    this.recovery = recovery
    this.#overlay = overlay
    this.#commits = commits
    const readers = (this.#readers = new ValueReaders(files, layout))
    const values = (this.#values = new StoredValues({
      parts,
      readers,
      value: (location) => this.#value(location),
      moveNow: async (location) => this.#move?.moveNow(location),
    }))
    this.#sealed = new SealedValues({ readers, remove: (value) => values.discarded(value) })
    const onAdopted = (location: Location, size: number): void => {
      sizes.add(location, size)
      values.adopted(location)
    }
    const sealed = this.#sealed
    this.#jobs = { sealed, overlay, onAdopted }
    const onReplaced = (file: Location): void => values.adopted(file)
    this.#replacement = { sealed, overlay, commits, onAdopted: onReplaced }
    this.#host = {
      files,
      layout,
      held,
      partials,
      valuesSync: new SharedSync(() => files.syncDirectory(layout.values)),
      checkOpen: () => this.#checkOpen(),
      onSealed: (location, value) => {
        this.#sealed.add(location, value)
        values.sealed(value)
      },
      discardSealed: async (location) => (await this.#sealed.discard(location)) !== undefined,
      onEnd: (staging) => this.#stagings.delete(staging),
      ...values.forStagings,
    }
    const { archive } = parts
    if (archive !== undefined) {
      this.archived = async () => {
        this.#checkOpen()
        await archive.archived(replica.position)
      }
    }
    if (!parts.hasOutboardsBehind) return
    this.#move = new OutboardMove({ ...parts, overlay, commits, readers })
  }

  /** What an archive asks of the store. */
  get archiveSource(): ArchiveSource {
    return archiveSource({ ...this.#parts, sealed: this.#sealed, archived: this.#values.archived })
  }

  get outboardsMoved(): Promise<void> {
    return this.#move?.ended ?? Promise.resolve()
  }

  async stage(size: number | undefined, resumption?: Resumption): Promise<Staging> {
    this.#checkOpen()
    if (size !== undefined) checkCount('size', size)
    if (resumption !== undefined) checkResumption(resumption)
    const reservation = this.#values.reserve(size, resumption !== undefined)
    try {
      await this.#values.archived?.makeRoom(size)
      const location = makeLocation(this.#parts.replica.run, ++this.#staged)
      const partial = resumption && (await this.#parts.partials.claimFor(resumption))
      const staging = new DiskStaging({ location, size, reservation, partial }, this.#host)
      this.#stagings.add(staging)
      return staging
    } catch (error) {
      reservation.release()
      throw error
    }
  }

  async sealSmall(values: readonly Uint8Array[], stored?: number): Promise<readonly Location[]> {
    this.#checkOpen()
    for (const value of values) checkBytes('value', value, SMALL_VALUE_BYTES)
    this.#values.reserveSmall(values, stored)
    const sealed = smallValues(values, () => makeLocation(this.#parts.replica.run, ++this.#staged))
    for (const value of sealed) this.#sealed.add(value.file, value)
    return sealed.map(({ file }) => file)
  }

  async discard(location: Location): Promise<void> {
    this.#values.quota.free((await this.#sealed.discard(location)) ?? 0)
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
    const value = this.#overlay.value(location)
    if (value !== undefined) await this.#values.archived?.setAside(value)
  }

  async dropCopy(location: Location, beganMs: number): Promise<boolean> {
    this.#checkOpen()
    if (this.#parts.quarantine.has(location)) return false
    return (await this.#values.archived?.dropCopy(location, beganMs)) ?? false
  }

  async isDamaged(location: Location): Promise<boolean> {
    this.#checkOpen()
    return this.#parts.quarantine.has(location)
  }

  async replace(location: Location, by: Location): Promise<void> {
    this.#checkOpen()
    const old = await this.#parts.turns.run(() => replaceValue(this.#replacement, location, by))
    await this.#readers.end(location, new DstoreError('integrity', DAMAGED))
    await this.#values.released(old)
    await this.#parts.quarantine.remove(location)
  }

  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    yield* this.#values.read(location, range, signal)
  }

  async lendFile(location: Location, exact = false): Promise<LentFile | undefined> {
    this.#checkOpen()
    return this.#values.lend(location, exact)
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    return this.#values.outboard(location, range)
  }

  ofSize(size: number): readonly Location[] {
    return this.#parts.sizes.of(size)
  }

  async rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]> {
    this.#checkOpen()
    for (const key of keys) checkRecordKey(key)
    return keys.map((key) => this.#overlay.row(key))
  }

  async scan(table: Table, options: ScanOptions): Promise<readonly Row[]> {
    this.#checkOpen()
    checkScan(table, options)
    return this.#overlay.rows(table, options)
  }

  async page(table: Table, options: ScanOptions): Promise<RowPage> {
    this.#checkOpen()
    checkScan(table, options)
    return this.#overlay.page(table, options)
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    return (await this.commitAll([transaction]))[0]!
  }

  async commitAll(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#checkOpen()
    for (const transaction of transactions) checkTransaction(transaction)
    const refusal = this.#parts.archive?.refusal
    if (refusal !== undefined) throw refusal
    const cost = costOf(transactions, (location) => this.#sealed.get(location))
    const jobs = transactions.map((transaction) => jobOf(transaction, this.#jobs))
    const applied = await this.#commits.run(jobs, cost)
    const freed: Promise<void>[] = []
    applied.forEach((one, i) => {
      if (!isDone(one)) return
      const { release = [] } = transactions[i]!
      release.forEach((location, at) => freed.push(this.#free(location, one.released[at]!)))
    })
    await Promise.all(freed)
    const mistaken = applied.find(({ mistake }) => mistake !== undefined)
    if (mistaken !== undefined) throw mistaken.mistake!
    return applied.map(({ result }) => result)
  }

  async confirm(): Promise<void> {
    this.#checkOpen()
    this.#parts.held.check()
  }

  async lastSeq(): Promise<number> {
    this.#checkOpen()
    return this.#overlay.tally().lastSeq
  }

  async log(after: number, limit: number): Promise<readonly LogEntry[]> {
    this.#checkOpen()
    checkCount('after', after)
    checkCount('limit', limit)
    return this.#overlay.entries(after, limit)
  }

  async trim(upto: number): Promise<void> {
    this.#checkOpen()
    checkCount('upto', upto)
    const [first] = this.#overlay.entries(0, 1)
    if (first === undefined || first.seq > upto) return this.#parts.held.check()
    await this.#commits.change({ change: { type: 'trim', upto } }, SMALL_COST)
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    const { values, valueBytes } = this.#overlay.tally()
    return {
      values,
      valueBytes,
      ...this.#values.usage,
      damaged: this.#parts.quarantine.count,
      unfinishedBytes: this.#parts.partials.bytes,
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
    const { replica, archive, database, held, layout } = this.#parts
    archive?.closing()
    replica.closing(archive)
    await this.#move?.stop()
    await this.#commits.settled()
    const closed = new DstoreError('unreachable', 'the store is closed')
    await this.#readers.endAll(closed)
    await this.#values.archived?.close(closed)
    await Promise.all([...this.#stagings].map((staging) => staging.suspend()))
    await this.#sealed.discardAll()
    await replica.close(archive)
    await database.close()
    // A member of a set may replace its records, and open its store again.
    for (const path of [layout.data, layout.values]) held.remove(path)
  }

  /** Frees a released value. If its file cannot be deleted, the next opening deletes it. */
  async #free(location: Location, value: StoredValue): Promise<void> {
    this.#parts.sizes.remove(location, value.size)
    await this.#readers.end(location, new DstoreError('removed', 'the value was removed'))
    await this.#values.released(value)
    if (value.small === undefined) await this.#parts.quarantine.remove(location)
  }

  #value(location: Location): StoredValue {
    this.#checkOpen()
    const value = this.#sealed.get(location) ?? this.#overlay.value(location)
    if (value === undefined) throw new DstoreError('removed', 'the value was removed')
    if (this.#parts.quarantine.has(location)) throw new DstoreError('integrity', DAMAGED)
    return value
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new DstoreError('unreachable', 'the store is closed')
  }
}
