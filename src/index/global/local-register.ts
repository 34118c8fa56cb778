/**
 * Who may hold values, and up to which change each has acknowledged (specs/004-index.md, "The register"). A removal is
 * owed by every registered Local whose position is below it, connected or not.
 */
import { LEASE_MARGIN_MS, LEASE_MARGIN_PERCENT, REGISTERED_LOCALS } from '../../limits.ts'
import { equal } from '../../bytes.ts'
import type { Write } from '../../store/store.ts'
import { encodeLocal, localRow, type LocalRecord } from '../records/record.ts'
import { ALL_RULES, type Rules } from '../rules.ts'

interface Entry {
  bootId: Uint8Array
  acknowledged: number
  leased: boolean
  connected: boolean
  /** When it was last connected, or Global began. */
  seenAt: number
  /** Until when it may serve, as Global granted it, with the margin. */
  leaseEnds: number
  /** What was acknowledged is not durable yet. */
  dirty: boolean
}

/** Who has applied a removal, who has not, and whose lease ran out meanwhile: peer ids. */
export interface Standing {
  readonly acknowledged: string[]
  readonly owed: string[]
  readonly expired: string[]
}

export interface RegisterOptions {
  readonly locals: ReadonlyMap<string, LocalRecord>
  readonly now: number
  /** The lease that is granted now, and the longest that ever was, in milliseconds. */
  readonly leaseMs: number | undefined
  readonly longestLeaseMs: number
  readonly rules?: Rules
}

export class LocalRegister {
  readonly #entries = new Map<string, Entry>()
  readonly #leaseMs: number | undefined
  readonly #rules: Rules

  /** Every Local that was granted a lease before may have been granted it a moment ago, at its longest. */
  constructor({ locals, now, leaseMs, longestLeaseMs, rules = ALL_RULES }: RegisterOptions) {
    this.#leaseMs = leaseMs
    this.#rules = rules
    const leaseEnds = now + withMargin(longestLeaseMs)
    for (const [peer, local] of locals) {
      const rest = { connected: false, seenAt: now, leaseEnds, dirty: false }
      this.#entries.set(peer, { ...local, ...rest })
    }
  }

  /** Does this boot of the Local stand in the register? */
  knows(peer: string, bootId: Uint8Array): boolean {
    const entry = this.#entries.get(peer)
    return entry !== undefined && equal(entry.bootId, bootId)
  }

  /** Is there room for one more? */
  admits(peer: string): boolean {
    return this.#entries.has(peer) || this.#entries.size < REGISTERED_LOCALS
  }

  /**
   * A Local says hello: what must be durable before it is welcomed, or undefined where nothing changes. A boot that
   * is not known has acknowledged everything up to `seq`: all of it where its memory is empty, else nothing.
   */
  arrival(peer: string, bootId: Uint8Array, seq: number): Write | undefined {
    const entry = this.#entries.get(peer)
    const known = entry !== undefined && equal(entry.bootId, bootId)
    if (known && (this.#leaseMs !== undefined || !entry.leased)) return undefined
    const acknowledged = known ? entry.acknowledged : seq
    const leased = this.#leaseMs !== undefined && seq > 0
    return { key: localRow(peer), value: encodeLocal({ bootId, acknowledged, leased }) }
  }

  /** It is welcomed. `applied`: the position that it brought, where the log holds it. */
  welcome(
    peer: string,
    bootId: Uint8Array,
    options: { seq: number; applied: number | undefined; now: number },
  ): void {
    const { seq, applied, now } = options
    const before = this.#entries.get(peer)
    const known = before !== undefined && equal(before.bootId, bootId)
    const acknowledged = known ? Math.max(before.acknowledged, applied ?? 0) : seq
    // Who held values without a lease knows of this one only when he has read the welcome: see `heard`.
    const leased = this.#leaseMs !== undefined && (known ? before.leased : seq > 0)
    const leaseEnds = before?.leaseEnds ?? 0
    const dirty = known && acknowledged !== before.acknowledged
    this.#entries.set(peer, {
      bootId,
      acknowledged,
      leased,
      connected: true,
      seenAt: now,
      leaseEnds,
      dirty,
    })
    this.renew(peer, now)
  }

  /** Its lease begins anew, as seen by Global. */
  renew(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || this.#leaseMs === undefined) return
    entry.leaseEnds = Math.max(entry.leaseEnds, now + withMargin(this.#leaseMs))
  }

  /** It spoke after its welcome: whatever it holds is under the lease that it was granted. */
  heard(peer: string): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || entry.leased || this.#leaseMs === undefined) return
    entry.leased = true
    entry.dirty = true
  }

  acknowledge(peer: string, seq: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || entry.acknowledged >= seq) return
    entry.acknowledged = seq
    entry.dirty = true
  }

  left(peer: string, now: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.connected = false
    entry.seenAt = now
  }

  /** It said goodbye, was expelled, or is forgotten: nothing is owed by it. What makes that durable. */
  strike(peer: string): Write | undefined {
    return this.#entries.delete(peer) ? { key: localRow(peer), value: undefined } : undefined
  }

  /** Peers that were out of touch for so long, in milliseconds. */
  outOfTouch(now: number, ms: number): string[] {
    return [...this.#entries]
      .filter(([, { connected, seenAt }]) => !connected && now - seenAt >= ms)
      .map(([peer]) => peer)
  }

  /** What was acknowledged and is not durable yet, to be written now. */
  unwritten(): Write[] {
    const writes: Write[] = []
    for (const [peer, entry] of this.#entries) {
      if (!entry.dirty) continue
      entry.dirty = false
      writes.push({ key: localRow(peer), value: encodeLocal(entry) })
    }
    return writes
  }

  /** Every Local, and up to where it has acknowledged. */
  entries(): { readonly peer: string; readonly connected: boolean; readonly seq: number }[] {
    return [...this.#entries].map(([peer, { connected, acknowledged }]) => {
      return { peer, connected, seq: acknowledged }
    })
  }

  /** Does anybody still owe this? `graceEnds`: when the leases that were granted before the change have run out. */
  isOwed(seq: number, now: number, graceEnds: number): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.acknowledged < seq && this.#counts(entry) && !expired(entry, now, graceEnds))
        return true
    }
    return false
  }

  standing(seq: number, now: number, graceEnds: number): Standing {
    const standing: Standing = { acknowledged: [], owed: [], expired: [] }
    for (const [peer, entry] of this.#entries) {
      if (entry.acknowledged >= seq) standing.acknowledged.push(peer)
      else if (!this.#counts(entry)) continue
      else if (expired(entry, now, graceEnds)) standing.expired.push(peer)
      else standing.owed.push(peer)
    }
    return standing
  }

  #counts(entry: Entry): boolean {
    return entry.connected || this.#rules.register
  }
}

/** Leases that are granted after a change do not reach beyond it: their holder has applied it, or does not serve. */
function expired({ leased, leaseEnds }: Entry, now: number, graceEnds: number): boolean {
  return leased && now >= Math.min(leaseEnds, graceEnds)
}

/** How long Global waits for a lease to have run out at the Local, whose clock may be slower. */
export function withMargin(leaseMs: number): number {
  return leaseMs * (1 + LEASE_MARGIN_PERCENT / 100) + LEASE_MARGIN_MS
}
