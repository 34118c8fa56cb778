/**
 * May anything be deleted because it is too old by the wall clock (specs/004-index.md, R004-63)? A
 * state machine without I/O: it is shown the elapsed clock and the wall clock, and compares them.
 *
 * A wall clock that was set a month forward must not empty the log. So its time counts only once it
 * has agreed with the elapsed clock for a while, and while it lies near the newest time that was
 * trusted before, which outlives the process.
 */
import { WALL_LEAP_MS, WALL_SETTLED_MS } from '../../limits.ts'

/**
 * How far the two clocks may part within `WALL_SETTLED_MS`: 1 %, the up-time's error of a few
 * sleeps, and readings that come late.
 */
const TOLERANCE_MS = 10_000

/** One reading of both clocks. */
interface Reading {
  readonly elapsedMs: number
  readonly wallMs: number
}

/**
 * Why the wall clock is not trusted. `starting`: the run began a moment ago. `set`: the clock was
 * set a moment ago. `ahead`, `behind`: it is a day or more off the newest time that was trusted.
 */
export type WallDoubt =
  | { readonly why: 'starting' | 'set'; readonly leftMs: number }
  | { readonly why: 'ahead' | 'behind'; readonly byMs: number }

/** The wall time, and the run with the earliest time at which it can have begun. */
export interface Present {
  readonly wallMs: number
  readonly run: { readonly seq: number; readonly beganMs: number }
}

/** How often the newest trusted wall time is made durable. */
export const WALL_WRITE_MS = 3_600_000

export class WallTrust {
  /** The begin of the time in which the clocks have agreed. */
  #since: Reading
  #last: Reading
  readonly #settledMs: number
  #isSettled = false
  #wasSet = false
  /** The newest time that was trusted; undefined where there is none yet. */
  #newest: Reading | undefined

  /**
   * `newestMs`: the newest wall time that is known to be right. Undefined where there is none, or
   * where an administrator says that the wall clock is right. `settledMs`: how long the clocks
   * must have agreed.
   */
  constructor(now: Reading, newestMs: number | undefined, settledMs: number = WALL_SETTLED_MS) {
    this.#settledMs = settledMs
    this.#since = now
    this.#last = now
    if (newestMs !== undefined) this.#newest = { elapsedMs: now.elapsedMs, wallMs: newestMs }
  }

  observe(now: Reading): void {
    this.#last = now
    if (Math.abs(parted(this.#since, now)) > TOLERANCE_MS) {
      this.#since = now
      this.#isSettled = false
      this.#wasSet = true
    } else if (now.elapsedMs - this.#since.elapsedMs >= this.#settledMs) {
      // Clocks differ a little in pace, which must not add up over days.
      this.#since = now
      this.#isSettled = true
    }
    if (this.doubt === undefined) this.#newest = now
  }

  /** The wall time that was observed last, if something may be deleted by it. */
  get trustedMs(): number | undefined {
    return this.doubt === undefined ? this.#last.wallMs : undefined
  }

  get doubt(): WallDoubt | undefined {
    const offMs = this.#newest === undefined ? 0 : parted(this.#newest, this.#last)
    if (Math.abs(offMs) >= WALL_LEAP_MS) {
      return { why: offMs > 0 ? 'ahead' : 'behind', byMs: Math.abs(offMs) }
    }
    if (this.#isSettled) return undefined
    const leftMs = this.#settledMs - (this.#last.elapsedMs - this.#since.elapsedMs)
    return { why: this.#wasSet ? 'set' : 'starting', leftMs }
  }
}

/** By how much the wall clock moved further than the elapsed clock. */
function parted(from: Reading, to: Reading): number {
  return to.wallMs - from.wallMs - (to.elapsedMs - from.elapsedMs)
}
