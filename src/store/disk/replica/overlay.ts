/**
 * The records of a store as of the last entry of its journal: a database, and over it in memory
 * what the entries wrote since (specs/005-storage.md, "Rules: overlay"). That is in generations:
 * the newest one takes what is applied, the others wait to be written into the database, oldest
 * first, each in one transaction.
 */
import { fromHex, toHex } from '../../../bytes.ts'
import type { ChainPosition } from '../../../journal/chain.ts'
import { sortable } from '../../memory/sorted-map.ts'
import type {
  Location,
  LogEntry,
  RecordKey,
  Row,
  RowPage,
  ScanOptions,
  Table,
} from '../../store.ts'
import type { Database, Tally } from '../records/database.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { RowChange } from '../records/row-pages.ts'
import { Generation, type Written } from './generation.ts'
import { merged } from './merge.ts'
import type { ReplicaState } from './state.ts'

/** What is read of the database; reads of `Overlay` have the same names and results. */
export type OverlayBase = Pick<
  Database,
  | 'row'
  | 'version'
  | 'hasPrefix'
  | 'rows'
  | 'page'
  | 'count'
  | 'entries'
  | 'value'
  | 'outboard'
  | 'files'
  | 'isDamaged'
  | 'damagedCount'
  | 'tally'
>

/** Rows read from the database at a time while rows are merged; doubled with each time. */
const FEW_ROWS = 32
const MANY_ROWS = 1024

/** Reads are of the state after the last change. What they return must not be changed. */
export class Overlay implements ReplicaState, OverlayBase {
  readonly #database: OverlayBase
  /** Newest first; at least one. */
  #generations: readonly Generation[]
  #tally: Tally

  constructor(database: OverlayBase) {
    this.#database = database
    this.#tally = database.tally()
    this.#generations = [new Generation(this.#tally)]
  }

  tally(): Tally {
    return this.#tally
  }

  /** The last entry that was applied. */
  get position(): ChainPosition {
    const { position, chain } = this.#tally
    return { position, digest: fromHex(chain)! }
  }

