/** The calls about rules, in every role (specs/004-index.md, "Rules: lifecycle"). */
import { DstoreError } from '../../../errors.ts'
import { faultOfPrefix, faultOfTerms } from '../../../index/rule-terms.ts'
import { checkWellFormed } from '../../../utf8.ts'
import type { CallOptions, NodeRules, NodeStatus, RuleBounds, RuleState } from '../../node.ts'
import { isoOf, type Ask } from '../index-calls.ts'

export class RuleCalls implements NodeRules {
  readonly #ask: Ask

  constructor(ask: Ask) {
    this.#ask = ask
  }

  async set(
    prefix: string | undefined,
    { maxSize, maxAgeMs, unusedMs, maxNames }: RuleBounds,
    options: CallOptions = {},
  ): Promise<void> {
    const terms = {
      ...(maxSize !== undefined && { maxSize }),
      ...(maxAgeMs !== undefined && { maxAgeMs }),
      ...(unusedMs !== undefined && { unusedMs }),
      ...(maxNames !== undefined && { maxNames }),
    }
    const fault = checkedPrefix(prefix) ?? faultOfTerms(terms, prefix === undefined)
    if (fault !== undefined) throw new DstoreError('usage', fault)
    await this.#ask({ type: 'set-rule', prefix, terms }, options)
  }

  async list(options: CallOptions = {}): Promise<readonly RuleState[]> {
    const { items } = await this.#ask({ type: 'rules' }, options)
    return items.map(({ lastRemovedMs, heldOtherwise, ...rule }) => ({
      ...rule,
      heldOtherwise,
      lastRemovedAt: lastRemovedMs === undefined ? undefined : isoOf(lastRemovedMs),
    }))
  }

  /** As a part of a node's status. */
  async status(): Promise<Pick<NodeStatus, 'rules'>> {
    const rules = await this.list()
    return rules.length === 0 ? {} : { rules }
  }

  async remove(prefix: string | undefined, options: CallOptions = {}): Promise<void> {
    const fault = checkedPrefix(prefix)
    if (fault !== undefined) throw new DstoreError('usage', fault)
    await this.#ask({ type: 'remove-rule', prefix }, options)
  }
}

function checkedPrefix(prefix: string | undefined): string | undefined {
  if (prefix === undefined) return undefined
  checkWellFormed(prefix, 'the prefix')
  return faultOfPrefix(prefix)
}
