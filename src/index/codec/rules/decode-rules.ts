/** Messages about rules (specs/004-index.md, "Rules: lifecycle"). */
import { RULES } from '../../../limits.ts'
import { count, digest, malformed } from '../../../wire/fields.ts'
import type { Body, ReportUse, RuleFacts, RuleList, RuleTerms } from '../../message.ts'
import { faultOfPrefix, faultOfTerms } from '../../rule-terms.ts'
import { batch, toName } from '../decode-trees.ts'
import type * as pb from '../messages_pb.ts'

type RuleCase = 'setRule' | 'removeRule' | 'accepted' | 'rules' | 'ruleList' | 'reportUse'

/** Error: `protocol`. */
export function toRuleBody(body: Extract<pb.Message['body'], { case: RuleCase }>): Body {
  switch (body.case) {
    case 'setRule': {
      const { prefix, terms } = body.value
      return { type: 'set-rule', prefix: toPrefix(prefix), terms: toTerms(terms, prefix) }
    }
    case 'removeRule':
      return { type: 'remove-rule', prefix: toPrefix(body.value.prefix) }
    case 'accepted':
      return { type: 'accepted', keys: body.value.keys }
    case 'rules':
      return { type: 'rules' }
    case 'ruleList':
      return toRuleList(body.value)
    case 'reportUse':
      return toReport(body.value)
  }
}

function toRuleList({ items }: pb.RuleList): RuleList {
  if (items.length > RULES + 1) throw malformed(`${items.length} rules`)
  return { type: 'rule-list', items: items.map(toRule) }
}

function toRule({ prefix, terms, counting, ...rule }: pb.Rule): RuleFacts {
  const { heldOtherwise, lastRemovedMs } = rule
  return {
    prefix: toPrefix(prefix),
    ...toTerms(terms, prefix),
    names: count('number of names', rule.names),
    size: count('size', rule.size),
    ...(heldOtherwise !== undefined && { heldOtherwise: count('size', heldOtherwise) }),
    removed: count('number of names', rule.removed),
    ...(lastRemovedMs !== undefined && { lastRemovedMs: count('time', lastRemovedMs) }),
    counting,
  }
}

function toReport({ names, digests }: pb.ReportUse): ReportUse {
  const known = { names: batch('names', names).map(toName) }
  return { type: 'report-use', ...known, digests: batch('keys', digests).map(digest) }
}

function toPrefix(prefix: string | undefined): string | undefined {
  if (prefix !== undefined && faultOfPrefix(prefix) !== undefined) throw malformed('a prefix')
  return prefix
}

function toTerms(terms: pb.RuleTerms | undefined, prefix: string | undefined): RuleTerms {
  const { maxSize, maxAgeMs, unusedMs, maxNames } = terms ?? {}
  const decoded = {
    ...(maxSize !== undefined && { maxSize: count('bound', maxSize) }),
    ...(maxAgeMs !== undefined && { maxAgeMs: count('bound', maxAgeMs) }),
    ...(unusedMs !== undefined && { unusedMs: count('bound', unusedMs) }),
    ...(maxNames !== undefined && { maxNames: count('bound', maxNames) }),
  }
  if (faultOfTerms(decoded, prefix === undefined) !== undefined) throw malformed('bounds of a rule')
  return decoded
}
