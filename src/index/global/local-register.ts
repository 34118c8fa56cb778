/**
 * The Locals that may hold values, and the change up to which each has acknowledged
 * (specs/004-index.md, "Rules: removal"). A removal is owed by every registered Local whose
 * position is below it, connected or not.
 */
import { REGISTERED_LOCALS } from '../../limits.ts'
import { equal } from '../../bytes.ts'
import type { Write } from '../../store/store.ts'
import { withMargin } from '../lease.ts'
import { encodeLocal, localRow, type LocalRecord } from '../records/record.ts'
import { ALL_RULES, type Rules } from '../rules.ts'

interface Entry {
  bootId: Uint8Array
  acknowledged: number
  /** When it last acknowledged more than before. */
  acknowledgedAt: number
  leased: boolean
  connected: boolean
  /** When it was last connected, or when the run began. */
  seenAt: number
  /** When it was last heard, or when the run began. */
  heardAt: number
  /** When its lease expires, with the margin. */
  leaseEnds: number
  /** The position that is durable. */
  written: number
  /** Its row must be written, whatever its position. */
  dirty: boolean
}

type Times = Readonly<Pick<Entry, 'seenAt' | 'heardAt'>>

/**
 * Peer ids of the Locals that have acknowledged a change, that owe it, and whose lease expired
 * instead.
 */
type Acknowledgements = Record<'acknowledged' | 'owed' | 'expired', string[]>

export interface RegisterOptions {
  readonly locals: ReadonlyMap<string, LocalRecord>
  readonly now: number
  /** The lease that Global grants now, and the longest that it ever granted, in milliseconds. */
  readonly leaseMs: number | undefined
  readonly longestLeaseMs: number
  readonly rules?: Rules
}

/** How often acknowledged positions are made durable, where a loss lies between. */
export const REGISTER_WRITE_MS = 30_000

export class LocalRegister {
  readonly #entries = new Map<string, Entry>()
  /** Those that were removed last, the oldest first. */
  readonly #left = new Map<string, Times>()
  readonly #leaseMs: number | undefined
  readonly #rules: Rules

  /** Any Local may have renewed the longest lease a moment before the run began. */
  constructor({ locals, now, leaseMs, longestLeaseMs, rules = ALL_RULES }: RegisterOptions) {
    this.#leaseMs = leaseMs
    this.#rules = rules
    const leaseEnds = now + withMargin(longestLeaseMs)
    for (const [peer, local] of locals) {
      const never = { acknowledgedAt: -Infinity, connected: false, dirty: false }
      const rest = { ...never, seenAt: now, heardAt: now, leaseEnds }
      this.#entries.set(peer, { ...local, ...rest, written: local.acknowledged })
    }
  }

  /** Is this boot of the Local registered? */
  knows(peer: string, bootId: Uint8Array): boolean {
    const entry = this.#entries.get(peer)
    return entry !== undefined && equal(entry.bootId, bootId)
  }

  hasRoomFor(peer: string): boolean {
    return this.#entries.has(peer) || this.#entries.size < REGISTERED_LOCALS
  }

