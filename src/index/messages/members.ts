/** Messages about tickets and members (specs/006-membership.md). */
import type { MemberRole } from '../../membership/role.ts'
import type { Digest } from './values.ts'

/** Makes a ticket. Global gets only the hash of its secret. */
export interface Invite {
  readonly type: 'invite'
  readonly secretHash: Digest
  readonly role: MemberRole
  readonly uses: number
  readonly validMs: number
}

export interface Invited {
  readonly type: 'invited'
  /** Where Global listens: multiaddrs without peer id. */
  readonly addresses: readonly string[]
  /** Wall clock, in milliseconds. */
  readonly expiresMs: number
}

/** Makes a peer a member, or changes its role. */
export interface Admit {
  readonly type: 'admit'
  readonly peer: string
  readonly role: MemberRole
}

export interface Admitted {
  readonly type: 'admitted'
}

/** Ends a membership. The answer is that of a removal. */
export interface Expel {
  readonly type: 'expel'
  readonly peer: string
  readonly timeoutMs: number | undefined
}

export interface MembersRequest {
  readonly type: 'members'
  readonly after: string | undefined
  readonly limit: number
}

export interface MemberPage {
  readonly type: 'member-page'
  readonly items: readonly MemberFacts[]
  readonly more: boolean
}

export interface MemberFacts {
  readonly peer: string
  /** Undefined if it was expelled. */
  readonly role: MemberRole | undefined
  readonly connected: boolean
  /** When it got this role or was expelled: wall clock, in milliseconds. */
  readonly sinceMs: number
}
