/** What a rule may be (specs/004-index.md, R004-140). */
import { NAME_BYTES } from '../limits.ts'
import type { RuleTerms } from './rule-messages.ts'
import { isName } from './name.ts'

/** Why this is no prefix of names; undefined if it is one. The empty one is that of every name. */
export function faultOfPrefix(prefix: string): string | undefined {
  if (prefix === '') return undefined
  // A prefix need not be a name: it may read as a key.
  if (isName(prefix) || isName(`${prefix}/`)) return undefined
  return `not a prefix of names: it has more than ${NAME_BYTES} bytes, or control characters`
}

/** Why these are no bounds; undefined if they are. `isUnnamed`: of values without a name. */
export function faultOfTerms(terms: RuleTerms, isUnnamed: boolean): string | undefined {
  const bounds = Object.entries(terms).filter(([, bound]) => bound !== undefined)
  if (bounds.length === 0) return 'a rule needs a bound'
  if (bounds.some(([, bound]) => !Number.isSafeInteger(bound) || bound < 1)) {
    return 'a bound is a whole number from 1 on'
  }
  if (isUnnamed && bounds.some(([name]) => name !== 'unusedMs')) {
    return 'values without a name are bounded by the time since their last use only'
  }
  return undefined
}
