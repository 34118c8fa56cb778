/** Which plan serves a request, and which role it needs (specs/004-index.md; 006, "Roles"). */
import type { Members } from '../../membership/members.ts'
import { suffices, type MemberRole } from '../../membership/role.ts'
import { failure } from '../failure.ts'
import type { Body, Failure, Request } from '../message.ts'
import * as lookups from './lookup-plans.ts'
import * as membership from './membership-plans.ts'
import { bindName } from './names/bind-plan.ts'
import type { Plan } from './plan.ts'
import * as puts from './put-plans.ts'
import * as removals from './removal-plans.ts'

/** The lowest role that may send each request. */
const NEEDED: Readonly<Record<Request['type'], MemberRole>> = {
  locate: 'reader',
  lookup: 'reader',
  'tag-history': 'reader',
  list: 'reader',
  names: 'reader',
  contents: 'reader',
  watch: 'reader',
  ping: 'reader',
  put: 'writer',
  'put-batch': 'writer',
  offer: 'writer',
  bind: 'writer',
  rebind: 'writer',
  hold: 'writer',
  present: 'writer',
  'make-directories': 'writer',
  'commit-tree': 'writer',
  'set-rule': 'admin',
  'remove-rule': 'admin',
  rules: 'reader',
  'report-use': 'reader',
  remove: 'admin',
  unbind: 'writer',
  invite: 'admin',
  admit: 'admin',
  expel: 'admin',
  members: 'admin',
}

/** Is it a request, which gets an answer? */
export const isRequest = (body: Body): body is Request => Object.hasOwn(NEEDED, body.type)

/** Why a peer may not send this request; undefined if it may. */
export function refusalOf(members: Members, peer: string, { type }: Request): Failure | undefined {
  const needed = NEEDED[type]
  const role = members.roleOf(peer)
  if (role !== undefined && suffices(role, needed)) return undefined
  return roleTooLow(peer, role ?? 'stranger', needed)
}

/** Do peers with this role what is the admins'? */
export const isAdmin = (role: MemberRole | undefined): boolean =>
  role !== undefined && suffices(role, 'admin')

export function roleTooLow(peer: string, role: string, needed: string): Failure {
  const why = `this needs the role ${needed}, and this node is a ${role} here`
  return failure('not-permitted', why, `at Global: dstore members add ${peer} --role ${needed}`)
}

/** What plans know beside the rows. */
export interface PlanContexts {
  readonly membership: () => membership.MembershipContext
  readonly lookup: lookups.LookupContext
  readonly put: puts.PutContext
  readonly removal: removals.RemovalContext
}

/** Makes a new plan at each call; undefined for requests that need no plan. */
export function planOf(body: Body, contexts: PlanContexts): (() => Plan) | undefined {
  const { membership: context, lookup, put, removal } = contexts
  switch (body.type) {
    case 'locate':
      return () => lookups.locate(body, lookup)
    case 'lookup':
      return () => lookups.lookup(body, lookup)
    case 'offer':
      return () => puts.offer(body, put)
    case 'bind':
    case 'rebind':
      return () => bindName(body, put.naming)
    case 'tag-history':
      return () => lookups.tagHistory(body, lookup)
    case 'unbind':
      return () => removals.unbind(body, removal)
    case 'remove': {
      const unbound = { names: [] }
      return () => removals.remove(body, removal, unbound)
    }
    case 'invite':
      return () => membership.invite(body, context())
    case 'admit':
      return () => membership.admit(body, context())
    case 'expel':
      return () => membership.expel(body, context())
    default:
      return undefined
  }
}
