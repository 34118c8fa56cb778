/**
 * Who may connect, and how far (specs/006-membership.md, "The gate"). No I/O: the network asks, and does as it is told.
 *
 * The identity of a peer is proved before the gate is asked. A member is let in. At a Local nobody else is. At Global a
 * stranger may come, to show a ticket: few at a time, for a short while, and not again when too many were refused. A
 * member is never refused for what strangers did.
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
import { Refusals, type Refusal, type RefusalCounts, type Refused } from './refusal.ts'

export interface GateBounds {
  readonly strangers: number
  readonly strangersPerHost: number
  readonly failedAdmissions: number
  readonly failedAdmissionsPerHost: number
}

export interface GateOptions {
  /** The one protocol that a stranger may speak, to become a member; undefined where strangers are not let in. */
  readonly admission: string | undefined
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Tell a person who was refused, and why. */
  readonly tell: (refused: Refused) => void
  /** Other bounds than those of src/limits.ts. */
  readonly bounds?: Partial<GateBounds>
}

/** Identifies a connection for as long as it lasts. */
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
  /** Connections of those who were no members when they came. */
  readonly #strangers = new Map<ConnectionId, { readonly peer: string; readonly host: string }>()

  constructor({ admission, now, tell, bounds }: GateOptions) {
    this.#admission = admission
    this.#bounds = { ...BOUNDS, ...bounds }
    this.#refusals = new Refusals({ now, tell })
    this.#failures = new Rate({
      now,
      perOne: this.#bounds.failedAdmissionsPerHost,
      inAll: this.#bounds.failedAdmissions,
      windowMs: ADMISSION_WINDOW_MS,
      remembered: ADMISSION_HOSTS,
    })
  }

  /** From here on these are members; before, nobody is. */
  follow(isMember: (peer: string) => boolean): void {
    this.#isMember = isMember
  }

  isMember(peer: string): boolean {
    return this.#isMember(peer)
  }

  get refused(): RefusalCounts {
    return this.#refusals.counts
  }

  /** Somebody was refused before it proved who it is. */
  refuseHost(host: string, why: Refusal): void {
    this.#refusals.add(why, undefined, host)
  }

  /** A peer has proved who it is: may it connect? Where it may not, that is counted. */
  mayConnect(peer: string, host: string): boolean {
    if (this.#isMember(peer)) return true
    const why = this.#whyNot(host)
    if (why !== undefined) this.#refusals.add(why, peer, host)
    return why === undefined
  }

  /** A connection of a peer that came stands. Is it that of a stranger, who has `ADMISSION_MS` to become a member? */
  connected(id: ConnectionId, peer: string, host: string): boolean {
    if (this.#isMember(peer)) return false
    this.#strangers.set(id, { peer, host })
    return true
  }

  disconnected(id: ConnectionId): void {
    this.#strangers.delete(id)
  }

  /** May this peer open a channel of this protocol? Where it may not, that is counted. */
  mayOpen(peer: string, protocol: string): boolean {
    if (this.#isMember(peer)) return true
    const why = protocol === this.#admission ? this.#isFlooding(peer) : 'stranger'
    if (why !== undefined) this.refuse(peer, why)
    return why === undefined
  }

  /** A peer was refused after it connected. */
  refuse(peer: string, why: Refusal): void {
    const host = this.#hostOf(peer)
    this.#refusals.add(why, peer, host)
    if (host !== undefined && !this.#isMember(peer)) this.#failures.add(networkOf(host))
  }

  #hostOf(peer: string): string | undefined {
    return [...this.#strangers.values()].find((one) => one.peer === peer)?.host
  }

  #isFlooding(peer: string): 'flood' | undefined {
    const host = this.#hostOf(peer)
    return host !== undefined && this.#failures.isSpent(networkOf(host)) ? 'flood' : undefined
  }

  #whyNot(host: string): Refusal | undefined {
    if (this.#admission === undefined) return 'stranger'
    const network = networkOf(host)
    if (this.#failures.isSpent(network)) return 'flood'
    const { strangers, strangersPerHost } = this.#bounds
    const there = [...this.#strangers.values()].filter(({ peer }) => !this.#isMember(peer))
    const near = there.filter((one) => networkOf(one.host) === network)
    if (there.length >= strangers || near.length >= strangersPerHost) return 'connections'
    return undefined
  }
}
