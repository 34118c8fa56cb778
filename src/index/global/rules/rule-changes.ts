/** Sets, lists and removes rules (specs/004-index.md, R004-140). */
import { RULES } from '../../../limits.ts'
import { failure } from '../../failure.ts'
import type { Body, RemoveRule, RuleFacts, RuleTerms, SetRule } from '../../message.ts'
import { encodeRule, ruleLastRow, ruleRemovedRow, ruleRow } from '../../records/rule-record.ts'
import { faultOfPrefix, faultOfTerms } from '../../rule-terms.ts'
import { attempt, type Flow } from '../trees/flow.ts'
import type { Counting } from './counting.ts'
import type { RuleTable } from './rule-table.ts'
import { UNNAMED } from './subjects.ts'
import type { Usage } from './usage.ts'

export interface RuleChangesOptions {
  readonly table: RuleTable
  readonly usage: Usage
  readonly counting: Counting
  /** Bytes of what a rule charges that something else keeps, too; undefined: not counted yet. */
  readonly heldOtherwise: (rule: number) => number | undefined
  /** The clock of runs, whole milliseconds. */
  readonly clockMs: () => number
}

export class RuleChanges {
  readonly #options: RuleChangesOptions

  constructor(options: RuleChangesOptions) {
    this.#options = options
  }

  list(): RuleFacts[] {
    const { table, usage, counting, heldOtherwise } = this.#options
    return table.all.map((rule) => {
      const { prefix } = rule
      const { names, size, removed, lastMs } = usage.counted(rule.id)
      const held = heldOtherwise(rule.id)
      return {
        prefix: prefix === UNNAMED ? undefined : prefix,
        ...termsOf(rule),
        names,
        size,
        ...(held !== undefined && { heldOtherwise: Math.min(held, size) }),
        removed,
        ...(lastMs !== undefined && { lastRemovedMs: lastMs }),
        counting: counting.isRecounting(prefix),
      }
    })
  }

  *set({ prefix: named, terms }: SetRule): Flow<Body> {
    const { table, counting, clockMs } = this.#options
    const prefix = named ?? UNNAMED
    const fault =
      (named === undefined ? undefined : faultOfPrefix(named)) ??
      faultOfTerms(terms, named === undefined)
    if (fault !== undefined) return failure('usage', fault)
    const before = table.get(prefix)
    if (before === undefined && table.size >= RULES) {
      return failure('usage', `Global keeps at most ${RULES} rules`, 'remove one: dstore rule rm')
    }
    const { lastId } = counting
    const id = before?.id ?? lastId + 1
    // The time without use counts from when its use was first of interest.
    const sinceMs = before?.unusedMs === undefined ? clockMs() : before.sinceMs
    const record = { id, sinceMs, ...termsOf(terms) }
    const isNewOrder = before?.maxAgeMs === undefined && terms.maxAgeMs !== undefined
    const recount = before === undefined || isNewOrder ? counting.recount(prefix) : undefined
    yield* attempt({
      conditions: [],
      writes: [
        counting.begin(Math.max(id, lastId)),
        { key: ruleRow(named), value: encodeRule(record) },
        ...(recount ? [recount.write] : []),
      ],
    })
    table.set({ ...record, prefix })
    recount?.committed()
    return ACCEPTED
  }

  *remove({ prefix }: RemoveRule): Flow<Body> {
    const { table, usage, counting } = this.#options
    const rule = table.get(prefix ?? UNNAMED)
    if (rule === undefined) return failure('not-found', noSuchRule(prefix), SEE_ALL)
    const recount = counting.recount(rule.prefix, 'names-and-charges')
    const gone = [ruleRow(prefix), ruleRemovedRow(rule.id), ruleLastRow(rule.id)]
    yield* attempt({
      conditions: [],
      writes: [...gone.map((key) => ({ key, value: undefined })), recount.write],
    })
    recount.committed()
    table.delete(rule.prefix)
    usage.forget(rule.id)
    return ACCEPTED
  }
}

const SEE_ALL = '`dstore rule ls` lists the rules'

function noSuchRule(prefix: string | undefined): string {
  if (prefix === undefined) return 'there is no rule for values without a name'
  return prefix === '' ? 'there is no rule for all names' : `there is no rule for ${prefix}`
}

const ACCEPTED: Body = { type: 'accepted', keys: false }

const termsOf = ({ maxSize, maxAgeMs, unusedMs, maxNames }: RuleTerms): RuleTerms => ({
  ...(maxSize !== undefined && { maxSize }),
  ...(maxAgeMs !== undefined && { maxAgeMs }),
  ...(unusedMs !== undefined && { unusedMs }),
  ...(maxNames !== undefined && { maxNames }),
})
