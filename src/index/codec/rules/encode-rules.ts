/** Messages about rules, on the wire (specs/004-index.md, "Rules: lifecycle"). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RuleFacts, RuleTerms } from '../../message.ts'
import type { RuleSchema, RuleTermsSchema } from '../messages_pb.ts'

export const wireTerms = ({
  maxSize,
  maxAgeMs,
  unusedMs,
  maxNames,
}: RuleTerms): MessageInitShape<typeof RuleTermsSchema> => ({
  ...(maxSize !== undefined && { maxSize: BigInt(maxSize) }),
  ...(maxAgeMs !== undefined && { maxAgeMs: BigInt(maxAgeMs) }),
  ...(unusedMs !== undefined && { unusedMs: BigInt(unusedMs) }),
  ...(maxNames !== undefined && { maxNames: BigInt(maxNames) }),
})

export function wireRule(rule: RuleFacts): MessageInitShape<typeof RuleSchema> {
  const { prefix, names, size, heldOtherwise, removed, lastRemovedMs, counting } = rule
  return {
    ...(prefix !== undefined && { prefix }),
    terms: wireTerms(rule),
    names: BigInt(names),
    size: BigInt(size),
    ...(heldOtherwise !== undefined && { heldOtherwise: BigInt(heldOtherwise) }),
    removed: BigInt(removed),
    ...(lastRemovedMs !== undefined && { lastRemovedMs: BigInt(lastRemovedMs) }),
    counting,
  }
}
