/** The LMDB database: records, log, small values, and what is at each location (specs/005). */
import { open } from 'lmdb'
import type { Database as LmdbTable, RootDatabase, Transaction } from 'lmdb'
import { join } from 'node:path'
import type {
  Location,
  LogEntry,
  RecordKey,
  Row,
  RowPage,
  ScanOptions,
  Table,
} from '../../store.ts'
import { fromHex } from '../../../bytes.ts'
import type { ChainPosition } from '../../../journal/chain.ts'
import { locationBytes } from '../layout.ts'
import { type StoredValue, fileRow, fileValue } from './file-row.ts'
import { unprinted } from './printed-errors.ts'
import {
  justAfter,
  number64,
  numberAt,
  rangeOf,
  recordId,
  scratchOf,
  writeNumber,
} from './row-keys.ts'
import { type RowChange, RowPages } from './row-pages.ts'
import { explained, reasonOf } from './short-write.ts'
import { spareBytesOf } from './spare-bytes.ts'
import { TALLY, type Tally, decodeTally, encodeTally } from './tally.ts'

export type { Tally } from './tally.ts'
export type { StoredValue } from './file-row.ts'

export interface DatabaseOptions {
  readonly readOnly?: boolean
  readonly flush?: () => Promise<void>
}

/** Every table, its rows from this key on, as of one position. */
export interface Moment {
  readonly tables: readonly {
    readonly table: LmdbTable<Buffer, Uint8Array>
    readonly from?: Buffer
  }[]
  readonly transaction: ReturnType<RootDatabase['useReadTransaction']>
  readonly position: number
}

const NO_FLUSH = (): Promise<void> => Promise.resolve()

export class Database {
  readonly #path: string
  readonly #flush: () => Promise<void>
  readonly #root: RootDatabase<Buffer, Uint8Array>
  readonly #records: LmdbTable<Buffer, Uint8Array>
  readonly #pages: RowPages
  readonly #log: LmdbTable<Buffer, Uint8Array>
  readonly #small: LmdbTable<Buffer, Uint8Array>
  readonly #files: LmdbTable<Buffer, Uint8Array>
  /** Undefined in a store of layout 1 that is only read. */
  readonly #outboards: LmdbTable<Buffer, Uint8Array> | undefined
  readonly #damaged: LmdbTable<Buffer, Uint8Array>
  readonly #state: LmdbTable<Buffer, Uint8Array>

