/** The rules of Global for names under a prefix (specs/004-index.md, "Rules: lifecycle"). */
import type { CallOptions } from './call-options.ts'

/** What a rule bounds. At least one bound; missing ones do not apply. */
export interface RuleBounds {
  /** Bytes of the values of all names under the prefix, a directory by its total. */
  readonly maxSize?: number
  /** Since the name was bound, in milliseconds. */
  readonly maxAgeMs?: number
  /** Since the name was last used, in milliseconds. */
  readonly unusedMs?: number
  readonly maxNames?: number
}

/** A rule, and what it holds now. */
export interface RuleState extends RuleBounds {
  /** Undefined: the rule for values without a name, which has `unusedMs` only. */
  readonly prefix: string | undefined
  readonly names: number
  /** Bytes that it charges. */
  readonly size: number
  /** Of those, bytes that something outside the rule keeps, too; undefined: not counted yet. */
  readonly heldOtherwise: number | undefined
  /** Names that it has unbound. */
  readonly removed: number
  /** When it last unbound one; ISO 8601. */
  readonly lastRemovedAt: string | undefined
  /** Names from before the rule are still being counted; until then it bounds nothing. */
  readonly counting: boolean
}

/** Rules are the admins'. Errors: `not-permitted`, `usage`, `not-found`; those of `NodeIndex`. */
export interface NodeRules {
  /** Sets or replaces the rule of a prefix; undefined: of values without a name. */
  set(prefix: string | undefined, bounds: RuleBounds, options?: CallOptions): Promise<void>

  list(options?: CallOptions): Promise<readonly RuleState[]>

  remove(prefix: string | undefined, options?: CallOptions): Promise<void>
}
