/** The open disk store: checks calls and connects journal, records, value files and the quota. */
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
import type { ArchiveSource } from './archive.ts'
import { archiveSource } from './commit/archive-source.ts'
import type { Commits } from './commit/commits.ts'
import { SMALL_COST, costOf } from './commit/cost.ts'
import { type JobParts, isDone, jobOf } from './commit/transactions.ts'
import { OutboardMove } from './earlier-layout.ts'
import { makeLocation } from './layout.ts'
import { type ArchivedFiles, lentWith } from './archived/archived-files.ts'
import { archivedFiles, uploads, usedBytes } from './archived/of-store.ts'
import type { StoredValue } from './records/file-row.ts'
import { smallValues } from './records/small-values.ts'
import type { Overlay } from './replica/overlay.ts'
import { sealedValue } from './replica/sealed-value.ts'
import type { Recovery } from './recovery.ts'
import { SharedSync } from './staged/shared-sync.ts'
import { SealedValues } from './staged/sealed-values.ts'
import { DiskStaging, type PartialUpload, type StagingHost } from './staged/staging.ts'
import type { DiskStore, DiskStoreParts } from './store-parts.ts'
import { ValueReaders, bytesOf, outboardOf } from './value-reader.ts'

const DAMAGED = 'the value is damaged on disk'

export class OpenDiskStore implements DiskStore {
  readonly kind = 'disk'
  readonly immediate: ImmediateReads = {
    row: (key) => (this.#closing === undefined ? this.#overlay.row(key) : undefined),
    value: (location, mostBytes) => this.#small(location, mostBytes),
  }
  readonly recovery: Recovery
  readonly archived?: () => Promise<void>
  readonly #parts: DiskStoreParts
  readonly #overlay: Overlay
  readonly #commits: Commits
  readonly #readers: ValueReaders
  readonly #quota: Quota
  readonly #host: StagingHost
  #move: OutboardMove | undefined
  /** Values staged in this run. */
  #staged = 0
  readonly #stagings = new Set<DiskStaging>()
  readonly #sealed: SealedValues
  readonly #archived: ArchivedFiles | undefined
  readonly #jobs: JobParts
  #closing: Promise<void> | undefined

  constructor(parts: DiskStoreParts) {
    const { files, layout, held, replica, partials, recovery, maxBytes, sizes } = parts
    const { overlay, commits } = replica
    this.#parts = parts
    this.recovery = recovery
    this.#overlay = overlay
    this.#commits = commits
    const readers = (this.#readers = new ValueReaders(files, layout))
    const ofArchive = { ...parts, overlay }
    this.#quota = new Quota(maxBytes, usedBytes(ofArchive))
    const valueAt = (location: Location): StoredValue => this.#value(location)
    this.#archived = archivedFiles(ofArchive, this.#quota, readers, valueAt)
    const remove = (value: StoredValue): Promise<void> =>
      this.#archived?.discarded(value) ?? this.#removeFiles(value)
    this.#sealed = new SealedValues({ readers, remove })
    const onAdopted = (location: Location, size: number): void => {
      this.#archived?.adopted({ file: location })
      sizes.add(location, size)
    }
    this.#jobs = { sealed: this.#sealed, overlay, onAdopted }
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
    return archiveSource({ ...this.#parts, sealed: this.#sealed })
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
      const location = makeLocation(this.#parts.replica.run, ++this.#staged)
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
    const sealed = smallValues(values, () => makeLocation(this.#parts.replica.run, ++this.#staged))
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
    const value = this.#overlay.value(location)
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
    const old = await this.#parts.turns.run(() => this.#replace(location, by))
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
      return await outboardOf(this.#readers, this.#overlay, location, value, range)
    } catch (error) {
      // Meanwhile it may have been moved away from behind the value, and the file been cut.
      const now = this.#value(location)
      if (now.file !== value.file || now.place === value.place) throw error
      return outboardOf(this.#readers, this.#overlay, location, now, range)
    }
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
    await this.#parts.held.check()
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
    const { replica, archive, database } = this.#parts
    await replica.close(archive)
    await database.close()
  }

  async #replace(location: Location, by: Location): Promise<StoredValue> {
    const sealed = this.#sealed
    const value = sealed.claim(by, true)
    if (value === undefined) {
      await this.#commits.settled()
      checkReplacement(this.#overlay.value(location), undefined)
    }
    const { released } = await this.#commits.change(
      {
        change: { type: 'replace', location, by: sealedValue(value!) },
        onApplied: ({ mistake }) => {
          if (mistake === undefined) sealed.adopted(by)
          else sealed.unclaim(by)
        },
        onFailed: (outcome) => (outcome === 'none' ? sealed.unclaim(by) : sealed.leave(by)),
      },
      { ...SMALL_COST, entryBytes: SMALL_VALUE_BYTES },
    )
    return released[0]!
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
    const value = this.#overlay.value(location)
    const isHere = value?.small !== undefined && value.size <= mostBytes
    return isHere ? value.small.subarray(value.outboardBytes) : undefined
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
