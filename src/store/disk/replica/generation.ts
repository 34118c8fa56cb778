/**
 * What consecutive entries of a journal wrote, in memory: some changes over a database, or over an
 * earlier generation (specs/005-storage.md, "Rules: overlay").
 */
import { SortedMap, sortable, unsortable } from '../../memory/sorted-map.ts'
import type { Location, LogEntry, RecordKey, Table } from '../../store.ts'
import type { Tally } from '../records/database.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { RowChange } from '../records/row-pages.ts'
import { CopiedBytes } from './copied-bytes.ts'

/** What one row, value or entry takes beside its bytes: objects, and its share of the maps. */
const OBJECT_BYTES = 256

/** What a generation says of a location. */
export type ValueChange = StoredValue | 'deleted'

/** A row that was written, or deleted with `value: undefined`. */
export type Written = Omit<RowChange, 'id'>

export class Generation {
  readonly #rows: Readonly<Record<Table, SortedMap<Written>>> = {
    keys: new SortedMap(),
    names: new SortedMap(),
    meta: new SortedMap(),
  }
  readonly #values = new Map<Location, ValueChange>()
  /** Locations with another value than before. */
  readonly #replaced = new Set<Location>()
  readonly #damaged = new Set<Location>()
  /** Entries of the log without gaps, the first with seq `#firstSeq`. */
  readonly #log: Uint8Array[] = []
  #firstSeq = Number.POSITIVE_INFINITY
  readonly #copies = new CopiedBytes()
  #bytes = 0
  #tally: Tally

  /** Begins with nothing, after a state with this tally. */
  constructor(tally: Tally) {
    this.#tally = tally
  }

  /** As of its last entry. */
  get tally(): Tally {
    return this.#tally
  }

  set tally(tally: Tally) {
    this.#tally = tally
  }

  /** An estimate of its memory. What was overwritten takes memory, too. */
  get bytes(): number {
    return this.#bytes
  }

  /** The seq of its first entry of the log; infinite without one. */
  get firstSeq(): number {
    return this.#firstSeq
  }

  /** What it has under a row's id as `sortable` makes it. Its memory is that of many rows. */
  row(table: Table, id: string): Written | undefined {
    return this.#rows[table].get(id)
  }

  /** What it has of the rows of a scan, in order, likewise. It must not change meanwhile. */
  rows(table: Table, prefix: string, after: string): Iterable<RowChange> {
    return this.#rows[table].size === 0 ? NONE : this.#changes(table, prefix, after)
  }

  /** Copies the bytes. */
  writeRow({ table, id }: RecordKey, version: number, value: Uint8Array | undefined): void {
    const written = { version, value: value && this.#copies.of(value) }
    if (this.#rows[table].set(sortable(id), written)) this.#bytes += OBJECT_BYTES + id.byteLength
    this.#bytes += value?.byteLength ?? 0
  }

  value(location: Location): ValueChange | undefined {
    return this.#values.get(location)
  }

  values(): Iterable<readonly [Location, ValueChange]> {
    return this.#values
  }

  /** Keeps the bytes of the value, which must not change. */
  writeValue(location: Location, value: StoredValue): void {
    if (this.#values.get(location) === 'deleted') this.#replaced.add(location)
    this.#setValue(location, value)
  }

  deleteValue(location: Location): void {
    this.#damaged.delete(location)
    this.#setValue(location, 'deleted')
  }

  /** Undefined where it does not say. */
  isDamaged(location: Location): boolean | undefined {
    if (this.#damaged.has(location)) return true
    const isGone = this.#values.get(location) === 'deleted' || this.#replaced.has(location)
    return isGone ? false : undefined
  }

  /** The locations that `isDamaged` says something of. */
  *marked(): Generator<Location> {
    yield* this.#damaged
    for (const [location, value] of this.#values) {
      if (this.#damaged.has(location)) continue
      if (value === 'deleted' || this.#replaced.has(location)) yield location
    }
  }

  markDamaged(location: Location): void {
    if (!this.#damaged.has(location)) this.#bytes += OBJECT_BYTES
    this.#damaged.add(location)
  }

  /** Copies the bytes. */
  append(seq: number, entry: Uint8Array): void {
    if (this.#log.length === 0) this.#firstSeq = seq
    this.#log.push(this.#copies.of(entry))
    this.#bytes += OBJECT_BYTES + entry.byteLength
  }

  /** Its entries of the log after this seq, at most `limit`. */
  entries(after: number, limit: number): LogEntry[] {
    const skipped = Math.max(0, after + 1 - this.#firstSeq)
    return this.#log
      .slice(skipped, skipped + limit)
      .map((entry, i) => ({ seq: this.#firstSeq + skipped + i, entry: entry.slice() }))
  }

  /** Writes all of it. Writing it again, to what has it already, changes nothing. */
  writeTo(target: GenerationTarget): void {
    for (const table of TABLES) {
      for (const { id, version, value } of this.rows(table, '', '')) {
        target.writeRow({ table, id }, version, value)
      }
    }
    this.#log.forEach((entry, i) => target.append(this.#firstSeq + i, entry))
    for (const [location, value] of this.#values) {
      if (value === 'deleted' || this.#replaced.has(location)) target.deleteValue(location)
      if (value !== 'deleted') target.writeValue(location, value)
    }
    for (const location of this.#damaged) target.markDamaged(location, true)
    target.writeTally(this.#tally)
  }

  *#changes(table: Table, prefix: string, after: string): Generator<RowChange> {
    for (const [key, { version, value }] of this.#rows[table].entriesOf(prefix, after)) {
      yield { id: unsortable(key), version, value }
    }
  }

  #setValue(location: Location, value: ValueChange): void {
    if (!this.#values.has(location)) this.#bytes += OBJECT_BYTES
    this.#bytes += bytesOf(value)
    this.#values.set(location, value)
  }
}

/** Where a generation ends up: a `Database`, inside `transact`. */
export interface GenerationTarget {
  writeRow(key: RecordKey, version: number, value: Uint8Array | undefined): void
  append(seq: number, entry: Uint8Array): void
  writeValue(location: Location, value: StoredValue): void
  deleteValue(location: Location): void
  markDamaged(location: Location, damaged: boolean): void
  writeTally(tally: Tally): void
}

function bytesOf(value: ValueChange): number {
  if (value === 'deleted') return 0
  return (value.small ?? value.outboard)?.byteLength ?? 0
}

const TABLES: readonly Table[] = ['keys', 'names', 'meta']

const NONE: readonly RowChange[] = []