  /** An estimate of the memory that it takes. */
  get bytes(): number {
    return this.#generations.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Of the newest generation. */
  get newestBytes(): number {
    return this.#newest.bytes
  }

  /** The generation to be written next, if one waits for that. */
  get oldest(): Generation | undefined {
    return this.#generations.length > 1 ? this.#generations.at(-1) : undefined
  }

  /** Says which entry the changes so far come from: call it after each entry. */
  advance({ position, digest }: ChainPosition): void {
    this.writeTally({ ...this.#tally, position, chain: toHex(digest) })
  }

  /** Begins a generation, so that the newest one can be written; not if no entry was applied. */
  freeze(): void {
    const before = this.#generations[1]?.tally ?? this.#database.tally()
    if (before.position === this.#tally.position) return
    this.#generations = [new Generation(this.#tally), ...this.#generations]
  }

  /** Forgets a generation that the database has. */
  drop(generation: Generation): void {
    this.#generations = this.#generations.filter((one) => one !== generation)
  }

  row(key: RecordKey): Row | undefined {
    const change = this.#change(key)
    return change === undefined ? this.#database.row(key) : rowOf({ ...change, id: key.id.slice() })
  }

  version(key: RecordKey): number {
    const change = this.#change(key)
    if (change === undefined) return this.#database.version(key)
    return change.value === undefined ? 0 : change.version
  }

  hasPrefix(table: Table, prefix: Uint8Array): boolean {
    let hidesSome = false
    for (const { value } of this.#changes(table, { prefix })) {
      if (value !== undefined) return true
      hidesSome = true
    }
    if (!this.#database.hasPrefix(table, prefix)) return false
    return !hidesSome || this.rows(table, { prefix, limit: 1 }).length > 0
  }

  rows(table: Table, options: ScanOptions): Row[] {
    const { limit } = options
    if (limit === 0) return []
    const changes = this.#changesIn(table, options)
    if (changes === undefined) return this.#database.rows(table, options)
    const rows: Row[] = []
    for (const change of merged([changes, this.#databaseRows(table, options)])) {
      const row = rowOf(change)
      if (row !== undefined && rows.push(row) === limit) break
    }
    return rows
  }

  page(table: Table, options: ScanOptions): RowPage {
    return this.#database.page(table, options, this.#changesIn(table, options))
  }

  /** Walks the index of the table. */
  count(table: Table): number {
    let count = this.#database.count(table)
    for (const { id, value } of this.#changes(table, {})) {
      const isThere = value === undefined ? 0 : 1
      count += isThere - (this.#database.version({ table, id }) === 0 ? 0 : 1)
    }
    return count
  }

  entries(after: number, limit: number): LogEntry[] {
    const from = Math.max(after, this.#tally.trimmed)
    // The database may have entries of the oldest generation already.
    const firstSeq = Math.min(...this.#generations.map((one) => one.firstSeq))
    const before = Math.min(limit, Math.max(0, firstSeq - 1 - from))
    const entries = this.#database.entries(from, before)
    for (const generation of this.#generations.toReversed()) {
      entries.push(...generation.entries(from, limit - entries.length))
    }
    return entries
  }

  value(location: Location): StoredValue | undefined {
    for (const generation of this.#generations) {
      const value = generation.value(location)
      if (value !== undefined) return value === 'deleted' ? undefined : value
    }
    return this.#database.value(location)
  }

  outboard(location: Location): Uint8Array | undefined {
    for (const generation of this.#generations) {
      const value = generation.value(location)
      if (value !== undefined) return value === 'deleted' ? undefined : value.outboard
    }
    return this.#database.outboard(location)
  }

  /** The overlay must not change meanwhile. */
  *files(
    after: Location = '',
  ): Generator<{ readonly location: Location; readonly value: StoredValue }> {
    const changed = new Set<Location>()
    for (const generation of this.#generations) {
      for (const [location] of generation.values()) if (location > after) changed.add(location)
    }
    const locations = [...changed].toSorted()
    let at = 0
    const changedBefore = function* (
      this: Overlay,
      end: Location | undefined,
    ): ReturnType<Overlay['files']> {
      for (; at < locations.length; at++) {
        const location = locations[at]!
        if (end !== undefined && location >= end) return
        const value = this.value(location)
        if (value !== undefined && value.small === undefined) yield { location, value }
      }
    }.bind(this)
    for (const file of this.#database.files(after === '' ? undefined : after)) {
      yield* changedBefore(file.location)
      if (!changed.has(file.location)) yield file
    }
    yield* changedBefore(undefined)
  }

  isDamaged(location: Location): boolean {
    for (const generation of this.#generations) {
      const isDamaged = generation.isDamaged(location)
      if (isDamaged !== undefined) return isDamaged
    }
    return this.#database.isDamaged(location)
  }

  damagedCount(): number {
    let count = this.#database.damagedCount()
    const marked = new Set<Location>()
    for (const generation of this.#generations) {
      for (const location of generation.marked()) marked.add(location)
    }
    for (const location of marked) {
      count += Number(this.isDamaged(location)) - Number(this.#database.isDamaged(location))
    }
    return count
  }

  writeTally(tally: Tally): void {
    this.#tally = tally
    this.#newest.tally = tally
  }

  writeRow(key: RecordKey, version: number, value: Uint8Array | undefined): void {
    this.#newest.writeRow(key, version, value)
  }

  append(seq: number, entry: Uint8Array): void {
    this.#newest.append(seq, entry)
  }

  writeValue(location: Location, value: StoredValue): void {
    this.#newest.writeValue(location, value)
  }

  deleteValue(location: Location): void {
    this.#newest.deleteValue(location)
  }

  markDamaged(location: Location): void {
    this.#newest.markDamaged(location)
  }

  trimLog(upto: number): void {
    if (upto <= this.#tally.trimmed) return
    this.writeTally({ ...this.#tally, trimmed: upto })
  }

  get #newest(): Generation {
    return this.#generations[0]!
  }

  #change({ table, id }: RecordKey): Written | undefined {
    const name = sortable(id)
    for (const generation of this.#generations) {
      const change = generation.row(table, name)
      if (change !== undefined) return change
    }
    return undefined
  }

  /** What the generations have of the rows of a scan, in order. */
  #changes(
    table: Table,
    { prefix = NOTHING, after = NOTHING }: Pick<ScanOptions, 'prefix' | 'after'>,
  ): Iterable<RowChange> {
    const [first, last] = [sortable(prefix), sortable(after)]
    return merged(this.#generations.map((one) => one.rows(table, first, last)))
  }

  /** The same; undefined if there is nothing. */
  #changesIn(table: Table, options: ScanOptions): Iterable<RowChange> | undefined {
    for (const _ of this.#changes(table, options)) return this.#changes(table, options)
    return undefined
  }

  /** The database's own rows of a scan, read a few at a time. */
  *#databaseRows(table: Table, { limit, ...options }: ScanOptions): Generator<Row> {
    let { after } = options
    for (let few = Math.min(limit, FEW_ROWS); ; few = Math.min(2 * few, MANY_ROWS)) {
      const rows = this.#database.rows(table, {
        ...options,
        ...(after !== undefined && { after }),
        limit: few,
      })
      yield* rows
      if (rows.length < few) return
      after = rows.at(-1)!.id
    }
  }
}

/** With bytes of its own, for callers may keep it. Undefined if it was deleted. */
function rowOf({ id, version, value }: RowChange): Row | undefined {
  return value === undefined ? undefined : { id, version, value: value.slice() }
}

const NOTHING = new Uint8Array(0)
