/** The plainest records that changes can be applied to, which the others are compared with. */
import type {
  Location,
  LogEntry,
  RecordKey,
  Row,
  ScanOptions,
  Table,
} from '../../../../src/store/store.ts'
import type { Tally } from '../../../../src/store/disk/records/database.ts'
import type { StoredValue } from '../../../../src/store/disk/records/file-row.ts'
import type { ReplicaState } from '../../../../src/store/disk/replica/state.ts'

export const EMPTY_TALLY: Tally = {
  run: 0,
  lastSeq: 0,
  revision: 0,
  values: 0,
  valueBytes: 0,
  trimmed: 0,
  position: 0,
  chain: '00'.repeat(32),
}

export class PlainRecords implements ReplicaState {
  readonly #rows: Record<Table, Row[]> = { keys: [], names: [], meta: [] }
  readonly #values = new Map<Location, StoredValue>()
  readonly #damaged = new Set<Location>()
  #log: LogEntry[] = []
  #tally = EMPTY_TALLY

  tally(): Tally {
    return this.#tally
  }

  row(key: RecordKey): Row | undefined {
    return this.#rows[key.table].find(({ id }) => Buffer.compare(id, key.id) === 0)
  }

  version(key: RecordKey): number {
    return this.row(key)?.version ?? 0
  }

  hasPrefix(table: Table, prefix: Uint8Array): boolean {
    return this.rows(table, { prefix, limit: 1 }).length > 0
  }

  rows(table: Table, { prefix = NONE, after = NONE, limit }: ScanOptions): Row[] {
    return this.#rows[table]
      .filter(({ id }) => Buffer.compare(id.subarray(0, prefix.byteLength), prefix) === 0)
      .filter(({ id }) => after.byteLength === 0 || Buffer.compare(id, after) > 0)
      .slice(0, limit)
  }

  count(table: Table): number {
    return this.#rows[table].length
  }

  entries(after: number, limit: number): LogEntry[] {
    return this.#log.filter(({ seq }) => seq > after).slice(0, limit)
  }

  value(location: Location): StoredValue | undefined {
    return this.#values.get(location)
  }

  outboard(location: Location): Uint8Array | undefined {
    return this.#values.get(location)?.outboard
  }

  files(after: Location = ''): { readonly location: Location; readonly value: StoredValue }[] {
    return [...this.#values]
      .map(([location, value]) => ({ location, value }))
      .filter(({ location, value }) => value.small === undefined && location > after)
      .toSorted((a, b) => (a.location < b.location ? -1 : 1))
  }

  isDamaged(location: Location): boolean {
    return this.#damaged.has(location)
  }

  damagedCount(): number {
    return this.#damaged.size
  }

  locations(): readonly Location[] {
    return [...this.#values.keys()]
  }

  writeTally(tally: Tally): void {
    this.#tally = tally
  }

  writeRow(key: RecordKey, version: number, value: Uint8Array | undefined): void {
    const others = this.#rows[key.table].filter(({ id }) => Buffer.compare(id, key.id) !== 0)
    if (value !== undefined) others.push({ id: key.id, version, value })
    this.#rows[key.table] = others.toSorted((a, b) => Buffer.compare(a.id, b.id))
  }

  append(seq: number, entry: Uint8Array): void {
    this.#log.push({ seq, entry })
  }

  writeValue(location: Location, value: StoredValue): void {
    this.#values.set(location, value)
  }

  deleteValue(location: Location): void {
    this.#values.delete(location)
    this.#damaged.delete(location)
  }

  markDamaged(location: Location): void {
    this.#damaged.add(location)
  }

  trimLog(upto: number): void {
    this.#log = this.#log.filter(({ seq }) => seq > upto)
    this.#tally = { ...this.#tally, trimmed: Math.max(this.#tally.trimmed, upto) }
  }
}

const NONE = new Uint8Array(0)
