/**
 * What a Local knows of its Global, for `status`: what Global reports of itself, and how far their
 * wall clocks differ (specs/004-index.md, R004-77 and R004-78). Nothing is decided by it.
 */
import type { Body, GlobalReport } from '../index/message.ts'

export interface GlobalFacts {
  /** The version of Global's implementation; undefined if it does not report it. */
  readonly version?: string | undefined
  /** The TCP port on which Global accepts lanes. */
  readonly lanePort?: number | undefined
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
  #clockDifferenceMs: number | undefined

  /** `wall`: this node's wall clock, in milliseconds since 1970. */
  constructor(wall: () => number) {
    this.#wall = wall
  }

  pulse(roundTripMs: number | undefined): Pulse {
    const { release: version, lanePort } = this.#report
    const facts = { version, lanePort, clockDifferenceMs: this.#clockDifferenceMs }
    return { lastHeard: this.#lastHeard, roundTripMs, ...facts }
  }

  /** A message has just come from Global; `roundTripMs` is that of the last hello or ping. */
  heard(body: Body, roundTripMs = 0): void {
    this.#lastHeard = new Date(this.#wall())
    if (body.type === 'welcome') this.#report = body.report ?? {}
    if (body.type !== 'welcome' && body.type !== 'pong') return
    const wallMs = body.type === 'pong' ? body.wallMs : body.report?.wallMs
    this.#clockDifferenceMs =
      wallMs === undefined ? undefined : Math.round(wallMs + roundTripMs / 2 - this.#wall())
  }
}
