/** Who may ask what of the index (specs/006-membership.md, "Roles"), and what the plans about members need to know. */
import type { Member, Members } from '../membership/members.ts'
import { suffices } from '../membership/role.ts'
import type { MembershipContext } from './global/membership-plans.ts'
import type { Failure, MemberPage, MembersRequest, Request } from './message.ts'
import { failure } from './global/request-plans.ts'
import { NEEDED } from './global/dispatch.ts'

export interface AdmissionOptions {
  readonly members: Members
  /** Wall-clock milliseconds at `now` = 0. */
  readonly epochMs: number
  /** Where Global listens: multiaddrs without its peer id. */
  readonly addresses: () => readonly string[]
}

export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Why a peer may not ask this; undefined where it may. */
  refusal(peer: string, { type }: Request): Failure | undefined {
    const needed = NEEDED[type]
    const role = this.#options.members.roleOf(peer)
    if (role !== undefined && suffices(role, needed)) return undefined
    return tooLow(peer, role ?? 'stranger', needed)
  }

  /** Some members, and which of them are connected. */
  page({ after, limit }: MembersRequest, connected: ReadonlySet<string>): MemberPage {
    const { items, more } = this.#options.members.page(after, limit)
    const facts = (member: Member) => ({ ...member, connected: connected.has(member.peer) })
    return { type: 'member-page', items: items.map(facts), more }
  }

  /** `asker`: undefined for Global itself. */
  context(asker: string | undefined, now: number, trimmed: number): MembershipContext {
    const { members, epochMs, addresses } = this.#options
    const nowMs = Math.round(epochMs + now)
    return { members, nowMs, trimmed, addresses: addresses(), asker: asker ?? '' }
  }
}

/** What to say to a peer whose role is not enough, wherever it asked. */
export function tooLow(peer: string, role: string, needed: string): Failure {
  const why = `this needs the role ${needed}, and this node is a ${role} here`
  return failure('not-permitted', why, `at Global: dstore members add ${peer} --role ${needed}`)
}
