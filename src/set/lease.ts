/**
 * Until when a member may answer: a state machine without I/O (specs/012-set.md, R012-10 to 12).
 * Times are of a clock that never lags behind real time.
 */
import { SET_HEARTBEAT_MS, SET_SERVE_MS } from '../limits.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'

export class Lease {
  readonly #rules: SetRules
  /** When the last append that was acknowledged was sent. */
  #renewedAt = -Infinity
  #sentAt = -Infinity
  #isOver = false

  constructor(rules: SetRules = ALL_SET_RULES) {
    this.#rules = rules
  }

  /** An append goes out. */
  sent(now: number): void {
    this.#sentAt = Math.max(this.#sentAt, now)
  }

  /** The engine acknowledged an append that was sent at this time. */
  acknowledged(sentAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, sentAt)
  }

  /** Another member has begun an epoch. */
  end(): void {
    this.#isOver = true
  }

  mayServe(now: number): boolean {
    if (!this.#rules.leases) return true
    return !this.#isOver && now - this.#renewedAt < SET_SERVE_MS
  }

  /** How long it may not serve any more; 0 while it may. */
  pausedMs(now: number): number {
    if (this.mayServe(now)) return 0
    return this.#renewedAt === -Infinity ? Infinity : now - this.#renewedAt - SET_SERVE_MS
  }

  /** When the last acknowledged append was sent. */
  get renewedAt(): number {
    return this.#renewedAt
  }

  /** When the next heartbeat is due, unless something else is appended before. */
  get heartbeatAt(): number {
    return this.#sentAt + SET_HEARTBEAT_MS
  }
}
