/** The calls of a node that concern membership (specs/006-membership.md). */
import type { MemberRole } from '../membership/role.ts'
import type { CallOptions } from './call-options.ts'
import type { Acknowledgement } from './node-index.ts'

/** The terms of a ticket. */
export interface InviteOptions extends CallOptions {
  /** Role of the nodes that join with it. Default: `writer`. */
  readonly role?: MemberRole
  /** How many nodes may join with it. Default: 1. */
  readonly uses?: number
  /** How long it is valid, in milliseconds. Default: a day. */
  readonly validMs?: number
  /** What to call the members that it admits. Default: the name of each one's machine. */
  readonly label?: string
}

/** A ticket and its terms. */
export interface Invitation {
  /** Secret: any node that shows it becomes a member. */
  readonly ticket: string
  readonly role: MemberRole
  readonly uses: number
  /** ISO 8601. */
  readonly expiresAt: string
  /** Does Global listen only on loopback, so that the ticket works only on its machine? */
  readonly loopbackOnly: boolean
}

/** A present or recently expelled member. */
export interface MemberEntry {
  /** Peer id. */
  readonly peer: string
  /** Undefined if it was expelled. */
  readonly role: MemberRole | undefined
  readonly state: 'connected' | 'away' | 'expelled'
  /** When it became a member in this role, or was expelled; ISO 8601. */
  readonly since: string
  /** What people call it; undefined for one that was admitted by its peer id. */
  readonly label?: string
}

/**
 * The outcome of an expulsion: `acknowledged` are the nodes that cut their connections to the peer.
 */
export interface ExpelResult extends Acknowledgement {
  /** Peer id of the former member. */
  readonly peer: string
}

/** Errors of every call: `usage` on a standalone node, `not-permitted`, `busy`, `unreachable`. */
export interface NodeMembers {
  /** Make a ticket. */
  invite(options?: InviteOptions): Promise<Invitation>

  /** Every member, and those expelled not long ago, by peer id. */
  list(options?: CallOptions): AsyncGenerator<MemberEntry>

  /** Admit a peer, or give a member another role. */
  admit(peer: string, role: MemberRole, options?: CallOptions): Promise<void>

  /**
   * Expel a member. Resolves when every Local cut its connections to it, or after `timeoutMs`, as
   * `remove` does. Errors: also `not-found`.
   */
  expel(peer: string, options?: CallOptions): Promise<ExpelResult>
}
