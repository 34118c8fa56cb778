/**
 * How a Local stands with its Global (specs/004-index.md, "Connected, doubtful, away" and "Leases"): whether what it
 * holds may be served, decided at every read by comparing clocks.
 *
 * A *proof* is an answer of Global to what was sent at a known time, with the seq of the last change before it: once
 * that is applied, everything that was removed before the sending is. It ends a doubt that is older, and renews the
 * lease from the time of sending.
 */
import { DstoreError } from '../../errors.ts'
import { DOUBT_MS, REDIAL_PATIENCE_MS, REQUESTS_IN_FLIGHT } from '../../limits.ts'
import type { Rules } from '../rules.ts'

/**
 * `serve`: what is held is current. `stale`: Global is away; what is held may be served. `ask`: ask Global about this
 * one. `wait`: it will soon be known. `expired`: the lease ran out. `refused`: Global says that this node is no member.
 */
export type Verdict = 'serve' | 'stale' | 'ask' | 'wait' | 'expired' | 'refused'

/** Signs of life of Global; times in milliseconds. */
export interface Pulse {
  /** When it was last heard, on the clock of the events. */
  readonly heardAt: number
  /** How long the greeting, and later the last ping, took there and back; undefined before it was ever welcome. */
  readonly roundTripMs: number | undefined
}

interface Proof {
  readonly sentAt: number
  readonly seq: number
}

export class Freshness {
  readonly #rules: Rules
  #connected = false
  #refused = false
  #heardAt: number
  #roundTripMs: number | undefined
  /** Since when it is doubtful, or without a link. */
  #doubtSince: number | undefined
  #applied = 0
  /** Pings that were not answered, by id: when each was sent. */
  readonly #pings = new Map<number, number>()
  #proofs: Proof[] = []
  /** Applied up to here, it is as current as it was promised at the welcome. */
  #target = 0
  #leaseMs: number | undefined
  #leaseFrom: number

  constructor({ rules, now }: { rules: Rules; now: number }) {
    this.#rules = rules
    this.#heardAt = now
    this.#doubtSince = now
    this.#leaseFrom = now
  }

  get leaseMs(): number | undefined {
    return this.#leaseMs
  }

  get pulse(): Pulse {
    return { heardAt: this.#heardAt, roundTripMs: this.#roundTripMs }
  }

  /** Global welcomed a Hello that was sent at this time. */
  welcomed(welcome: {
    sentAt: number
    seq: number
    leaseMs: number | undefined
    applied: number
  }): void {
    const { sentAt, seq, leaseMs, applied } = welcome
    this.#connected = true
    this.#refused = false
    this.#leaseMs = leaseMs
    this.#target = seq
    this.#applied = applied
    this.#doubtSince = undefined
    this.#pings.clear()
    this.#proofs = []
    this.#roundTripMs = this.#heardAt - sentAt
    this.#prove({ sentAt, seq })
  }

  /** Global says that this node is not, or no longer, a member: until it is welcomed again nothing is served. */
  refused(): void {
    this.#refused = true
  }

  closed(now: number): void {
    this.#connected = false
    this.#doubtSince ??= now
  }

  /** A message came. It is looked at before anything else: silence that was too long leaves a doubt behind. */
  heard(now: number): void {
    this.look(now)
    this.#heardAt = now
  }

  /** Time has passed: is there a doubt? */
  look(now: number): void {
    if (now - this.#heardAt > DOUBT_MS) this.#doubtSince ??= now
  }

  /** A ping goes out. */
  pinged(id: number, now: number): void {
    this.#pings.set(id, now)
    if (this.#pings.size > REQUESTS_IN_FLIGHT) this.#pings.delete(this.#pings.keys().next().value!)
  }

  /** Is there a doubt at this moment? */
  isDoubtful(now: number): boolean {
    this.look(now)
    return this.#doubtSince !== undefined
  }

  /** Is a ping under way that would end the doubt? */
  get isAsking(): boolean {
    return [...this.#pings.values()].some((sentAt) => sentAt >= (this.#doubtSince ?? 0))
  }

  /** The message just heard answers a ping; false where no such ping was sent. */
  ponged(id: number, seq: number): boolean {
    const sentAt = this.#pings.get(id)
    if (sentAt === undefined) return false
    this.#pings.delete(id)
    this.#roundTripMs = this.#heardAt - sentAt
    this.#prove({ sentAt, seq })
    return true
  }

  /** Everything up to this change is applied. */
  applied(seq: number): void {
    this.#applied = Math.max(this.#applied, seq)
    const ripe = this.#proofs.filter((proof) => proof.seq <= this.#applied)
    this.#proofs = this.#proofs.filter((proof) => proof.seq > this.#applied)
    for (const { sentAt } of ripe) {
      this.#leaseFrom = Math.max(this.#leaseFrom, sentAt)
      if (this.#connected && sentAt >= (this.#doubtSince ?? Infinity)) this.#doubtSince = undefined
    }
  }

  /** Has the lease run out? */
  isExpired(now: number): boolean {
    return (
      this.#rules.leases && this.#leaseMs !== undefined && now - this.#leaseFrom >= this.#leaseMs
    )
  }

  /** May what is held be served at this moment, to a reader that has waited since `since`? */
  verdict(now: number, since: number): Verdict {
    this.look(now)
    if (this.#refused) return 'refused'
    const patient = now - since < REDIAL_PATIENCE_MS
    if (this.isExpired(now)) return this.#connected && patient ? 'wait' : 'expired'
    if (this.#doubtSince === undefined) return this.#applied < this.#target ? 'ask' : 'serve'
    if (!this.#rules.doubt) return this.#connected ? 'serve' : 'stale'
    return patient && now - this.#doubtSince < REDIAL_PATIENCE_MS ? 'wait' : 'stale'
  }

  #prove(proof: Proof): void {
    this.#proofs.push(proof)
    this.applied(this.#applied)
  }
}

/** What readers are told whose lease has run out. */
export const leaseOver = (): DstoreError =>
  new DstoreError('unreachable', 'Global is away, and the lease of what is held here has run out')
