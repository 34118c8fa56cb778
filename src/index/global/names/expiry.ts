/**
 * Unbinds names that have expired (specs/004-index.md, R004-128), in the order of their times, a
 * few at a time, and only by wall time that is trusted: a clock that is wrong hides names for a
 * while.
 */
import { EXPIRY_ROWS, expiryOf } from '../../records/expiry-record.ts'
import type { Rules } from '../../rules.ts'
import { scan, type Flow, type FlowRunner } from '../trees/flow.ts'
import { dropName, type DropOptions } from './drop-name.ts'

/** Names that are looked at in one go. */
const AT_ONCE = 64

/** How long it rests after the store could not do its work. */
const RETRY_MS = 1000

export interface ExpiryOptions {
  readonly flows: FlowRunner
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  readonly rules: Rules
  readonly onCascade: DropOptions['onCascade']
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
    const { now, wall, rules, flows } = this.#options
    const trustedMs = rules.expiryTrusted ? trusted : wall()
    if (trustedMs === undefined || trustedMs < this.#nextMs) return
    if (this.#isRunning || now() < this.#restsUntil) return
    this.#isRunning = true
    // A name whose expiry becomes durable meanwhile lowers it.
    this.#nextMs = Infinity
    flows.run(
      this.#drop(trustedMs),
      (nextMs) => {
        this.#isRunning = false
        this.expiring(nextMs)
      },
      () => {
        this.#isRunning = false
        this.#nextMs = 0
        this.#restsUntil = now() + RETRY_MS
      },
    )
  }

  /** Gives the time of the next expiry. */
  *#drop(trustedMs: number): Flow<number> {
    const rows = yield* scan('meta', EXPIRY_ROWS, AT_ONCE)
    for (const { id } of rows) {
      const { atMs, name } = expiryOf({ id })
      if (atMs > trustedMs) return atMs
      yield* dropName(name, {
        why: 'expired',
        // Bound again, moved or put off, it expires at another time or never.
        isDue: ({ expiresMs }) => expiresMs === atMs || !this.#options.rules.expiryDepends,
        writes: [{ key: { table: 'meta', id }, value: undefined }],
        onCascade: this.#options.onCascade,
      })
    }
    return rows.length < AT_ONCE ? Infinity : trustedMs
  }
}
