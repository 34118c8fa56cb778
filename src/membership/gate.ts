/**
 * Decides which peers may connect, and what they may open (specs/006-membership.md, "The gate"). No
 * I/O: the network asks, and enforces the answers.
 *
 * Peers are authenticated before the gate is asked. Members may connect; at a Local, only members.
 * At Global a stranger may connect to show a ticket: few at a time, for a short while, and not when
 * too many failed lately. Strangers' failures never count against a member.
 */
import {
  ADMISSION_HOSTS,
  ADMISSION_WINDOW_MS,
  FAILED_ADMISSIONS,
  FAILED_ADMISSIONS_PER_HOST,
  STRANGERS,
  STRANGERS_PER_HOST,
} from '../limits.ts'
import { Rate, networkOf } from './rate.ts'
import { Refusals, type Refusal, type RefusalCounts, type RefusalsOptions } from './refusal.ts'

export interface GateBounds {
  readonly strangers: number
  readonly strangersPerHost: number
  readonly failedAdmissions: number
  readonly failedAdmissionsPerHost: number
}

export interface GateOptions extends RefusalsOptions {
  /**
   * The only protocol that a stranger may open, to become a member; undefined admits no strangers.
   */
  readonly admission: string | undefined
  /** Overrides of the bounds in src/limits.ts. */
  readonly bounds?: Partial<GateBounds>
}

/** Unique among open connections. */
export type ConnectionId = string

const BOUNDS: GateBounds = {
  strangers: STRANGERS,
  strangersPerHost: STRANGERS_PER_HOST,
  failedAdmissions: FAILED_ADMISSIONS,
  failedAdmissionsPerHost: FAILED_ADMISSIONS_PER_HOST,
}

export class Gate {
  readonly #admission: string | undefined
  readonly #bounds: GateBounds
  readonly #failures: Rate
  readonly #refusals: Refusals
  #isMember: (peer: string) => boolean = () => false
  /** Open connections of peers that were no members when they connected. */
  readonly #strangers = new Map<ConnectionId, { readonly peer: string; readonly host: string }>()

  constructor(options: GateOptions) {
    this.#admission = options.admission
    this.#bounds = { ...BOUNDS, ...options.bounds }
    this.#refusals = new Refusals(options)
    this.#failures = new Rate({
      now: options.now,
      perSource: this.#bounds.failedAdmissionsPerHost,
      total: this.#bounds.failedAdmissions,
      windowMs: ADMISSION_WINDOW_MS,
      remembered: ADMISSION_HOSTS,
    })
  }

  /** Sets the source of membership; until then no peer is a member. */
  follow(isMember: (peer: string) => boolean): void {
    this.#isMember = isMember
  }

  isMember(peer: string): boolean {
    return this.#isMember(peer)
  }

  get refused(): RefusalCounts {
    return this.#refusals.counts
  }

  /** A connection was refused before its peer was authenticated. */
  refuseHost(host: string, why: Refusal): void {
    this.#refusals.add(why, undefined, host)
  }

  /** May an authenticated peer connect? Counts it if not. */
  mayConnect(peer: string, host: string): boolean {
    if (this.#isMember(peer)) return true
    const why = this.#refusal(host)
    if (why !== undefined) this.#refusals.add(why, peer, host)
    return why === undefined
  }

  /**
   * An inbound connection is open. Returns true for a stranger: it must become a member in time.
   */
  connected(id: ConnectionId, peer: string, host: string): boolean {
    if (this.#isMember(peer)) return false
    this.#strangers.set(id, { peer, host })
    return true
  }

  disconnected(id: ConnectionId): void {
    this.#strangers.delete(id)
  }

  /** May this peer open a channel of this protocol? Counts it if not. */
  mayOpen(peer: string, protocol: string): boolean {
    if (this.#isMember(peer)) return true
    const why =
      protocol !== this.#admission ? 'stranger' : this.#isFlooding(peer) ? 'flood' : undefined
    if (why !== undefined) this.refuse(peer, why)
    return why === undefined
  }

  /** A connected peer was refused. */
  refuse(peer: string, why: Refusal): void {
    const host = this.#hostOf(peer)
    this.#refusals.add(why, peer, host)
    if (host !== undefined && !this.#isMember(peer)) this.#failures.add(networkOf(host))
  }

  #hostOf(peer: string): string | undefined {
    return [...this.#strangers.values()].find((one) => one.peer === peer)?.host
  }

  #isFlooding(peer: string): boolean {
    const host = this.#hostOf(peer)
    return host !== undefined && this.#failures.isSpent(networkOf(host))
  }

  #refusal(host: string): Refusal | undefined {
    if (this.#admission === undefined) return 'stranger'
    const network = networkOf(host)
    if (this.#failures.isSpent(network)) return 'flood'
    const { strangers, strangersPerHost } = this.#bounds
    const all = [...this.#strangers.values()].filter(({ peer }) => !this.#isMember(peer))
    const ofNetwork = all.filter((one) => networkOf(one.host) === network)
    if (all.length >= strangers || ofNetwork.length >= strangersPerHost) return 'connections'
    return undefined
  }
}
