/** Trims log entries past the retention limits (specs/004-index.md, R004-34). */
import { asDstoreError } from '../../errors.ts'
import { decodeChange, decodeRemoved, removedRow } from '../../index/records/record.ts'
import { BATCH_ITEMS, LOG_AGE_MS, LOG_CHANGES } from '../../limits.ts'
import type { Store } from '../../store/store.ts'
import type { Log } from '../../log.ts'

/** Between two runs: short enough that each trims little. */
const EVERY_MS = 60_000

export interface RetentionLimits {
  readonly changes: number
  readonly ageMs: number
}

export class LogRetention {
  readonly #store: Store
  readonly #onTrim: (upto: number) => void
  readonly #limits: RetentionLimits
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    store: Store,
    log: Log,
    onTrim: (upto: number) => void,
    limits: RetentionLimits = { changes: LOG_CHANGES, ageMs: LOG_AGE_MS },
  ) {
    this.#store = store
    this.#onTrim = onTrim
    this.#limits = limits
    this.#timer = setInterval(() => {
      this.#running = this.run(Date.now()).catch((error: unknown) => {
        if (!this.#closed)
          log.warn('the log was not trimmed', { error: asDstoreError(error).message })
      })
    }, EVERY_MS)
    this.#timer.unref()
  }

  /** Trims everything that is too old or too much, oldest first. `nowMs`: wall-clock time. */
  async run(nowMs: number): Promise<void> {
    for (;;) {
      const entries = await this.#store.log(0, BATCH_ITEMS)
      const lastSeq = await this.#store.lastSeq()
      const { changes, ageMs } = this.#limits
      const old = entries
        .map(({ seq, entry }) => ({ seq, ...decodeChange(entry) }))
        .filter(({ seq, atMs }) => seq <= lastSeq - changes || atMs < nowMs - ageMs)
      // Entries before an old one go too, even if the wall clock jumped.
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
