/** The store in the memory of the process (specs/005-storage.md, "memory"). */
import { DstoreError } from '../../errors.ts'
import {
  checkBytes,
  checkCount,
  checkRange,
  checkRecordKey,
  checkReplacement,
  checkResumption,
  checkScan,
  checkTransaction,
  notResumable,
} from '../arguments.ts'
import { bytesIn } from '../../bytes.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import { withCounters } from '../counters.ts'
import { ChunkedBytes } from './chunked-bytes.ts'
import { SortedMap, sortable } from './sorted-map.ts'
import { MemoryStaging } from './staging.ts'
import { Reservation, Quota, quotaOf } from '../quota.ts'
import { firstRows, pageOfRows } from '../row-page.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type {
  CommitResult,
  Condition,
  ImmediateReads,
  Location,
  LogEntry,
  RecordKey,
  Row,
  RowPage,
  ScanOptions,
  Resumption,
  Staging,
  Store,
  StoreUsage,
  Table,
  Transaction,
} from '../store.ts'

export interface MemoryStoreOptions {
  /** Quota in bytes of values, without outboards and records; no limit if undefined. */
  readonly maxBytes?: number
}

export function createMemoryStore({ maxBytes }: MemoryStoreOptions = {}): Store {
  if (maxBytes !== undefined) checkCount('maxBytes', maxBytes)
  return new MemoryStore(maxBytes)
}

/** A sealed value. */
interface HeldValue {
  readonly bytes: ChunkedBytes
  readonly outboard: Uint8Array
  adopted: boolean
}

