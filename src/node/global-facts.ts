/**
 * What a Local knows of its Global, for `status`: what Global reports of itself, and how far their
 * wall clocks differ (specs/004-index.md, R004-77 and R004-78). Nothing is decided by it.
 */
import type { Body, GlobalReport } from '../index/message.ts'
import type { MemberRole } from '../membership/role.ts'

export interface GlobalFacts {
  /** The version of Global's implementation; undefined if it does not report it. */
  readonly version?: string | undefined
  /** The TCP port on which Global accepts lanes. */
  readonly lanePort?: number | undefined
  /** This Local's role at Global; undefined if Global does not say. */
  readonly role?: MemberRole | undefined
  /** Global's wall clock less this node's, in milliseconds, give or take half a round trip. */
  readonly clockDifferenceMs?: number | undefined
}

/** When Global was last heard, by this node's wall clock, and the last round-trip time. */
export interface Pulse extends GlobalFacts {
  readonly lastHeard: Date
  readonly roundTripMs: number | undefined
}

export class GlobalReports {
  readonly #wall: () => number
  #lastHeard = new Date()
  #report: GlobalReport = {}
  #role: MemberRole | undefined
  #clockDifferenceMs: number | undefined

  /** `wall`: this node's wall clock, in milliseconds since 1970. */
  constructor(wall: () => number) {
    this.#wall = wall
  }

  pulse(roundTripMs: number | undefined): Pulse {
    const { release: version, lanePort } = this.#report
    const own = { role: this.#role, clockDifferenceMs: this.#clockDifferenceMs }
    const facts = { version, lanePort, ...own }
    return { lastHeard: this.#lastHeard, roundTripMs, ...facts }
  }

  /** A message has just come from Global; `roundTripMs` is that of the last hello or ping. */
  heard(body: Body, roundTripMs = 0): void {
    this.#lastHeard = new Date(this.#wall())
    if (body.type === 'welcome') this.#report = body.report ?? {}
    if (body.type !== 'welcome' && body.type !== 'pong') return
    const { wallMs, role }: GlobalReport = body.type === 'pong' ? body : this.#report
    this.#role = role
    this.#clockDifferenceMs =
      wallMs === undefined ? undefined : Math.round(wallMs + roundTripMs / 2 - this.#wall())
  }
}