  /**
   * Opens or creates the database in a directory; with `readOnly` it must exist, and nothing is
   * written to it. `flush` is called after each commit, where a commit of LMDB is not durable yet
   * (R005-63). Throws LMDB's errors.
   */
  constructor(directory: string, { readOnly = false, flush = NO_FLUSH }: DatabaseOptions = {}) {
    this.#flush = flush
    this.#path = join(directory, 'data.mdb')
    this.#root = open<Buffer, Uint8Array>({
      path: directory,
      ...BYTES,
      maxDbs: 8,
      readOnly,
      // A commit must be durable before it is visible and resolves.
      overlappingSync: false,
      // With batching, a failed commit rejects a promise that no caller can catch.
      eventTurnBatching: false,
    })
    const table = (name: string): LmdbTable<Buffer, Uint8Array> => this.#root.openDB(name, BYTES)
    this.#records = table('records')
    this.#pages = new RowPages(this.#root, 'records', this.#records)
    this.#log = table('log')
    this.#small = table('small')
    this.#files = table('files')
    this.#outboards = table('outboards') as LmdbTable<Buffer, Uint8Array> | undefined
    this.#damaged = table('damaged')
    this.#state = table('state')
  }

  /**
   * Runs `write` as one transaction, which has no effect if `write` throws or the commit fails.
   * Durable and visible when it resolves. Reads inside `write` see its writes.
   */
  async transact<T>(write: () => T): Promise<T> {
    // What this turn has read must not keep pages from being used again.
    this.#root.resetReadTxn()
    try {
      const result = await unprinted(() => this.#root.childTransaction(write), reasonOf)
      await this.#flush()
      return result
    } catch (error) {
      throw explained(error, this.#path)
    }
  }

  row({ table, id }: RecordKey): Row | undefined {
    const bytes = this.#records.getBinary(recordId(table, id))
    return bytes && rowOf(id.slice(), bytes)
  }

  /** The version of a row; 0 if it is absent. */
  version({ table, id }: RecordKey): number {
    const bytes = this.#records.getBinaryFast(recordId(table, id))
    return bytes === undefined ? 0 : numberAt(bytes, 0)
  }

  /** Does the id of any row of a table begin with these bytes? */
  hasPrefix(table: Table, prefix: Uint8Array): boolean {
    const keys = this.#records.getKeys({ ...rangeOf(table, { prefix }), limit: 1 })
    return [...keys].length > 0
  }

  rows(table: Table, options: ScanOptions): Row[] {
    const limit = Math.min(options.limit, LIMIT)
    if (limit === 0) return []
    const range = this.#records.getRange({ ...rangeOf(table, options), limit })
    return Array.from(range, ({ key, value }) => rowOf(plain(key).subarray(1), value))
  }

  /** The rows as these changes leave them, which are in the order of their ids and in the range. */
  page(table: Table, options: ScanOptions, changes?: Iterable<RowChange>): RowPage {
    const { start, end } = rangeOf(table, options)
    return changes === undefined
      ? this.#pages.read(start, end, options.limit)
      : this.#pages.readChanged({ table, start, end }, options.limit, changes)
  }

  /** How many rows a table has. Walks its index. */
  count(table: Table): number {
    return this.#records.getKeysCount(rangeOf(table, {}))
  }

  /** Inside `transact`. Writes a row, or deletes it with `value: undefined`. */
  writeRow({ table, id }: RecordKey, version: number, value: Uint8Array | undefined): void {
    if (value === undefined) {
      this.#records.removeSync(recordId(table, id))
      return
    }
    const scratch = scratchOf(8 + value.byteLength)
    writeNumber(scratch, 0, version)
    scratch.set(value, 8)
    this.#records.putSync(recordId(table, id), scratch.subarray(0, 8 + value.byteLength))
  }

  entries(after: number, limit: number): LogEntry[] {
    if (limit === 0 || after === Number.MAX_SAFE_INTEGER) return []
    const range = this.#log.getRange({ start: number64(after + 1), limit: Math.min(limit, LIMIT) })
    return Array.from(range, ({ key, value }) => ({
      seq: numberAt(key, 0),
      entry: plain(value),
    }))
  }

  /** Inside `transact`. */
  append(seq: number, entry: Uint8Array): void {
    // The bytes are copied before this returns. Seqs only grow: no page need be searched or split.
    writeNumber(SEQ, 0, seq)
    this.#log.putSync(SEQ, Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength), {
      append: true,
    })
  }

  /**
   * Inside `transact`. Deletes the oldest entries up to this seq; returns how many, at most
   * `limit`.
   */
  trim(upto: number, limit: number): number {
    const end = number64(upto)
    const seqs = [...this.#log.getKeys({ end, inclusiveEnd: true, limit })]
    for (const seq of seqs) this.#log.removeSync(seq)
    return seqs.length
  }

  value(location: Location): StoredValue | undefined {
    const key = locationBytes(location)
    if (key === undefined) return undefined
    const small = this.#small.getBinary(key)
    if (small !== undefined) {
      const outboardBytes = small.readUInt32BE(0)
      return {
        size: small.byteLength - 4 - outboardBytes,
        outboardBytes,
        file: location,
        small: plain(small).subarray(4),
        place: 'records',
      }
    }
    const file = this.#files.getBinary(key)
    return file && fileValue(location, file)
  }

  /** The last location that has a value, in the order of their digits; empty if none has. */
  lastLocation(): Location {
    const options = { reverse: true, limit: 1 }
    const last = [this.#small, this.#files].flatMap((table) => [...table.getKeys(options)])
    return last.map((key) => Buffer.from(key).toString('hex')).reduce((a, b) => (a > b ? a : b), '')
  }

  /** The outboard that the records hold for a value in a file; undefined if there is none. */
  outboard(location: Location): Uint8Array | undefined {
    const bytes = this.#outboards?.getBinary(locationBytes(location)!)
    return bytes && plain(bytes)
  }

  /** Inside `transact`. */
  writeValue(location: Location, value: StoredValue): void {
    const key = locationBytes(location)!
    const { outboardBytes, small, outboard, place } = value
    if (small === undefined) {
      this.#files.putSync(key, fileRow(location, value))
      if (place === 'records' && outboardBytes > 0) {
        this.#outboards!.putSync(key, Buffer.from(outboard!))
      } else this.#outboards!.removeSync(key)
      return
    }
    const scratch = scratchOf(4 + small.byteLength)
    scratch.writeUInt32BE(outboardBytes)
    scratch.set(small, 4)
    this.#small.putSync(key, scratch.subarray(0, 4 + small.byteLength))
  }

  /** Inside `transact`. */
  deleteValue(location: Location): void {
    const key = locationBytes(location)!
    if (!this.#small.removeSync(key)) {
      this.#files.removeSync(key)
      this.#outboards!.removeSync(key)
    }
    this.#damaged.removeSync(key)
  }

  isDamaged(location: Location): boolean {
    const key = locationBytes(location)
    return key !== undefined && this.#damaged.getBinary(key) !== undefined
  }

  /** Inside `transact`. */
  markDamaged(location: Location, damaged: boolean): void {
    const key = locationBytes(location)!
    if (damaged) this.#damaged.putSync(key, Buffer.alloc(0))
    else this.#damaged.removeSync(key)
  }

  damagedCount(): number {
    return this.#damaged.getKeysCount({})
  }

  /** Every location with a value file, from the first one after `after` on. */
  *files(
    after?: Location,
  ): Generator<{ readonly location: Location; readonly value: StoredValue }> {
    const range = after === undefined ? {} : { start: justAfter(locationBytes(after)!) }
    for (const { key, value } of this.#files.getRange(range)) {
      const location = Buffer.from(key).toString('hex')
      yield { location, value: fileValue(location, value) }
    }
  }

  tally(transaction?: Transaction): Tally {
    const bytes = this.#state.get(TALLY, transaction && { transaction })
    return decodeTally(bytes)
  }

  /** Inside `transact`. */
  writeTally(tally: Tally): void {
    this.#state.putSync(TALLY, encodeTally(tally))
  }

  /** Bytes of unused pages in LMDB's file, which it reuses: the file never shrinks. */
  spareBytes(): number {
    const values = [this.#small, this.#files, this.#outboards!, this.#damaged]
    const tables = [this.#records, this.#log, ...values, this.#state]
    return spareBytesOf(this.#root, tables)
  }

  /**
   * Copies all tables as of one moment, without the pages not in use, to `data.mdb` in an existing
   * directory that has none. Commits go on meanwhile. What fails leaves a part of it. Returns the
   * position in the journal that the copy has.
   */
  async copyTo(directory: string): Promise<ChainPosition> {
    try {
      await this.#root.backup(directory, true)
    } catch (error) {
      throw explained(error, join(directory, 'data.mdb'))
    }
    const copy = new Database(directory, { readOnly: true })
    try {
      const { position, chain } = copy.tally()
      return { position, digest: fromHex(chain)! }
    } finally {
      await copy.close()
    }
  }

  /** Reads all rows, in the order in which every replica has them. Commits go on meanwhile. */
  async atOneMoment<T>(read: (moment: Moment) => Promise<T>): Promise<T> {
    this.#root.resetReadTxn()
    const transaction = this.#root.useReadTransaction()
    const others = [this.#small, this.#files, this.#outboards!, this.#damaged, this.#state]
    try {
      const { position, trimmed } = this.tally(transaction)
      // Entries that were trimmed are deleted at a pace of its own in each replica.
      const log = { table: this.#log, from: number64(trimmed + 1) }
      const tables = [{ table: this.#records }, log, ...others.map((table) => ({ table }))]
      return await read({ tables, transaction, position })
    } finally {
      transaction.done()
    }
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

/** A key that LMDB copies at once. */
const SEQ = Buffer.allocUnsafeSlow(8)

const BYTES = { encoding: 'binary', keyEncoding: 'binary' } as const
/** `lmdb` passes limits as 32-bit integers. */
const LIMIT = 0x7fff_ffff

function rowOf(id: Uint8Array, bytes: Buffer): Row {
  return { id, version: numberAt(bytes, 0), value: plain(bytes).subarray(8) }
}

/** The same bytes as a Uint8Array: a Buffer's `slice` would share memory. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
