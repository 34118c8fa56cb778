/**
 * Deletes what is past its retention: entries of the log (specs/004-index.md, R004-34), and partial
 * uploads (R005-43). By age only while wall time is trusted (R004-63).
 */
import { asDstoreError } from '../../errors.ts'
import type { Present } from '../../index/global/wall-trust.ts'
import { decodeChange } from '../../index/records/change-record.ts'
import { decodeRemoved, removedRow } from '../../index/records/record.ts'
import { BATCH_ITEMS, LOG_AGE_MS, LOG_CHANGES } from '../../limits.ts'
import type { LogEntry, Store } from '../../store/store.ts'
import type { Log } from '../../log.ts'

/** Between two runs: short enough that each trims little. */
const EVERY_MS = 60_000

const LIMITS: RetentionLimits = { changes: LOG_CHANGES, ageMs: LOG_AGE_MS }

export interface RetentionLimits {
  readonly changes: number
  readonly ageMs: number
}

export interface RetentionOptions {
  readonly store: Store
  readonly log: Log
  readonly onTrim: (upto: number) => void
  /** Undefined while wall time is not trusted. */
  readonly present: () => Present | undefined
  readonly limits?: RetentionLimits
}

export class LogRetention {
  readonly #store: Store
  readonly #onTrim: (upto: number) => void
  readonly #limits: RetentionLimits
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()
  #closed = false

  constructor({ store, log, onTrim, present, limits = LIMITS }: RetentionOptions) {
    this.#store = store
    this.#onTrim = onTrim
    this.#limits = limits
    this.#timer = setInterval(() => {
      this.#running = this.run(present()).catch((error: unknown) => {
        if (!this.#closed)
          log.warn('the log was not trimmed', { error: asDstoreError(error).message })
      })
    }, EVERY_MS)
    this.#timer.unref()
  }

  /** Deletes everything that is too old or too much, oldest first. */
  async run(present: Present | undefined): Promise<void> {
    if (present !== undefined) await this.#store.expire(present.wallMs)
    for (;;) {
      const entries = await this.#store.log(0, BATCH_ITEMS)
      const lastSeq = await this.#store.lastSeq()
      const { changes, ageMs } = this.#limits
      const oldest = present === undefined ? -Infinity : present.wallMs - ageMs
      const old = dated(entries, present).filter(
        ({ seq, atMs }) => seq <= lastSeq - changes || atMs < oldest,
      )
      const upto = old.at(-1)?.seq
      if (upto === undefined || this.#closed) return
      await this.#forget(upto, old)
      await this.#store.trim(upto)
      this.#onTrim(upto)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#running
  }

  /** Deletes the marks of removals that are trimmed. */
  async #forget(
    upto: number,
    old: readonly { readonly change: ReturnType<typeof decodeChange>['change'] }[],
  ): Promise<void> {
    const removed = old.flatMap(({ change }) => (change.type === 'remove' ? [change.digest] : []))
    if (removed.length === 0) return
    const keys = removed.map(removedRow)
    const rows = await this.#store.rows(keys)
    const stale = rows.flatMap((row, i) =>
      row !== undefined && decodeRemoved(row).seq <= upto ? [{ key: keys[i]!, row }] : [],
    )
    const conditions = stale.map(({ key, row }) => ({ key, version: row.version }))
    const writes = stale.map(({ key }) => ({ key, value: undefined }))
    if (writes.length > 0) await this.#store.commit({ conditions, writes, entry: undefined })
  }
}

/**
 * Entries with the earliest time at which each can have been written, whatever the wall clock said:
 * not before the entry before it, and in this run not before the run (R004-65).
 */
function dated(entries: readonly LogEntry[], present: Present | undefined) {
  let earliest = -Infinity
  return entries.map(({ seq, entry }) => {
    const { change, atMs } = decodeChange(entry)
    if (present !== undefined && seq >= present.run.seq) {
      earliest = Math.max(earliest, present.run.beganMs)
    }
    earliest = Math.max(earliest, atMs)
    return { seq, change, atMs: earliest }
  })
}
