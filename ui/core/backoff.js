/**
 * How long to wait before a connection is tried again.
 * @module
 */

const FIRST_MS = 500
const MOST_MS = 10_000

/**
 * Twice as long with each failure, up to ten seconds, and by up to a fifth less: pages that lost
 * the same daemon do not come back together.
 * @param {number} failures in sequence, from 1
 * @param {number} random from 0 to 1
 * @returns {number} milliseconds
 */
export function backoffMs(failures, random) {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1))
  return Math.round(whole * (1 - random / 5))
}
