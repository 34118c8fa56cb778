/** Messages about tags, and the facts of names (specs/004-index.md, "Rules: tags"). */
import { TAG_HISTORY } from '../../limits.ts'
import { count, digest, malformed } from '../../wire/fields.ts'
import type { Found, NameFacts, Rebind, Rebound, TagTargets, Target, WhyGone } from '../message.ts'
import { toFact } from './decode-facts.ts'
import { toNaming } from './decode-naming.ts'
import { toName } from './decode-trees.ts'
import type * as pb from './messages_pb.ts'

/** Error: `protocol`. */
export function toRebind({ name, directory, ...rest }: pb.Rebind | pb.Bind): Rebind {
  return {
    type: 'rebind',
    name: toName(name),
    digest: digest(rest.digest),
    ...(directory && { directory }),
    ...toNaming(rest),
  }
}

/** Error: `protocol`. */
export function toFound(binding: pb.Binding): Found {
  const fact = binding.fact === undefined ? undefined : toFact(binding.fact)
  if (fact === undefined) throw malformed('a name without its key')
  const { directory } = binding
  return {
    digest: digest(binding.digest),
    incarnation: count('incarnation', binding.incarnation),
    fact,
    ...(directory && { directory }),
    ...toNameFacts(binding),
  }
}

/** Error: `protocol`. */
export function toRebound({ binding, previous, keptUntilMs, silent }: pb.Rebound): Rebound {
  if (binding === undefined) throw malformed('a tag that is bound to nothing')
  return {
    type: 'rebound',
    found: toFound(binding),
    ...(previous !== undefined && { previous: toTarget(previous) }),
    ...(keptUntilMs !== undefined && { keptUntilMs: count('time', keptUntilMs) }),
    silent,
  }
}

/** Error: `protocol`. */
export function toTargets({ targets }: pb.TagTargets): TagTargets {
  if (targets.length > TAG_HISTORY) throw malformed(`${targets.length} targets of one tag`)
  return { type: 'tag-targets', targets: targets.map(toTarget) }
}

/** Error: `protocol`. */
export const toTarget = ({ directory, atMs, ...target }: pb.TagTarget): Target => ({
  digest: digest(target.digest),
  ...(directory && { directory }),
  ...(atMs !== undefined && { atMs: count('time', atMs) }),
})

export const toNameFacts = (
  facts: Pick<pb.Binding, 'tag' | 'boundMs' | 'expiresMs'>,
): NameFacts => ({
  ...(facts.tag && { tag: true }),
  ...(facts.boundMs !== undefined && { boundMs: count('time', facts.boundMs) }),
  ...(facts.expiresMs !== undefined && { expiresMs: count('time', facts.expiresMs) }),
})

const WHY: ReadonlySet<string> = new Set<WhyGone>(['expired', 'rule', 'moved', 'removed'])

/** Why a name or a key went. Error: `protocol`. */
export function toWhy(why: string): { readonly why?: WhyGone } {
  if (why === '') return {}
  if (!WHY.has(why)) throw malformed('a removal for an unknown reason')
  return { why: why as WhyGone }
}
