/**
 * Global's members and tickets (specs/006-membership.md, "Members"): an in-memory copy of the rows
 * in its store, bounded in number, and updated once a change is durable.
 */
import { toHex } from '../bytes.ts'
import { MEMBERS, TICKETS, TICKET_KEPT_MS } from '../limits.ts'
import type { MemberRecord } from './record.ts'
import type { MemberRole } from './role.ts'

export interface Member {
  readonly peer: string
  /** Undefined if it was expelled. */
  readonly role: MemberRole | undefined
  /** When it was admitted or expelled, in milliseconds since 1970. */
  readonly sinceMs: number
  readonly label?: string | undefined
}

export class Members {
  readonly #members: Map<string, MemberRecord>
  /** By the hex of the secret's hash. */
  readonly #tickets: Map<string, { readonly secretHash: Uint8Array; readonly expiresMs: number }>

  constructor(
    members: ReadonlyMap<string, MemberRecord> = new Map(),
    tickets: readonly { readonly secretHash: Uint8Array; readonly expiresMs: number }[] = [],
  ) {
    this.#members = new Map(members)
    this.#tickets = new Map(tickets.map((ticket) => [toHex(ticket.secretHash), ticket]))
  }

  /** Undefined for strangers and expelled members. */
  roleOf(peer: string): MemberRole | undefined {
    return this.#members.get(peer)?.role
  }

  /** What people call a member; undefined for one without a label. */
  labelOf(peer: string): string | undefined {
    return this.#members.get(peer)?.label
  }

  /** Does a member other than this peer have the label? */
  hasLabel(label: string, peer: string): boolean {
    return [...this.#members].some(
      ([other, record]) => other !== peer && record.role !== undefined && record.label === label,
    )
  }

  /** Was it expelled, and is that still recorded? */
  wasExpelled(peer: string): boolean {
    const record = this.#members.get(peer)
    return record !== undefined && record.role === undefined
  }

  /** Peer ids of all members. */
  peers(): string[] {
    return [...this.#members].filter(([, { role }]) => role !== undefined).map(([peer]) => peer)
  }

  /** Up to `limit` members and recently expelled ones, in order of peer id, after `after`. */
  page(after: string | undefined, limit: number): { items: Member[]; more: boolean } {
    const peers = [...this.#members.keys()].filter((peer) => after === undefined || peer > after)
    const items = peers
      .toSorted((a, b) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map((peer) => ({ peer, ...this.#members.get(peer)! }))
      .map(({ peer, role, sinceMs, label }) => ({ peer, role, sinceMs, label }))
    return { items, more: peers.length > limit }
  }

  /** May this peer become a member, given the limit `MEMBERS`? */
  hasRoomFor(peer: string): boolean {
    return this.#members.has(peer) || this.#members.size < MEMBERS
  }

  set(peer: string, record: MemberRecord): void {
    this.#members.set(peer, record)
  }

  /** The log was trimmed up to this seq: forgets members that were expelled by then. */
  trimmed(upto: number): void {
    for (const [peer, { role, expelled }] of this.#members) {
      if (role === undefined && expelled <= upto) this.#members.delete(peer)
    }
  }

  /** May one more ticket be issued, once stale ones are deleted? */
  hasRoomForTicket(trustedMs: number | undefined): boolean {
    return this.#tickets.size - this.staleTickets(trustedMs).length < TICKETS
  }

  /**
   * Secret hashes of the tickets that expired at least `TICKET_KEPT_MS` before this wall time; none
   * while wall time is not trusted.
   */
  staleTickets(trustedMs: number | undefined): Uint8Array[] {
    if (trustedMs === undefined) return []
    return [...this.#tickets.values()]
      .filter(({ expiresMs }) => expiresMs + TICKET_KEPT_MS <= trustedMs)
      .map(({ secretHash }) => secretHash)
  }

  invited(secretHash: Uint8Array, expiresMs: number): void {
    this.#tickets.set(toHex(secretHash), { secretHash, expiresMs })
  }

  dropTicket(secretHash: Uint8Array): void {
    this.#tickets.delete(toHex(secretHash))
  }
}
