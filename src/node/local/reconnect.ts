/** When to dial again: exponential backoff with a cap and jitter, which a caller can cut short. */
import {
  FAILOVER_REDIAL_MS,
  REDIAL_FIRST_MS,
  REDIAL_PATIENCE_MS,
  REFUSED_REDIAL_MS,
} from '../../limits.ts'
import { pause } from '../../deadline.ts'
import type { DstoreError } from '../../errors.ts'

/** The cap of the backoff, in milliseconds. */
export const REDIAL_MOST_MS: number = 5000

/**
 * Milliseconds to wait before attempt number `attempt`, from 1, after the link was lost: doubles
 * each time up to the cap, times a random factor between a half and one.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(REDIAL_MOST_MS, REDIAL_FIRST_MS * 2 ** Math.min(attempt - 1, 30))
  return most * (0.5 + random() / 2)
}

/** How long to wait after an attempt that ended with this error, where the backoff is this. */
export function redialMs(backoff: number, error: DstoreError, isFailingOver: boolean): number {
  // A refusal needs an administrator to fix it.
  if (error.code === 'not-permitted') return Math.max(backoff, REFUSED_REDIAL_MS)
  return isFailingOver ? Math.min(backoff, FAILOVER_REDIAL_MS) : backoff
}

/** The waits between attempts to connect. */
export class Reconnect {
  readonly #now: () => number
  #startedAt = -Infinity
  /** Aborted when the current attempt, or else the next one, has ended. */
  #attempt = new AbortController()
  #wait: { readonly end: () => void; isShortened: boolean } | undefined
  #dialling: Promise<void> | undefined

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  attemptStarted(): void {
    this.#startedAt = this.#now()
  }

  /** The attempt ended, with a connection or without. */
  attemptEnded(): void {
    this.#attempt.abort()
    this.#attempt = new AbortController()
  }

  /** Waits before the next attempt. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const wait = new AbortController()
    this.#wait = { end: () => wait.abort(), isShortened: false }
    await pause(ms, AbortSignal.any([signal, wait.signal]))
    this.#wait = undefined
  }

  /**
   * Starts the next attempt now, but not within `REDIAL_FIRST_MS` of the last. Resolves when the
   * current attempt has ended, or `REDIAL_PATIENCE_MS` after its start; at once if that time is
   * over, or the next attempt must wait.
   */
  dialNow(): Promise<void> {
    const wait = this.#wait
    const elapsedMs = this.#now() - this.#startedAt
    if (wait !== undefined) {
      const earlyMs = REDIAL_FIRST_MS - elapsedMs
      if (!wait.isShortened) setTimeout(wait.end, Math.max(0, earlyMs))
      wait.isShortened = true
      if (earlyMs > 0) return Promise.resolve()
    } else if (elapsedMs >= REDIAL_PATIENCE_MS) {
      return Promise.resolve()
    }
    const patienceMs = wait === undefined ? REDIAL_PATIENCE_MS - elapsedMs : REDIAL_PATIENCE_MS
    this.#dialling ??= pause(patienceMs, this.#attempt.signal).finally(
      () => (this.#dialling = undefined),
    )
    return this.#dialling
  }
}
