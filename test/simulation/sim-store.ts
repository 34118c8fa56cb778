/**
 * The store of a simulated Global: records and log, with syncs that take time and crashes that lose
 * what was not synced. Values have no bytes here: a location is a name.
 */
import { toHex } from '../../src/bytes.ts'
import type {
  Increment,
  LogEntry,
  PresenceCondition,
  RangeCondition,
  RecordKey,
  Row,
  ScanOptions,
  Table,
  Transaction,
  VersionCondition,
} from '../../src/store/store.ts'

type AnyCondition = VersionCondition | PresenceCondition | RangeCondition

export type Committed = { readonly ok: true; readonly seq: number } | { readonly ok: false }

interface State {
  readonly rows: ReadonlyMap<string, Row>
  readonly log: readonly Uint8Array[]
  readonly revision: number
}

const nameOf = ({ table, id }: RecordKey): string => `${table} ${toHex(id)}`

/** The number in a counter's row. */
export function countIn(row: Row | undefined): number {
  if (row === undefined) return 0
  const { buffer, byteOffset } = row.value
  return Number(new DataView(buffer, byteOffset, 8).getBigUint64(0))
}

export class SimStore {
  #rows = new Map<string, Row>()
  #log: Uint8Array[] = []
  #revision = 0
  /** What a crash leaves: these rows, and so many entries of the log. */
  #durable = { rows: new Map<string, Row>(), entries: 0, revision: 0 }

  get lastSeq(): number {
    return this.#log.length
  }

  get(key: RecordKey): Row | undefined {
    return this.#rows.get(nameOf(key))
  }

  scan(table: Table, prefix: Uint8Array, { after, limit }: Partial<ScanOptions> = {}): Row[] {
    const begin = `${table} ${toHex(prefix)}`
    const beyond = after === undefined ? '' : nameOf({ table, id: after })
    const found = [...this.#rows].filter(([name]) => name.startsWith(begin) && name > beyond)
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    return found.slice(0, limit).map(([, row]) => row)
  }

  log(after: number, limit: number): LogEntry[] {
    const entries = this.#log.slice(after, after + limit)
    return entries.map((entry, i) => ({ seq: after + i + 1, entry }))
  }

  /** Do it where its conditions hold. It is durable after the next `sync`. */
  apply({ conditions, writes, increments = [], entry }: Transaction): Committed {
    const rows = this.#rows
    if (!conditions.every((condition) => this.#isMet(condition))) return { ok: false }
    for (const { key, by } of increments) {
      if (countIn(rows.get(nameOf(key))) + by < 0) {
        throw new RangeError(`a counter would fall below 0: ${nameOf(key)}`)
      }
    }
    if (entry !== undefined) this.#log.push(entry)
    const seq = this.#log.length
    for (const { key, value } of writes) {
      const version = key.table === 'meta' ? ++this.#revision : seq
      if (value === undefined) rows.delete(nameOf(key))
      else rows.set(nameOf(key), { id: key.id, value, version })
    }
    for (const increment of increments) this.#increment(increment)
    return { ok: true, seq }
  }

  #isMet(condition: AnyCondition): boolean {
    if ('present' in condition) return this.#rows.has(nameOf(condition.present))
    if ('noneWithPrefix' in condition) {
      return this.scan(condition.table, condition.noneWithPrefix, { limit: 1 }).length === 0
    }
    return (this.#rows.get(nameOf(condition.key))?.version ?? 0) === condition.version
  }

  #increment({ key, by }: Increment): void {
    const name = nameOf(key)
    const sum = countIn(this.#rows.get(name)) + by
    if (sum === 0) return void this.#rows.delete(name)
    const value = new Uint8Array(8)
    new DataView(value.buffer).setBigUint64(0, BigInt(sum))
    this.#rows.set(name, { id: key.id, value, version: ++this.#revision })
  }

  sync(): void {
    const { rows } = this.#durable
    rows.clear()
    for (const [name, row] of this.#rows) rows.set(name, row)
    this.#durable = { rows, entries: this.#log.length, revision: this.#revision }
  }

  crash(): void {
    const { rows, entries, revision } = this.#durable
    this.#rows = new Map(rows)
    this.#log.length = entries
    this.#revision = revision
  }

  backup(): State {
    const { rows, entries, revision } = this.#durable
    return { rows: new Map(rows), log: this.#log.slice(0, entries), revision }
  }

  restore({ rows, log, revision }: State): void {
    this.#rows = new Map(rows)
    this.#log = [...log]
    this.#revision = revision
    this.sync()
  }
}

export type Backup = ReturnType<SimStore['backup']>
