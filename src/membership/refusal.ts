/** Why peers are refused: counted, and told once (specs/006-membership.md, "What is counted"). */
import { REFUSALS_TOLD, REFUSAL_TOLD_MS } from '../limits.ts'

/**
 * `stranger`: no member, and no ticket. `ticket`: its secret admits nobody. `expelled`: no longer a member. `flood`: too
 * many were refused lately. `late`: it did not say who it is in time. `role`: its role is not enough. `connections`,
 * `streams`: it has too many. `protocol`: it broke the protocol.
 */
export type Refusal =
  | 'stranger'
  | 'ticket'
  | 'expelled'
  | 'flood'
  | 'late'
  | 'role'
  | 'connections'
  | 'streams'
  | 'protocol'

export const NO_REFUSALS: Readonly<Record<Refusal, number>> = {
  stranger: 0,
  ticket: 0,
  expelled: 0,
  flood: 0,
  late: 0,
  role: 0,
  connections: 0,
  streams: 0,
  protocol: 0,
}

/** How often each came up. */
export type RefusalCounts = Readonly<Record<Refusal, number>>

export interface Refused {
  readonly why: Refusal
  /** Peer id, where it is proved. */
  readonly peer: string | undefined
  /** IP address, where it is known. */
  readonly host: string | undefined
  /** How often since it was told last, with this one. */
  readonly times: number
}

export interface RefusalsOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Tell a person. */
  readonly tell: (refused: Refused) => void
}

export class Refusals {
  readonly #options: RefusalsOptions
  readonly #counts: Record<Refusal, number> = { ...NO_REFUSALS }
  /** What was told of whom, the longest ago first. */
  readonly #told = new Map<string, { at: number; silent: number }>()

  constructor(options: RefusalsOptions) {
    this.#options = options
  }

  get counts(): RefusalCounts {
    return { ...this.#counts }
  }

  /** Count it; tell it if the same was not told of the same peer, or host, a short while ago. */
  add(why: Refusal, peer: string | undefined, host?: string): void {
    this.#counts[why]++
    const now = this.#options.now()
    // Whoever can make identities at will is one and the same by its address.
    const who = `${why} ${host ?? peer}`
    const last = this.#told.get(who)
    if (last !== undefined && now - last.at < REFUSAL_TOLD_MS) {
      last.silent++
      return
    }
    this.#told.delete(who)
    this.#told.set(who, { at: now, silent: 0 })
    if (this.#told.size > REFUSALS_TOLD) this.#told.delete(this.#told.keys().next().value!)
    this.#options.tell({ why, peer, host, times: (last?.silent ?? 0) + 1 })
  }
}
