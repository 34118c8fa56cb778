/**
 * Plans for tickets and members (specs/006-membership.md). Each is one change in the one order of
 * changes, so if two peers show the last use of a ticket at the same moment, one of them wins.
 */
import type { Member, Members } from '../../membership/members.ts'
import { distinctLabel } from '../../membership/label.ts'
import {
  decodeMember,
  decodeTicket,
  encodeMember,
  encodeTicket,
  memberRow,
  ticketRow,
  type TicketRecord,
} from '../../membership/record.ts'
import { suffices, type MemberRole } from '../../membership/role.ts'
import { hashSecret } from '../../membership/ticket.ts'
import { TICKETS } from '../../limits.ts'
import type { Write } from '../../store/store.ts'
import { failure } from '../failure.ts'
import type { Admit, Expel, Invite, MemberPage, MembersRequest } from '../message.ts'
import { localRow } from '../records/record.ts'
import { answer, confirm, type Done, type Outcome, type Plan } from './plan.ts'

/** What these plans know beside the rows. */
export interface MembershipContext {
  readonly members: Members
  /** Wall clock, whole milliseconds. */
  readonly nowMs: number
  /** The same if it is trusted: only then may anything be deleted by it (R004-63). */
  readonly trustedMs: number | undefined
  /** The last seq that was trimmed from the log. */
  readonly trimmed: number
  /** Where Global listens: multiaddrs without its peer id. */
  readonly addresses: readonly string[]
  /** Peer id of the admin that asks; empty for Global itself. */
  readonly asker: string
}

/** What a hello shows. */
export interface ShownTicket {
  readonly secret: Uint8Array
  /** The name of the peer's machine. */
  readonly host?: string | undefined
}

const ADMITTED: Done = answer({ type: 'admitted' })

/** Global gets only the hash of the secret, so the index cannot leak the secret. */
export function* invite(
  { secretHash, role, uses, validMs, label }: Invite,
  { members, nowMs, trustedMs, addresses, asker }: MembershipContext,
): Plan {
  if (!members.hasRoomForTicket(trustedMs)) {
    return answer(failure('busy', `Global remembers at most ${TICKETS} tickets`))
  }
  const key = ticketRow(secretHash)
  const [known] = yield [key]
  if (known !== undefined) return answer(failure('conflict', 'this ticket already exists'))
  const expiresMs = nowMs + validMs
  const stale = members.staleTickets(trustedMs)
  const value = encodeTicket({ role, usesLeft: uses, expiresMs, by: asker, label })
  return {
    type: 'change',
    change: { type: 'invite', role, uses },
    writes: [{ key, value }, ...stale.map((hash) => ({ key: ticketRow(hash), value: undefined }))],
    next: () => {
      members.invited(secretHash, expiresMs)
      for (const hash of stale) members.dropTicket(hash)
      return answer({ type: 'invited', addresses, expiresMs })
    },
  }
}

/** Makes a peer a member, or changes its role. */
export function* admit({ peer, role }: Admit, context: MembershipContext): Plan {
  const [row] = yield [memberRow(peer)]
  const before = row === undefined ? undefined : decodeMember(row)
  if (before?.role === role) return confirm({ type: 'admitted' })
  return admission({ peer, role, ticket: undefined, label: before?.label }, context)
}

/** A peer shows the secret of a ticket. A ticket that would not raise its role keeps its uses. */
export function* redeem(
  peer: string,
  { secret, host }: ShownTicket,
  context: MembershipContext,
): Plan {
  const hash = hashSecret(secret)
  const key = ticketRow(hash)
  const [shown, own] = yield [key, memberRow(peer)]
  const ticket = shown === undefined ? undefined : decodeTicket(shown)
  const before = own === undefined ? undefined : decodeMember(own)
  const role = before?.role
  const why = whyNot(ticket, context)
  if (role !== undefined && (why !== undefined || suffices(role, ticket!.role))) {
    return confirm({ type: 'admitted' })
  }
  if (why !== undefined) {
    return answer(failure('not-permitted', why, 'ask for a new ticket: `dstore invite` makes one'))
  }
  const usesLeft = ticket!.usesLeft - 1
  const write = { key, value: encodeTicket({ ...ticket!, usesLeft }) }
  const label = ticket!.label ?? before?.label ?? host
  return admission({ peer, role: ticket!.role, ticket: hash, label }, context, [write])
}

