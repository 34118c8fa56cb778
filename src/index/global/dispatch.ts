/** From a request to its plan, and to the role that it needs (specs/004-index.md, "Requests"; 006, "Roles"). */
import type { MemberRole } from '../../membership/role.ts'
import * as membership from './membership-plans.ts'
import type { Body, Request } from '../message.ts'
import * as plans from './request-plans.ts'
import type { Plan } from './request-plans.ts'

/** The lowest role that may ask this. */
export const NEEDED: Readonly<Record<Request['type'], MemberRole>> = {
  locate: 'reader',
  lookup: 'reader',
  list: 'reader',
  names: 'reader',
  watch: 'reader',
  ping: 'reader',
  put: 'writer',
  offer: 'writer',
  bind: 'writer',
  remove: 'admin',
  unbind: 'admin',
  invite: 'admin',
  admit: 'admin',
  expel: 'admin',
  members: 'admin',
}

/** Is it a request, which somebody waits to have answered? */
export const isRequest = (body: Body): body is Request => Object.hasOwn(NEEDED, body.type)

/** What the request does, begun anew at each call; undefined for what is not decided by a few rows. */
export function planOf(
  body: Body,
  context: () => membership.MembershipContext,
  holdersOf: plans.HoldersOf,
): (() => Plan) | undefined {
  switch (body.type) {
    case 'locate':
      return () => plans.locate(body, holdersOf)
    case 'offer':
      return () => plans.offer(body)
    case 'bind':
      return () => plans.bind(body)
    case 'lookup':
      return () => plans.lookup(body)
    case 'unbind':
      return () => plans.unbind(body)
    case 'remove':
      return () => plans.remove(body, () => context().trimmed)
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
