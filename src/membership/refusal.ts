/** Why peers are refused: counted, and logged once (specs/006-membership.md, "What is counted"). */
import { REFUSALS_TOLD, REFUSAL_TOLD_MS } from '../limits.ts'

/**
 * `stranger`: not a member, and no ticket. `ticket`: its ticket is invalid. `expelled`: no longer a
 * member. `flood`: too many failed lately. `late`: it did not become a member in time. `role`: its
 * role does not suffice. `connections`, `streams`: too many. `protocol`: it broke the protocol.
 */
export type Refusal = keyof typeof NO_REFUSALS

export const NO_REFUSALS = {
  stranger: 0,
  ticket: 0,
  expelled: 0,
  flood: 0,
  late: 0,
  role: 0,
  connections: 0,
  streams: 0,
  protocol: 0,
} as const

/** How often each occurred. */
export type RefusalCounts = Readonly<Record<Refusal, number>>

export interface Refused {
  readonly why: Refusal
  /** Peer id, if authenticated. */
  readonly peer: string | undefined
  /** IP address, if known. */
  readonly host: string | undefined
  /** How often since it was logged last, with this one. */
  readonly times: number
}

export interface RefusalsOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Called with each refusal to log. */
  readonly report: (refused: Refused) => void
}

export class Refusals {
  readonly #options: RefusalsOptions
  readonly #counts: Record<Refusal, number> = { ...NO_REFUSALS }
  /** By reason and host or peer, in order of time: when it was logged, and how often not. */
  readonly #logged = new Map<string, { at: number; silent: number }>()

  constructor(options: RefusalsOptions) {
    this.#options = options
  }

  get counts(): RefusalCounts {
    return { ...this.#counts }
  }

  /** Counts a refusal, and logs it unless it did the same for this host or peer lately. */
  add(why: Refusal, peer: string | undefined, host?: string): void {
    this.#counts[why]++
    const now = this.#options.now()
    // By host if known, because a host can make any number of identities.
    const source = `${why} ${host ?? peer}`
    const last = this.#logged.get(source)
    if (last !== undefined && now - last.at < REFUSAL_TOLD_MS) {
      last.silent++
      return
    }
    this.#logged.delete(source)
    this.#logged.set(source, { at: now, silent: 0 })
    if (this.#logged.size > REFUSALS_TOLD) this.#logged.delete(this.#logged.keys().next().value!)
    this.#options.report({ why, peer, host, times: (last?.silent ?? 0) + 1 })
  }
}