  /**
   * The row that must be durable before a Local is welcomed; undefined if it is already. An unknown
   * boot counts as having acknowledged everything up to `seq`: the current seq if it holds nothing,
   * else 0.
   */
  registration(peer: string, bootId: Uint8Array, seq: number): Write | undefined {
    const entry = this.#entries.get(peer)
    const known = entry !== undefined && equal(entry.bootId, bootId)
    if (known && (this.#leaseMs !== undefined || !entry.leased)) return undefined
    const acknowledged = known ? entry.acknowledged : seq
    const leased = this.#leaseMs !== undefined && seq > 0
    return { key: localRow(peer), value: encodeLocal({ bootId, acknowledged, leased }) }
  }

  /** `applied`: the position from its hello, if the log contains it. */
  welcome(
    peer: string,
    bootId: Uint8Array,
    options: { seq: number; applied: number | undefined; now: number },
  ): void {
    const { seq, applied, now } = options
    const before = this.#entries.get(peer)
    const known = before !== undefined && equal(before.bootId, bootId)
    const acknowledged = known ? Math.max(before.acknowledged, applied ?? 0) : seq
    // A Local that held values without a lease learns of this one from the welcome: see `heard`.
    const leased = this.#leaseMs !== undefined && (known ? before.leased : seq > 0)
    const leaseEnds = before?.leaseEnds ?? 0
    const moved = known && acknowledged !== before.acknowledged
    const acknowledgedAt = moved ? now : (before?.acknowledgedAt ?? -Infinity)
    const written = known ? before.written : acknowledged
    const dirty = known && before.dirty
    const facts = { bootId, acknowledged, acknowledgedAt, leased, leaseEnds, written, dirty }
    this.#entries.set(peer, { ...facts, connected: true, seenAt: now, heardAt: now })
    this.#left.delete(peer)
    this.renew(peer, now)
  }

  /** Its lease starts over. */
  renew(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || this.#leaseMs === undefined) return
    entry.leaseEnds = Math.max(entry.leaseEnds, now + withMargin(this.#leaseMs))
  }

  /** A message after the welcome: the lease now covers everything that the Local holds. */
  heard(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.heardAt = now
    if (entry.leased || this.#leaseMs === undefined) return
    entry.leased = true
    entry.dirty = true
  }

  acknowledge(peer: string, seq: number, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || entry.acknowledged >= seq) return
    entry.acknowledged = seq
    entry.acknowledgedAt = now
  }

  disconnected(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.connected = false
    entry.seenAt = now
  }

  /** Removes a Local, which then owes nothing. The write that makes this durable. */
  remove(peer: string): Write | undefined {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return undefined
    const { connected, seenAt, heardAt } = entry
    this.#entries.delete(peer)
    this.#left.set(peer, { seenAt: connected ? heardAt : seenAt, heardAt })
    if (this.#left.size > REGISTERED_LOCALS) this.#left.delete(this.#left.keys().next().value!)
    return { key: localRow(peer), value: undefined }
  }

  /** Peers that have been out of touch for `ms`. */
  outOfTouch(now: number, ms: number): string[] {
    return [...this.#entries]
      .filter(([, { connected, seenAt }]) => !connected && now - seenAt >= ms)
      .map(([peer]) => peer)
  }

  /** Locals that were not heard since this time, connected or not. */
  silent(since: number): string[] {
    return [...this.#entries].filter(([, one]) => one.heardAt < since).map(([peer]) => peer)
  }

  /** When a Local connected or was lost, and when it was heard last, if it was in this run. */
  timesOf(peer: string): Times | undefined {
    return this.#entries.get(peer) ?? this.#left.get(peer)
  }

  /**
   * The rows that must be durable. Marks them as written. `lastLoss`: the seq of the latest loss; a
   * position counts only where a loss lies between it and the one that is durable.
   */
  takeUnwritten(lastLoss: number): Write[] {
    const writes: Write[] = []
    for (const [peer, entry] of this.#entries) {
      const isLate = entry.written < Math.min(lastLoss, entry.acknowledged)
      if (!entry.dirty && !isLate) continue
      entry.dirty = false
      entry.written = entry.acknowledged
      writes.push({ key: localRow(peer), value: encodeLocal(entry) })
    }
    return writes
  }

  /** Every Local, and the seq up to which it has acknowledged. */
  entries(): { readonly peer: string; readonly connected: boolean; readonly seq: number }[] {
    return [...this.#entries].map(([peer, { connected, acknowledged }]) => {
      return { peer, connected, seq: acknowledged }
    })
  }

  /**
   * Does a Local owe this change? `graceEnds`: when the leases that were granted before it have
   * expired.
   */
  isOwed(seq: number, now: number, graceEnds: number): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.acknowledged < seq && this.#counts(entry) && !expired(entry, now, graceEnds))
        return true
    }
    return false
  }

  /** When a Local that owes this change last came closer to it. */
  movedTowards(seq: number): number {
    let latest = -Infinity
    for (const entry of this.#entries.values()) {
      if (entry.acknowledged < seq) latest = Math.max(latest, entry.acknowledgedAt)
    }
    return latest
  }

  acknowledgements(seq: number, now: number, graceEnds: number): Acknowledgements {
    const all: Acknowledgements = { acknowledged: [], owed: [], expired: [] }
    for (const [peer, entry] of this.#entries) {
      if (entry.acknowledged >= seq) all.acknowledged.push(peer)
      else if (!this.#counts(entry)) continue
      else if (expired(entry, now, graceEnds)) all.expired.push(peer)
      else all.owed.push(peer)
    }
    return all
  }

  #counts(entry: Entry): boolean {
    return entry.connected || this.#rules.register
  }
}

/**
 * A lease that was renewed after a change does not count: its holder has applied the change, or
 * does not serve.
 */
function expired({ leased, leaseEnds }: Entry, now: number, graceEnds: number): boolean {
  return leased && now >= Math.min(leaseEnds, graceEnds)
}
