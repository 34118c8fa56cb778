/** What the index says of keys (specs/004-index.md, R004-1). */
import { HOLDERS, NAMES_PER_ANSWER } from '../../limits.ts'
import { count, exactly, malformed, text } from '../../wire/fields.ts'
import type { Fact } from '../message.ts'
import { toName, toTotals } from './decode-trees.ts'
import type * as pb from './messages_pb.ts'

/** The names of one key. Error: `protocol`. */
export function toNames(names: readonly string[]): string[] {
  if (names.length > NAMES_PER_ANSWER) throw malformed(`${names.length} names of one key`)
  return names.map(toName)
}

/** Undefined for a key that does not exist. Error: `protocol`. */
export function toFact(fact: pb.Fact): Fact | undefined {
  if (!fact.exists) return undefined
  if (fact.holders.length > HOLDERS) throw malformed(`${fact.holders.length} holders of one value`)
  const size = count('size', fact.size)
  return {
    size,
    incarnation: count('incarnation', fact.incarnation),
    value: fact.value === undefined ? undefined : exactly(size, 'value', fact.value),
    holders: fact.holders.map(text),
    names: toNames(fact.names),
    ...(fact.directory !== undefined && { directory: toTotals(fact.directory) }),
    ...(fact.heldBy > 0 && { heldBy: count('number of directories', fact.heldBy) }),
  }
}
