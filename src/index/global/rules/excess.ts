/** What a rule has too much of, at a moment (specs/004-index.md, R004-144 and R004-149). Pure. */
import { UNUSED_AFTER_MS } from '../../../limits.ts'
import type { Excess } from './enforcement.ts'
import type { PrefixRule } from './rule-table.ts'
import type { Amount } from './usage.ts'

/** A rule that is full gets this share of its bounds free at once, so that few puts wait. */
const SPARE = 1 / 64

const ALL: Amount = { names: Infinity, size: Infinity }

/** Does this exceed the bounds? */
export const isOver = (
  { maxNames = Infinity, maxSize = Infinity }: PrefixRule,
  { names, size }: Amount,
): boolean => names > maxNames || size > maxSize

/** What is to go of this much, with something to spare; undefined if it is within the bounds. */
export function excessOf(rule: PrefixRule, expected: Amount): Amount | undefined {
  if (!isOver(rule, expected)) return undefined
  const { maxNames = Infinity, maxSize = Infinity } = rule
  const over = (much: number, most: number): number =>
    much > most ? much - most + Math.floor(most * SPARE) : 0
  return { names: over(expected.names, maxNames), size: over(expected.size, maxSize) }
}

export interface Moment {
  /** The clock of runs. */
  readonly clockMs: number
  /** How long this run has lasted. */
  readonly hasRunMs: number
  /** The wall time, if something may be deleted by it. */
  readonly trustedMs: number | undefined
}

/** The names of a rule whose time is over. */
export function overdue(
  rule: PrefixRule,
  { clockMs, hasRunMs, trustedMs }: Moment,
): readonly Excess[] {
  const { maxAgeMs, unusedMs, sinceMs } = rule
  const due: Excess[] = []
  if (maxAgeMs !== undefined && trustedMs !== undefined) {
    due.push({ rule, order: 'age', untilMs: trustedMs - maxAgeMs, most: ALL })
  }
  if (unusedMs !== undefined && hasRunMs >= UNUSED_AFTER_MS && clockMs - unusedMs >= sinceMs) {
    due.push({ rule, order: 'use', untilMs: clockMs - unusedMs, most: ALL })
  }
  return due
}
