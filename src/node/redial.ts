/** When to dial again: soon at first, ever later, never later than a cap, and never two nodes in step. */
import { REDIAL_FIRST_MS, REDIAL_MOST_MS } from '../limits.ts'

/**
 * Milliseconds before attempt number `attempt`, from 1, after the link was lost: doubled each time up to the cap, and
 * of that a random part from a half to all.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(REDIAL_MOST_MS, REDIAL_FIRST_MS * 2 ** Math.min(attempt - 1, 30))
  return most * (0.5 + random() / 2)
}
