/** Messages about rules and the use of names (specs/004-index.md, "Rules: lifecycle"). */
import type { Digest } from './value-messages.ts'

/** What a rule bounds; at least one of them. */
export interface RuleTerms {
  /** Bytes. */
  readonly maxSize?: number
  /** Milliseconds. */
  readonly maxAgeMs?: number
  readonly unusedMs?: number
  readonly maxNames?: number
}

/** Sets or replaces the rule of a prefix. */
export interface SetRule {
  readonly type: 'set-rule'
  /** Undefined: of values without a name. */
  readonly prefix: string | undefined
  readonly terms: RuleTerms
}

export interface RemoveRule {
  readonly type: 'remove-rule'
  readonly prefix: string | undefined
}

/** The answer to a request that has nothing to tell. */
export interface Accepted {
  readonly type: 'accepted'
  /** To a report of use: reports of keys are wanted, too. */
  readonly keys: boolean
}

/** Asks for every rule. */
export interface RulesRequest {
  readonly type: 'rules'
}

export interface RuleList {
  readonly type: 'rule-list'
  readonly items: readonly RuleFacts[]
}

/** A rule, and what it holds now. */
export interface RuleFacts extends RuleTerms {
  readonly prefix: string | undefined
  readonly names: number
  /** Bytes. */
  readonly size: number
  /** Of those, bytes that something outside the rule keeps, too; undefined: not counted yet. */
  readonly heldOtherwise?: number
  /** Names that it has unbound. */
  readonly removed: number
  /** When it last did: wall clock, in milliseconds. */
  readonly lastRemovedMs?: number
  /** The names that were there before the rule are still being counted. */
  readonly counting: boolean
}

/** Tells Global what was used at a Local. */
export interface ReportUse {
  readonly type: 'report-use'
  readonly names: readonly string[]
  /** Of values that were asked for by key. */
  readonly digests: readonly Digest[]
}

export type RuleRequest = SetRule | RemoveRule | RulesRequest | ReportUse

/** The answers to these. */
export interface RuleAnswers {
  readonly 'set-rule': Accepted
  readonly 'remove-rule': Accepted
  readonly rules: RuleList
  readonly 'report-use': Accepted
}
