/**
 * The store of a simulated Global: records and log, with syncs that take time and crashes that lose
 * what was not synced. Values have no bytes here: a location is a name.
 */
import { toHex } from '../../src/bytes.ts'
import { withCounters } from '../../src/store/counters.ts'
import type { Condition, LogEntry, RecordKey, Row, Transaction } from '../../src/store/store.ts'

export type Committed = { readonly ok: true; readonly seq: number } | { readonly ok: false }

interface State {
  readonly rows: ReadonlyMap<string, Row>
  readonly log: readonly Uint8Array[]
  readonly revision: number
}

const nameOf = ({ table, id }: RecordKey): string => `${table} ${toHex(id)}`

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

  scan(table: string, prefix: Uint8Array): Row[] {
    const begin = `${table} ${toHex(prefix)}`
    return [...this.#rows].filter(([name]) => name.startsWith(begin)).map(([, row]) => row)
  }

  /** Rows in the order of their ids, after one of them. */
  page(table: string, prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Row[] {
    const begin = `${table} ${toHex(prefix)}`
    const last = after === undefined ? begin : `${table} ${toHex(after)}`
    const names: string[] = []
    for (const name of this.#rows.keys()) {
      const isAfter = after === undefined ? name >= last : name > last
      if (isAfter && name.startsWith(begin)) names.push(name)
    }
    return names
      .toSorted()
      .slice(0, limit)
      .map((name) => this.#rows.get(name)!)
  }

  log(after: number, limit: number): LogEntry[] {
    const entries = this.#log.slice(after, after + limit)
    return entries.map((entry, i) => ({ seq: after + i + 1, entry }))
  }

  /** Do it where its conditions hold. It is durable after the next `sync`. */
  apply(transaction: Transaction): Committed {
    const { conditions, entry } = transaction
    const rows = this.#rows
    if (!conditions.every((condition) => this.#holds(condition))) return { ok: false }
    const writes = withCounters(transaction, (key) => rows.get(nameOf(key))?.value)
    if (entry !== undefined) this.#log.push(entry)
    const seq = this.#log.length
    for (const { key, value } of writes) {
      const version = key.table === 'meta' ? ++this.#revision : seq
      if (value === undefined) rows.delete(nameOf(key))
      else rows.set(nameOf(key), { id: key.id, value, version })
    }
    return { ok: true, seq }
  }

  #holds(condition: Condition): boolean {
    if ('present' in condition) return this.#rows.has(nameOf(condition.present))
    if ('noneWithPrefix' in condition) {
      return this.scan(condition.table, condition.noneWithPrefix).length === 0
    }
    return (this.#rows.get(nameOf(condition.key))?.version ?? 0) === condition.version
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
