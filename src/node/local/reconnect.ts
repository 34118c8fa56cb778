/** When to dial again: soon at first, ever later, never later than a cap, and never two nodes in step. */
import { REDIAL_FIRST_MS, REDIAL_PATIENCE_MS } from '../../limits.ts'
import { pause } from '../../deadline.ts'

/** How long it waits at most, however long Global has been away. */
export const REDIAL_MOST_MS: number = 5000

/**
 * Milliseconds before attempt number `attempt`, from 1, after the link was lost: doubled each time up to the cap, and
 * of that a random part from a half to all.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(REDIAL_MOST_MS, REDIAL_FIRST_MS * 2 ** Math.min(attempt - 1, 30))
  return most * (0.5 + random() / 2)
}

/** The waits between attempts to connect, which somebody who wants the connection cuts short. */
export class Reconnect {
  readonly #now: () => number
  #begunAt = -Infinity
  /** Aborted when the attempt that is under way, or comes next, has ended. */
  #attempt = new AbortController()
  #rest: { readonly end: () => void; isHurried: boolean } | undefined
  #hurried: Promise<void> | undefined

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** An attempt begins. */
  begins(): void {
    this.#begunAt = this.#now()
  }

  /** It has ended: there is a connection, or there is none. */
  ended(): void {
    this.#attempt.abort()
    this.#attempt = new AbortController()
  }

  /** The wait before the next attempt. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const rest = new AbortController()
    this.#rest = { end: () => rest.abort(), isHurried: false }
    await pause(ms, AbortSignal.any([signal, rest.signal]))
    this.#rest = undefined
  }

  /**
   * Make the next attempt now, but none within `REDIAL_FIRST_MS` of the last. Resolves when the one that is under way has
   * ended, or had `REDIAL_PATIENCE_MS` to; at once where it has had them, or the next has to wait.
   */
  dialNow(): Promise<void> {
    const rest = this.#rest
    const begunMs = this.#now() - this.#begunAt
    if (rest !== undefined) {
      const earlyMs = REDIAL_FIRST_MS - begunMs
      if (!rest.isHurried) setTimeout(rest.end, Math.max(0, earlyMs))
      rest.isHurried = true
      if (earlyMs > 0) return Promise.resolve()
    } else if (begunMs >= REDIAL_PATIENCE_MS) {
      return Promise.resolve()
    }
    const patienceMs = rest === undefined ? REDIAL_PATIENCE_MS - begunMs : REDIAL_PATIENCE_MS
    this.#hurried ??= pause(patienceMs, this.#attempt.signal).finally(
      () => (this.#hurried = undefined),
    )
    return this.#hurried
  }
}
