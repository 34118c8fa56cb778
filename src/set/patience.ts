/**
 * How long no member was heard, as far as the engine confirmed it: a state machine without I/O
 * (specs/012-set.md, R012-4 to 6). Times are of a clock that never runs ahead of real time.
 */
import { SET_TAKE_OVER_MS } from '../limits.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'

/** A look at the end of the journal that the engine answered. */
export interface Look {
  readonly askedAt: number
  readonly answeredAt: number
  /** The journal's last position. */
  readonly end: number
  /** Has this member read all up to there? */
  readonly isCaughtUp: boolean
}

export class Patience {
  readonly #rules: SetRules
  #end: number | undefined
  #silentMs = 0
  /** When the last look was answered; undefined after one that failed. */
  #heardAt: number | undefined

  constructor(rules: SetRules = ALL_SET_RULES) {
    this.#rules = rules
  }

  /** Silence so far, in milliseconds. */
  get silentMs(): number {
    return this.#silentMs
  }

  /** Was no member heard for so long that another member may take over? */
  get isOver(): boolean {
    return this.#silentMs >= SET_TAKE_OVER_MS
  }

  /**
   * Between the answer to the last look and the question of this one nothing was appended, if both
   * show the same end.
   */
  looked({ askedAt, answeredAt, end, isCaughtUp }: Look): void {
    const since = this.#heardAt
    if (end !== this.#end || !isCaughtUp) this.#silentMs = 0
    else if (since !== undefined) this.#silentMs += Math.max(0, askedAt - since)
    this.#end = end
    this.#heardAt = answeredAt
  }

  /** The engine did not answer: until it does, nothing is known. */
  failed(): void {
    if (this.#rules.confirmsSilence) this.#heardAt = undefined
  }

  reset(): void {
    this.#end = undefined
    this.#silentMs = 0
    this.#heardAt = undefined
  }
}
