/**
 * Unbinds names that have expired (specs/004-index.md, R004-128), in the order of their times, a
 * few at a time, and only by wall time that is trusted: a clock that is wrong hides names for a
 * while.
 */
import type { Row } from '../../../store/store.ts'
import { EXPIRY_ROWS, expiryOf } from '../../records/expiry-record.ts'
import type { Rules } from '../../rules.ts'
import { scan, type Flow, type FlowRunner } from '../trees/flow.ts'
import type { OnCascade } from '../trees/key-removal.ts'
import { dropName } from './drop-name.ts'

/** Names that are looked at in one go. */
const PAGE = 256

/** Names that are unbound at the same time, which share a sync of the disk. */
const AT_ONCE = 16

/** How long it rests after the store could not do its work. */
const RETRY_MS = 1000

export interface ExpiryOptions {
  readonly flows: FlowRunner
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  readonly rules: Rules
  readonly onCascade: OnCascade
}

export class Expiry {
  readonly #options: ExpiryOptions
  /** No name expires before this time. */
  #nextMs = 0
  #isRunning = false
  #restsUntil = -Infinity

  constructor(options: ExpiryOptions) {
    this.#options = options
  }

  /** A name expires at this time, durably. */
  expiring(atMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, atMs)
  }

  /** `trusted`: the wall time, if something may be deleted by it. */
  tick(trusted: number | undefined): void {
    const { now, wall, rules } = this.#options
    const trustedMs = rules.expiryTrusted ? trusted : wall()
    if (trustedMs === undefined || trustedMs < this.#nextMs) return
    if (this.#isRunning || now() < this.#restsUntil) return
    this.#isRunning = true
    // A name whose expiry becomes durable meanwhile lowers it.
    this.#nextMs = Infinity
    this.#dropSome(trustedMs)
  }

  /** One page after the other, as long as a whole page is due. */
  #dropSome(trustedMs: number): void {
    const { flows, now } = this.#options
    const failed = (): void => {
      this.#isRunning = false
      this.#nextMs = 0
      this.#restsUntil = now() + RETRY_MS
    }
    flows.run(
      scan('meta', EXPIRY_ROWS, PAGE),
      (rows) => {
        const due = rows.filter((row) => expiryOf(row).atMs <= trustedMs)
        const next = rows[due.length]
        const done = (): void => {
          if (due.length === PAGE) return this.#dropSome(trustedMs)
          this.#isRunning = false
          if (next !== undefined) this.expiring(expiryOf(next).atMs)
        }
        flows.runAll(due, { atOnce: AT_ONCE, begin: (row) => this.#drop(row) }, done, failed)
      },
      failed,
    )
  }

  #drop(row: Row): Flow<unknown> {
    const { atMs, name } = expiryOf(row)
    const { rules, onCascade } = this.#options
    return dropName(name, {
      why: 'expired',
      // Bound again, moved or put off, it expires at another time or never.
      isDue: ({ expiresMs }) => expiresMs === atMs || !rules.expiryDepends,
      writes: [{ key: { table: 'meta', id: row.id }, value: undefined }],
      onCascade,
    })
  }
}
