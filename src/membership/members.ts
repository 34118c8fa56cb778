/**
 * Who is a member, and which tickets are out, as Global knows it (specs/006-membership.md, "Members"): the rows of its
 * store in memory, in bounded number, changed when a change of them is durable.
 */
import { toHex } from '../bytes.ts'
import { MEMBERS, TICKETS, TICKET_KEPT_MS } from '../limits.ts'
import type { MemberRecord } from './record.ts'
import type { MemberRole } from './role.ts'

export interface Member {
  readonly peer: string
  /** Undefined where it was expelled. */
  readonly role: MemberRole | undefined
  /** When it became what it is: wall clock. */
  readonly sinceMs: number
}

export class Members {
  readonly #members: Map<string, MemberRecord>
  /** By the hex of the secret's hash: until when it counts, wall clock. */
  readonly #tickets: Map<string, { readonly secretHash: Uint8Array; readonly expiresMs: number }>

  constructor(
    members: ReadonlyMap<string, MemberRecord> = new Map(),
    tickets: readonly { readonly secretHash: Uint8Array; readonly expiresMs: number }[] = [],
  ) {
    this.#members = new Map(members)
    this.#tickets = new Map(tickets.map((ticket) => [toHex(ticket.secretHash), ticket]))
  }

  /** Undefined for a stranger, and for who was expelled. */
  roleOf(peer: string): MemberRole | undefined {
    return this.#members.get(peer)?.role
  }

  /** Was it a member, not long ago? */
  wasExpelled(peer: string): boolean {
    const record = this.#members.get(peer)
    return record !== undefined && record.role === undefined
  }

  /** Peer ids of all members. */
  peers(): string[] {
    return [...this.#members].filter(([, { role }]) => role !== undefined).map(([peer]) => peer)
  }

  /** Members and those that were expelled lately, by peer id, after one of them; at most `limit`. */
  page(after: string | undefined, limit: number): { items: Member[]; more: boolean } {
    const peers = [...this.#members.keys()].filter((peer) => after === undefined || peer > after)
    const items = peers
      .toSorted((a, b) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map((peer) => ({ peer, ...this.#members.get(peer)! }))
      .map(({ peer, role, sinceMs }) => ({ peer, role, sinceMs }))
    return { items, more: peers.length > limit }
  }

  /** Is there room for this one? */
  hasRoomFor(peer: string): boolean {
    return this.#members.has(peer) || this.#members.size < MEMBERS
  }

  set(peer: string, record: MemberRecord): void {
    this.#members.set(peer, record)
  }

  /** The log has let go of the changes up to this one: with them go those that were expelled by them. */
  trimmed(upto: number): void {
    for (const [peer, { role, expelled }] of this.#members) {
      if (role === undefined && expelled <= upto) this.#members.delete(peer)
    }
  }

  /** Is there room for one more ticket, once the stale ones are gone? */
  hasRoomForTicket(nowMs: number): boolean {
    return this.#tickets.size - this.staleTickets(nowMs).length < TICKETS
  }

  /** Hashes of the secrets of tickets that ran out long ago. */
  staleTickets(nowMs: number): Uint8Array[] {
    return [...this.#tickets.values()]
      .filter(({ expiresMs }) => expiresMs + TICKET_KEPT_MS <= nowMs)
      .map(({ secretHash }) => secretHash)
  }

  invited(secretHash: Uint8Array, expiresMs: number): void {
    this.#tickets.set(toHex(secretHash), { secretHash, expiresMs })
  }

  dropTicket(secretHash: Uint8Array): void {
    this.#tickets.delete(toHex(secretHash))
  }
}
