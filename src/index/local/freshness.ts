/**
 * May a Local serve what it holds (specs/004-index.md, "Rules: connected, doubtful, away" and
 * "Rules: leases")? Decided at every read by comparing times.
 *
 * A *proof* is an answer of Global to a message that was sent at a known time, with the seq of the
 * last change before the answer. Once that seq is applied, so is every removal from before the
 * sending. Then the proof ends any older doubt, and renews the lease from the time of sending.
 */
import { DstoreError } from '../../errors.ts'
import { DOUBT_MS, PING_INTERVAL_MS, REDIAL_PATIENCE_MS, REQUESTS_IN_FLIGHT } from '../../limits.ts'
import type { Rules } from '../rules.ts'

/**
 * `serve`: held values are current. `stale`: Global is away; held values may be served. `ask`: ask
 * Global about this key. `wait`: a verdict is due soon. `expired`: the lease expired. `refused`:
 * this node is not a member of its Global.
 */
export type Verdict = 'serve' | 'stale' | 'ask' | 'wait' | 'expired' | 'refused'

/** How long after a welcome the first ping is sent: a Local learns early that Global is a set. */
const FIRST_PING_MS = 100

/** The range of ids of pings, which share theirs with no request. */
const FIRST_PING = 0x8000_0000
const LAST_PING = 0xffff_ffff

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
  /** When the doubt began, or the link broke. */
  #doubtSince: number | undefined
  #applied = 0
  #pingedAt = 0
  /** Was a ping sent since the welcome? Its pong tells whether Global is a set. */
  #hasPinged = false
  #lastPing = FIRST_PING
  /** When each unanswered ping was sent, by its id. */
  readonly #pings = new Map<number, number>()
  /** Proofs whose seq is not applied yet. */
  #proofs: Proof[] = []
  /** Since when each reader waits for a verdict, by its ticket. */
  readonly #readers = new Map<number, number>()
  /** The seq of the welcome: until it is applied, each key needs a question. */
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

  /** Of the last hello or ping, in milliseconds; undefined before the first welcome. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** `sentAt`: when the hello was sent. */
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
    this.#pingedAt = this.#heardAt
    this.#hasPinged = false
    this.#prove({ sentAt, seq })
  }

  /** This node is not a member: nothing is served until the next welcome. */
  refused(): void {
    this.#refused = true
  }

  closed(now: number): void {
    this.#connected = false
    this.#doubtSince ??= now
  }

  /** A message came. Called before anything else sees it, for a long silence leaves a doubt. */
  heard(now: number): void {
    // Also where there is a doubt: what answers a ping from before this silence proves nothing.
    if (now - this.#heardAt > DOUBT_MS) this.#doubtSince = now
    this.#heardAt = now
  }

  /** Notes a doubt if Global was silent for too long. */
  poll(now: number): void {
    if (now - this.#heardAt > DOUBT_MS) this.#doubtSince ??= now
  }

  /** True several times within a lease, to renew it in time. */
  isPingDue(now: number): boolean {
    const interval = this.#hasPinged ? PING_INTERVAL_MS : FIRST_PING_MS
    return now - this.#pingedAt >= Math.min(interval, (this.#leaseMs ?? Infinity) / 4)
  }

  /** A ping is sent. Its id. */
  ping(now: number): number {
    this.#pingedAt = now
    this.#hasPinged = true
    this.#lastPing = this.#lastPing === LAST_PING ? FIRST_PING : this.#lastPing + 1
    this.#pings.set(this.#lastPing, now)
    if (this.#pings.size > REQUESTS_IN_FLIGHT) this.#pings.delete(this.#pings.keys().next().value!)
    return this.#lastPing
  }

  isDoubtful(now: number): boolean {
    this.poll(now)
    return this.#doubtSince !== undefined
  }

  /** Is a ping in flight that can end the doubt? */
  get isAsking(): boolean {
    return [...this.#pings.values()].some((sentAt) => sentAt >= (this.#doubtSince ?? 0))
  }

  /** The message that was just heard answers a ping. False if there was no such ping. */
  ponged(id: number, seq: number): boolean {
    const sentAt = this.#pings.get(id)
    if (sentAt === undefined) return false
    this.#pings.delete(id)
    this.#roundTripMs = this.#heardAt - sentAt
    this.#prove({ sentAt, seq })
    return true
  }

  applied(seq: number): void {
    this.#applied = Math.max(this.#applied, seq)
    const ripe = this.#proofs.filter((proof) => proof.seq <= this.#applied)
    this.#proofs = this.#proofs.filter((proof) => proof.seq > this.#applied)
    for (const { sentAt } of ripe) {
      this.#leaseFrom = Math.max(this.#leaseFrom, sentAt)
      if (this.#connected && sentAt >= (this.#doubtSince ?? Infinity)) this.#doubtSince = undefined
    }
  }

  isExpired(now: number): boolean {
    return (
      this.#rules.leases && this.#leaseMs !== undefined && now - this.#leaseFrom >= this.#leaseMs
    )
  }

  /** A reader waits for a verdict. */
  wait(ticket: number, now: number): void {
    this.#readers.set(ticket, now)
  }

  cancel(ticket: number): void {
    this.#readers.delete(ticket)
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0
  }

  /** The readers that have their verdict, which wait no longer. */
  *decided(now: number): Generator<{ readonly ticket: number; readonly verdict: Verdict }> {
    for (const [ticket, since] of this.#readers) {
      const verdict = this.verdict(now, since)
      if (verdict === 'wait') continue
      this.#readers.delete(ticket)
      yield { ticket, verdict }
    }
  }

  /** `since`: when the reader began to wait. */
  verdict(now: number, since: number): Verdict {
    this.poll(now)
    if (this.#refused) return 'refused'
    const patient = now - since < REDIAL_PATIENCE_MS
    if (this.isExpired(now)) return this.#connected && patient ? 'wait' : 'expired'
    if (this.#doubtSince === undefined) return this.#applied < this.#target ? 'ask' : 'serve'
    if (!this.#rules.doubt) return this.#connected ? 'serve' : 'stale'
    return patient && !this.isAway(now) ? 'wait' : 'stale'
  }

  /** Has Global been silent for so long that it counts as away, though the link is there? */
  isAway(now: number): boolean {
    this.poll(now)
    const since = this.#doubtSince ?? Infinity
    return this.#rules.doubt && now - since >= REDIAL_PATIENCE_MS
  }

  #prove(proof: Proof): void {
    this.#proofs.push(proof)
    this.applied(this.#applied)
  }
}

/** The error of readers whose lease has expired. */
export const leaseOver = (): DstoreError =>
  new DstoreError('unreachable', 'Global is away, and the lease of what is held here has run out')