interface NewMember {
  readonly peer: string
  readonly role: MemberRole
  readonly ticket: Uint8Array | undefined
  readonly label: string | undefined
}

function admission(
  { peer, label, ...given }: NewMember,
  { members, nowMs }: MembershipContext,
  writes: readonly Write[] = [],
): Outcome {
  if (!members.hasRoomFor(peer)) {
    return answer(failure('busy', 'Global has as many members as it can keep'))
  }
  const isTaken = (one: string): boolean => members.hasLabel(one, peer)
  const own = label === undefined ? undefined : distinctLabel(label, peer, isTaken)
  const record = { ...given, sinceMs: nowMs, expelled: 0, label: own }
  const write = { key: memberRow(peer), value: encodeMember(record) }
  return {
    type: 'change',
    change: { type: 'admit', peer, role: given.role },
    writes: [...writes, write],
    next: () => {
      members.set(peer, record)
      return ADMITTED
    },
  }
}

/**
 * Ends a membership. The ticket that it came by loses its remaining uses, for the peer may still
 * know the secret.
 */
export function* expel(
  { peer }: Expel,
  { members, nowMs, trimmed }: Pick<MembershipContext, 'members' | 'nowMs' | 'trimmed'>,
): Plan {
  for (;;) {
    const [own] = yield [memberRow(peer)]
    const before = own === undefined ? undefined : decodeMember(own)
    if (before === undefined || (before.role === undefined && before.expelled <= trimmed)) {
      return answer(failure('not-found', `no such member: ${peer}`))
    }
    const removed = { freedBytes: 0, names: [], digest: undefined }
    if (before.role === undefined) return { type: 'await', seq: before.expelled, removed }
    const { ticket: hash } = before
    const tickets = hash === undefined ? [] : [ticketRow(hash)]
    const [again, row] = yield [memberRow(peer), ...tickets]
    if (again?.version !== own?.version) continue
    const value = row && encodeTicket({ ...decodeTicket(row), usesLeft: 0 })
    const spent = value === undefined ? [] : tickets.map((key) => ({ key, value }))
    const record = (seq: number) =>
      ({
        role: undefined,
        sinceMs: nowMs,
        expelled: seq,
        ticket: undefined,
        label: before.label,
      }) as const
    return {
      type: 'change',
      change: { type: 'expel', peer },
      // It leaves the register, so it owes nothing.
      writes: [...spent, { key: localRow(peer), value: undefined }],
      mark: (latest) => ({ key: memberRow(peer), value: encodeMember(record(latest)) }),
      next: (seq) => {
        members.set(peer, record(seq))
        return { type: 'await', seq, removed }
      },
    }
  }
}

/** Why a ticket is not valid; undefined if it is. */
function whyNot(
  ticket: TicketRecord | undefined,
  { members, nowMs }: MembershipContext,
): string | undefined {
  if (ticket === undefined) return 'this Global has made no such ticket'
  if (ticket.expiresMs <= nowMs) return 'this ticket has expired'
  if (ticket.usesLeft < 1) return 'this ticket was used up, or is void'
  if (ticket.by !== '' && members.roleOf(ticket.by) !== 'admin') {
    return 'the maker of this ticket is no longer an admin'
  }
  return undefined
}

/** A page of members, and which of them are connected. */
export function memberPage(
  members: Members,
  { after, limit }: MembersRequest,
  connected: ReadonlySet<string>,
): MemberPage {
  const { items, more } = members.page(after, limit)
  const facts = (member: Member) => ({ ...member, connected: connected.has(member.peer) })
  return { type: 'member-page', items: items.map(facts), more }
}
