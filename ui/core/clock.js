/**
 * The daemon's wall clock, by which ages are told: the browser's may be that of another machine, at
 * the other end of a tunnel, or wrong.
 * @module
 */

/** The daemon tells whole seconds, and an answer takes a while: less is no difference. */
const LEAST_MS = 3000

/** What the daemon's clock is ahead of the browser's. */
let aheadMs = 0

/**
 * Compares the clocks.
 * @param {string | null} date The header `Date` of an answer that has just come.
 */
export function hearTime(date) {
  const ms = Date.parse(date ?? '') - Date.now()
  if (Math.abs(ms - aheadMs) >= LEAST_MS) aheadMs = ms
}

/** Milliseconds since 1970, by the daemon's clock. */
export const now = () => Date.now() + aheadMs
