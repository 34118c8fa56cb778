/**
 * The store of a simulated Global: records and log, with syncs that take time and crashes that lose what was not
 * synced. Values have no bytes here: a location is a name.
 */
import { toHex } from '../../src/bytes.ts'
import type { LogEntry, RecordKey, Row, Transaction } from '../../src/store/store.ts'

export type Committed = { readonly ok: true; readonly seq: number } | { readonly ok: false }

interface State {
  readonly rows: Map<string, Row>
  readonly log: readonly Uint8Array[]
  readonly revision: number
}

const copy = ({ rows, log, revision }: State): State => ({ rows: new Map(rows), log, revision })

const nameOf = ({ table, id }: RecordKey): string => `${table} ${toHex(id)}`

export class SimStore {
  #state: State = { rows: new Map(), log: [], revision: 0 }
  /** What a crash leaves. */
  #durable: State = copy(this.#state)

  get lastSeq(): number {
    return this.#state.log.length
  }

  get(key: RecordKey): Row | undefined {
    return this.#state.rows.get(nameOf(key))
  }

  scan(table: string, prefix: Uint8Array): Row[] {
    const begin = `${table} ${toHex(prefix)}`
    return [...this.#state.rows].filter(([name]) => name.startsWith(begin)).map(([, row]) => row)
  }

  log(after: number, limit: number): LogEntry[] {
    const entries = this.#state.log.slice(after, after + limit)
    return entries.map((entry, i) => ({ seq: after + i + 1, entry }))
  }

  /** Do it where its conditions hold. It is durable after the next `sync`. */
  apply({ conditions, writes, entry }: Transaction): Committed {
    const { rows } = this.#state
    for (const { key, version } of conditions) {
      if ((rows.get(nameOf(key))?.version ?? 0) !== version) return { ok: false }
    }
    const log = entry === undefined ? this.#state.log : [...this.#state.log, entry]
    let { revision } = this.#state
    for (const { key, value } of writes) {
      const version = key.table === 'meta' ? ++revision : log.length
      if (value === undefined) rows.delete(nameOf(key))
      else rows.set(nameOf(key), { id: key.id, value, version })
    }
    this.#state = { rows, log, revision }
    return { ok: true, seq: log.length }
  }

  sync(): void {
    this.#durable = copy(this.#state)
  }

  crash(): void {
    this.#state = copy(this.#durable)
  }

  backup(): State {
    return copy(this.#durable)
  }

  restore(backup: State): void {
    this.#state = copy(backup)
    this.#durable = copy(backup)
  }
}

export type Backup = ReturnType<SimStore['backup']>
