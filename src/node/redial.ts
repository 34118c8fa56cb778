/**
 * When to dial Global again: for ever, sooner at first, later as it goes on failing, and never all Locals at once. A
 * state machine without I/O: it is told what happened and answers what to do; time and randomness are handed in.
 */
import { REDIAL_FIRST_MS, REDIAL_LONGEST_MS, REDIAL_STEADY_MS } from '../limits.ts'

export type RedialEvent =
  /** Begin, or a caller wants it now instead of when the wait is over. */
  | 'wanted'
  /** The wait that was asked for is over. */
  | 'due'
  | 'connected'
  /** The dial failed. */
  | 'failed'
  /** The connection that stood is gone. */
  | 'lost'

export type RedialAction =
  | { readonly kind: 'dial' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'none' }

export type RedialState = 'idle' | 'dialling' | 'waiting' | 'connected'

const NONE: RedialAction = { kind: 'none' }

export class Redial {
  readonly #random: () => number
  #state: RedialState = 'idle'
  #connectedAt = 0
  /** How often it went wrong since a connection last stood for long. */
  #failures = 0

  /** `random` gives numbers from 0 up to 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  get state(): RedialState {
    return this.#state
  }

  /** `now` is a clock in milliseconds that never goes back. An event that does not fit the state is late: ignored. */
  on(event: RedialEvent, now: number): RedialAction {
    switch (event) {
      case 'wanted':
        return this.#state === 'idle' || this.#state === 'waiting' ? this.#dial() : NONE
      case 'due':
        return this.#state === 'waiting' ? this.#dial() : NONE
      case 'connected':
        if (this.#state === 'dialling') {
          this.#state = 'connected'
          this.#connectedAt = now
        }
        return NONE
      case 'failed':
        return this.#state === 'dialling' ? this.#wait() : NONE
      case 'lost':
        return this.#state === 'connected' ? this.#lost(now) : NONE
      default:
        throw new TypeError('event: not one of a redial')
    }
  }

  #lost(now: number): RedialAction {
    if (now - this.#connectedAt >= REDIAL_STEADY_MS) this.#failures = 0
    return this.#wait()
  }

  #dial(): RedialAction {
    this.#state = 'dialling'
    return { kind: 'dial' }
  }

  /** Doubling, cut at the longest, then anything from half of it to all of it. */
  #wait(): RedialAction {
    this.#state = 'waiting'
    const whole = Math.min(REDIAL_FIRST_MS * 2 ** this.#failures, REDIAL_LONGEST_MS)
    this.#failures++
    return { kind: 'wait', ms: whole * (0.5 + this.#random() / 2) }
  }
}