class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly immediate: ImmediateReads = {
    row: (key) => (this.#closed ? undefined : this.#row(key)),
    value: (...at) => this.#small(...at),
  }
  readonly #tables: Readonly<Record<Table, SortedMap<Row>>> = {
    keys: new SortedMap(),
    names: new SortedMap(),
    meta: new SortedMap(),
  }
  /** The entries that are not trimmed; the last one has `#lastSeq`. */
  #log: Uint8Array[] = []
  #lastSeq = 0
  /** Version of the last write to `meta`. */
  #revision = 0
  readonly #values = new Map<Location, HeldValue>()
  readonly #damaged = new Set<Location>()
  readonly #quota: Quota
  #locations = 0
  #usage = { valueBytes: 0, values: 0 }
  #closed = false

  constructor(maxBytes: number | undefined) {
    this.#quota = new Quota(maxBytes)
  }

  async stage(size: number | undefined, resumption?: Resumption): Promise<Staging> {
    this.#checkOpen()
    if (size !== undefined) checkCount('size', size)
    if (resumption !== undefined) checkResumption(resumption)
    if (resumption !== undefined && resumption.from > 0) throw notResumable()
    return new MemoryStaging(size, new Reservation(this.#quota, size), {
      checkOpen: () => this.#checkOpen(),
      onSealed: (bytes, outboard) => this.#seal(bytes, outboard),
      discardSealed: (location) => {
        return this.#values.get(location)?.adopted === false && this.#values.delete(location)
      },
    })
  }

  async sealSmall(values: readonly Uint8Array[], stored?: number): Promise<readonly Location[]> {
    this.#checkOpen()
    for (const value of values) checkBytes('value', value, SMALL_VALUE_BYTES)
    this.#quota.reserve(bytesIn(values), stored)
    return values.map((value) => {
      const bytes = new ChunkedBytes(value.byteLength)
      bytes.append(value)
      bytes.finish()
      return this.#seal(bytes, new Uint8Array(0))
    })
  }

  async discard(location: Location): Promise<void> {
    const value = this.#values.get(location)
    if (value?.adopted !== false) return
    this.#values.delete(location)
    this.#quota.free(value.bytes.size)
  }

  /** Nothing survives the process, so there is nothing to resume. */
  async partialBytes(id: Uint8Array): Promise<number> {
    this.#checkOpen()
    checkResumption({ id, from: 0 })
    return 0
  }

  async expire(): Promise<void> {
    this.#checkOpen()
  }

  async quarantine(location: Location): Promise<void> {
    this.#checkOpen()
    if (this.#values.get(location)?.adopted === true) this.#damaged.add(location)
  }

  async isDamaged(location: Location): Promise<boolean> {
    this.#checkOpen()
    return this.#damaged.has(location)
  }

  async confirm(): Promise<void> {
    this.#checkOpen()
  }

  async replace(location: Location, by: Location): Promise<void> {
    this.#checkOpen()
    const [old, value] = [this.#values.get(location), this.#values.get(by)]
    checkReplacement(
      old?.adopted === true ? old.bytes : undefined,
      value?.adopted === false ? value.bytes : undefined,
    )
    this.#values.delete(by)
    this.#values.set(location, { ...value!, adopted: true })
    this.#damaged.delete(location)
    this.#quota.free(value!.bytes.size)
  }

  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const { bytes } = this.#held(location)
    for (const view of bytes.views(checkRange(range, bytes.size))) {
      signal?.throwIfAborted()
      this.#held(location)
      yield view
    }
  }

  /** Values are in memory. */
  async lendFile(): Promise<undefined> {
    return undefined
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    const { outboard } = this.#held(location)
    const { start, end } = checkRange(range, outboard.byteLength)
    return outboard.subarray(start, end)
  }

  async rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]> {
    this.#checkOpen()
    for (const key of keys) checkRecordKey(key)
    return keys.map((key) => this.#row(key))
  }

  async scan(table: Table, options: ScanOptions): Promise<readonly Row[]> {
    this.#checkOpen()
    checkScan(table, options)
    return firstRows(this.#rowsOf(table, options), options.limit)
  }

  async page(table: Table, options: ScanOptions): Promise<RowPage> {
    this.#checkOpen()
    checkScan(table, options)
    return pageOfRows(this.#rowsOf(table, options), options.limit)
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    this.#checkOpen()
    checkTransaction(transaction)
    const { conditions, entry, adopt = [], release = [] } = transaction
    const failed = conditions.find((condition) => !this.#holds(condition))
    if (failed !== undefined) return { ok: false, failed }
    for (const location of adopt) {
      if (this.#values.get(location)?.adopted !== false) {
        throw new RangeError(`adopt names ${location}, which is not sealed and waiting`)
      }
    }
    for (const location of release) {
      if (this.#values.get(location)?.adopted !== true) {
        throw new RangeError(`release names ${location}, which is not adopted`)
      }
    }
    const writes = withCounters(transaction, (key) => this.#row(key)?.value)
    // Nothing below can fail.
    if (entry !== undefined) {
      this.#log.push(entry.slice())
      this.#lastSeq++
    }
    for (const { key, value } of writes) {
      const version = key.table === 'meta' ? ++this.#revision : this.#lastSeq
      const table = this.#tables[key.table]
      if (value === undefined) table.delete(sortable(key.id))
      else table.set(sortable(key.id), { id: key.id.slice(), value: value.slice(), version })
    }
    for (const location of adopt) this.#adopt(location)
    for (const location of release) this.#release(location)
    return { ok: true, seq: this.#lastSeq }
  }

  async commitAll(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#checkOpen()
    for (const transaction of transactions) checkTransaction(transaction)
    const results = await Promise.allSettled(transactions.map((one) => this.commit(one)))
    return results.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
  }

  async lastSeq(): Promise<number> {
    this.#checkOpen()
    return this.#lastSeq
  }

  async log(after: number, limit: number): Promise<readonly LogEntry[]> {
    this.#checkOpen()
    checkCount('after', after)
    checkCount('limit', limit)
    const trimmed = this.#lastSeq - this.#log.length
    const skipped = Math.max(0, after - trimmed)
    return this.#log
      .slice(skipped, skipped + limit)
      .map((entry, i) => ({ seq: trimmed + skipped + i + 1, entry }))
  }

  async trim(upto: number): Promise<void> {
    this.#checkOpen()
    checkCount('upto', upto)
    const trimmed = this.#lastSeq - this.#log.length
    if (upto > trimmed) this.#log = this.#log.slice(upto - trimmed)
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    return {
      ...this.#usage,
      ...quotaOf(this.#quota),
      damaged: this.#damaged.size,
      unfinishedBytes: 0,
    }
  }

  /** Unknown: the process cannot tell how much memory is left. */
  async freeBytes(): Promise<undefined> {
    this.#checkOpen()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#values.clear()
  }

  #holds(condition: Condition): boolean {
    if ('present' in condition) return this.#row(condition.present) !== undefined
    if ('noneWithPrefix' in condition) {
      const { table, noneWithPrefix: prefix } = condition
      return firstRows(this.#rowsOf(table, { prefix }), 1).length === 0
    }
    return (this.#row(condition.key)?.version ?? 0) === condition.version
  }

  #rowsOf(
    table: Table,
    { prefix = NONE, after = NONE }: Omit<ScanOptions, 'limit'>,
  ): Iterable<Row> {
    return this.#tables[table].valuesOf(sortable(prefix), sortable(after))
  }

  #row({ table, id }: RecordKey): Row | undefined {
    return this.#tables[table].get(sortable(id))
  }

  #small(location: Location, mostBytes: number): Uint8Array | undefined {
    const value = this.#closed ? undefined : this.#values.get(location)
    const isHere = value !== undefined && !this.#damaged.has(location)
    return isHere && value.bytes.size <= mostBytes ? value.bytes.whole : undefined
  }

  #held(location: Location): HeldValue {
    this.#checkOpen()
    const value = this.#values.get(location)
    if (value === undefined) throw new DstoreError('removed', 'the value was removed')
    if (this.#damaged.has(location)) throw new DstoreError('integrity', 'the value is damaged')
    return value
  }

  #seal(bytes: ChunkedBytes, outboard: Uint8Array): Location {
    const location = `memory-${++this.#locations}`
    this.#values.set(location, { bytes, outboard, adopted: false })
    return location
  }

  #adopt(location: Location): void {
    const value = this.#values.get(location)!
    value.adopted = true
    this.#usage.values++
    this.#usage.valueBytes += value.bytes.size
  }

  #release(location: Location): void {
    const { size } = this.#values.get(location)!.bytes
    this.#values.delete(location)
    this.#damaged.delete(location)
    this.#usage.values--
    this.#usage.valueBytes -= size
    this.#quota.free(size)
  }

  #checkOpen(): void {
    if (this.#closed) throw new DstoreError('unreachable', 'the store is closed')
  }
}

const NONE = new Uint8Array(0)
