/**
 * The fields of messages about members, each checked against its bounds (specs/004-index.md,
 * "Messages").
 */
import {
  BATCH_ITEMS,
  LEAST_TICKET_MS,
  LONGEST_TICKET_MS,
  MEMBERS,
  PEER_ID_CHARS,
  TICKET_ADDRESSES,
  TICKET_USES,
} from '../../limits.ts'
import { isLabel } from '../../membership/label.ts'
import { keyOfPeerId } from '../../membership/peer-id.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import { isTicketAddress } from '../../membership/ticket.ts'
import { count, digest, malformed } from '../../wire/fields.ts'
import type { Invite, Invited, MemberPage, Membership } from '../message.ts'
import type * as pb from './messages_pb.ts'

/** A peer id, as text. */
export function toPeer(text: string): string {
  if (text.length === 0 || text.length > PEER_ID_CHARS || !/^[\x20-\x7e]+$/.test(text)) {
    throw malformed('an invalid peer id')
  }
  return text
}

/** The peer id of a new member, which must be that of a dstore node. */
export function toNewPeer(text: string): string {
  if (keyOfPeerId(text) === undefined) throw malformed('a peer id that no node can have')
  return text
}

/** All members of a Global. */
export function toPeers(peers: readonly string[]): string[] {
  if (peers.length > MEMBERS) throw malformed(`${peers.length} members`)
  return peers.map(toPeer)
}

export function toRole(text: string): MemberRole {
  if (!isMemberRole(text)) throw malformed('an unknown role')
  return text
}

/** A label, if there is one, under the name that it has. */
export function toLabel<Name extends string>(
  given: Readonly<Record<Name, string | undefined>>,
): Partial<Record<Name, string>> {
  const [[name, label]] = Object.entries(given) as [[Name, string | undefined]]
  if (label === undefined) return {}
  if (!isLabel(label)) throw malformed('an invalid label')
  return { [name]: label } as Partial<Record<Name, string>>
}

export function toInvite({ secretHash, role, uses, validMs, label }: pb.Invite): Invite {
  const ms = count('time', validMs)
  if (uses < 1 || uses > TICKET_USES) throw malformed(`a ticket for ${uses} uses`)
  if (ms < LEAST_TICKET_MS || ms > LONGEST_TICKET_MS) throw malformed(`a ticket for ${ms} ms`)
  const rest = { secretHash: digest(secretHash), uses, validMs: ms, ...toLabel({ label }) }
  return { type: 'invite', role: toRole(role), ...rest }
}

export function toInvited({ addresses, expiresMs }: pb.Invited): Invited {
  return {
    type: 'invited',
    addresses: toAddresses(addresses),
    expiresMs: count('time', expiresMs),
  }
}

/** The addresses that Global gives as its own (R006-42). */
export function toAddresses(addresses: readonly string[]): readonly string[] {
  if (addresses.length > TICKET_ADDRESSES) throw malformed(`${addresses.length} addresses`)
  if (!addresses.every(isTicketAddress)) throw malformed('an invalid address')
  return addresses
}

export function toMemberPage({ items, more }: pb.MemberPage): MemberPage {
  if (items.length > BATCH_ITEMS) throw malformed(`${items.length} members in one message`)
  return {
    type: 'member-page',
    items: items.map(({ peer, role, connected, sinceMs, label }) => ({
      peer: toPeer(peer),
      role: role === undefined ? undefined : toRole(role),
      connected,
      sinceMs: count('time', sinceMs),
      ...toLabel({ label }),
    })),
    more,
  }
}

export function toMemberships(
  memberships: readonly pb.Membership[],
  within: (seq: bigint) => number,
): Membership[] {
  if (memberships.length > BATCH_ITEMS) throw malformed(`${memberships.length} memberships`)
  return memberships.map(({ peer, admitted, seq }) => ({
    peer: toPeer(peer),
    admitted,
    seq: within(seq),
  }))
}
