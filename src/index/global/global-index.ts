/**
 * The canonical index, as a state machine without I/O (specs/004-index.md).
 *
 * Participants: any number of sessions, one for each connected Local, and `SELF` for the node's own
 * callers. Goals: one order of changes; nothing is visible before it is durable; the index knows
 * which Locals may hold a removed value, feeds them the removal, and waits for their
 * acknowledgements. Non-goals: the bytes of values, which arrive staged and verified.
 *
 * Rows come in as events, and changes go out as transactions conditional on their versions. So
 * memory is bounded by the sessions, their requests and the register, not by the number of keys.
 */
import { BATCH_ITEMS, DOUBT_MS, FORGET_AFTER_MS } from '../../limits.ts'
import type { Members } from '../../membership/members.ts'
import type { Body, Position } from '../message.ts'
import { type Change } from '../records/change-record.ts'
import { WALL_ROW, encodeWall } from '../records/record.ts'
import { decodeStoredRules } from '../records/rule-record.ts'
import { ALL_RULES } from '../rules.ts'
import { VERSIONS } from '../versions.ts'
import { Requests } from './requests/requests.ts'
import { ChangeFeed } from './feed.ts'
import {
  SELF,
  type GlobalEffect,
  type GlobalEvent,
  type GlobalIndexOptions,
  type SessionId,
} from './global-events.ts'
import { LocalRegister, REGISTER_WRITE_MS } from './local-register.ts'
import { redeem } from './membership-plans.ts'
import { PendingRemovals } from './pending-removals.ts'
import type { Done } from './plan.ts'
import { PlanRunner, type Origin, type Task } from './plan-runner.ts'
import { IndexWatch } from './removals/index-watch.ts'
import { Sessions } from './sessions.ts'
import { Trees } from './trees/trees.ts'
import { Names } from './names/names.ts'
import { Lifecycle } from './rules/lifecycle.ts'
import { WALL_WRITE_MS, WallTrust, type Present, type WallDoubt } from './wall-trust.ts'

export { SELF } from './global-events.ts'
export type * from './global-events.ts'

export class GlobalIndex {
  /** For those who watch. */
  readonly watch: IndexWatch
  readonly #options: GlobalIndexOptions
  readonly #register: LocalRegister
  readonly #pendingRemovals: PendingRemovals
  readonly #feed: ChangeFeed
  readonly #sessions: Sessions
  readonly #plans: PlanRunner
  readonly #trees: Trees
  readonly #names: Names
  readonly #lifecycle: Lifecycle
  readonly #requests: Requests
  readonly #wall: WallTrust
  readonly #beganAt: number
  #trimmed: number
  #registerWrittenAt: number
  #wallWrittenAt = -Infinity
  #now: number
  #effects: GlobalEffect[] = []

  constructor(options: GlobalIndexOptions) {
    this.#options = options
    const { recovered, now, leaseMs, rules = ALL_RULES, wall } = options
    const { locals, longestLeaseMs, seq, trimmed, runs, members } = recovered
    this.#register = new LocalRegister({ locals, now, leaseMs, longestLeaseMs, rules })
    this.#pendingRemovals = new PendingRemovals(this.#register, { leaseMs, longestLeaseMs })
    this.#feed = new ChangeFeed(seq, rules)
    const newestWallMs = options.trustClock === true ? undefined : recovered.newestWallMs
    this.#wall = new WallTrust(
      { elapsedMs: now, wallMs: wall() },
      newestWallMs,
      options.wallSettledMs,
    )
    this.#beganAt = now
    this.#trimmed = trimmed
    this.#registerWrittenAt = now
    this.#now = now
    const parts = {
      feed: this.#feed,
      emit: (effect: GlobalEffect) => void this.#effects.push(effect),
      now: () => this.#now,
    }
    const { graceMs } = this.#pendingRemovals
    this.watch = new IndexWatch({ ...parts, register: this.#register, graceMs, wall })
    this.#plans = new PlanRunner({
      ...parts,
      wall,
      onCommitted: (change, isLoss) => this.#committed(change, isLoss),
      onAwait: (task, awaited, since) => this.#await(task, awaited, since),
    })
    this.#names = new Names({
      plans: this.#plans,
      rules,
      run: seq,
      now: parts.now,
      wall,
      trustedMs: () => this.#wall.trustedMs,
      mayLack: () => this.#trees.mayLack,
      silent: () => this.#silent(),
      onMissing: () => this.#trees.onMissing(),
      onCascade: (...cascade) => this.#trees.onCascade(...cascade),
    })
    this.#trees = new Trees({
      naming: this.#names.context(false),
      plans: this.#plans,
      rules,
      batchItems: options.batchItems ?? BATCH_ITEMS,
      now: parts.now,
      wall,
      run: seq,
      highest: () => this.#feed.highest,
      mayBeDamaged: () => options.mayBeDamaged?.() ?? false,
      onCascadeEnd: () => this.#pendingRemovals.poll(this.#now),
    })
    this.#lifecycle = new Lifecycle({
      plans: this.#plans,
      rules,
      stored: recovered.rules ?? decodeStoredRules([]),
      run: seq,
      now: parts.now,
      wall,
      seq: () => this.#feed.seq,
      onCascade: (...cascade) => this.#trees.onCascade(...cascade),
    })
    this.#sessions = new Sessions({
      ...parts,
      runs,
      leaseMs,
      rules,
      register: this.#register,
      members,
      addresses: () => this.#options.addresses?.() ?? [],
      redeem: (peer, shown, finish) => {
        const origin = { session: SELF, id: 0 }
        this.#plans.run({
          origin,
          begin: () => redeem(peer, shown, this.#requests.membership('')),
          finish,
        })
      },
      trimmed: () => this.#trimmed,
      write: (...write) => this.#plans.writeArchived(...write),
      mayRenew: () => this.#options.mayRenew?.() ?? true,
    })
    this.#requests = new Requests({
      options,
      plans: this.#plans,
      trees: this.#trees,
      names: this.#names,
      lifecycle: this.#lifecycle,
      sessions: this.#sessions,
      emit: parts.emit,
      seq: () => this.#feed.seq,
      trimmed: () => this.#trimmed,
      trustedMs: () => this.#wall.trustedMs,
      answer: (origin, body) => this.#answer(origin, body),
      goodbye: (session) => this.#goodbye(session),
      acknowledged: () => this.#pendingRemovals.poll(this.#now),
    })
  }

  /** The last change before which all are durable, as a position. */
  get position(): Position {
    return { runId: this.#options.recovered.runs.at(-1)!.id, seq: this.#feed.seq }
  }

  /** Does the log hold every change after this position? */
  contains(position: Position): boolean {
    return this.#sessions.contains(position)
  }

  /** Something else marks keys as missing: before and after that, each put looks for marks. */
  expectMissing(): void {
    this.#trees.onMissing()
  }

  /** The protocol version of a session; the newest for the node's own callers. */
  versionOf(session: SessionId): number {
    return this.#sessions.versionOf(session) ?? VERSIONS[0]!
  }

  /** Peer ids of the Locals that are connected and welcome. */
  peers(): string[] {
    return this.#sessions.peers()
  }

  /** Every Local that removals wait for. */
  registered(): ReturnType<LocalRegister['entries']> {
    return this.#register.entries()
  }

  /** How often tags moved and names went since the start. */
  get nameCounts(): Names['counts'] {
    return this.#names.counts
  }

  /** The members, as of the last durable change. */
  get members(): Members {
    return this.#options.recovered.members
  }

  /** A value was read at this node by its key. */
  usedKey(digest: Uint8Array): void {
    this.#lifecycle.usedKey(digest)
  }

  /** A name was used at this node, beside its requests. */
  used(name: string): void {
    this.#lifecycle.used(name)
  }

  /** Why nothing is deleted by wall time; undefined if it is trusted. */
  get wallDoubt(): WallDoubt | undefined {
    return this.#wall.doubt
  }

  /** What the age of a change may be measured with; undefined while wall time is not trusted. */
  get present(): Present | undefined {
    const { trustedMs: wallMs } = this.#wall
    if (wallMs === undefined) return undefined
    const run = { seq: this.#options.recovered.seq, beganMs: wallMs - (this.#now - this.#beganAt) }
    return { wallMs, run }
  }

  handle(event: GlobalEvent): GlobalEffect[] {
    this.#effects = []
    this.#now = event.now
    switch (event.type) {
      case 'opened':
        this.#sessions.opened(event.session, event.peer)
        break
      case 'closed':
        this.#sessions.closed(event.session)
        break
      case 'message':
        this.#requests.message(event.session, event.message)
        break
      case 'uploaded':
        this.#requests.uploaded(event)
        break
      case 'replayed':
        this.#sessions.replayed(event.session, event.after, event.changes)
        break
      case 'trimmed':
        this.#trimmed = Math.max(this.#trimmed, event.upto)
        this.members.trimmed(this.#trimmed)
        break
      case 'tick':
        this.#tick()
        break
      default:
        this.#plans.resume(event)
    }
    this.#plans.poll()
    this.#lifecycle.poll()
    return this.#effects
  }

  /** Peer ids of registered Locals that were not heard for a while. */
  #silent(): string[] {
    if (this.#options.rules?.silentNamed === false) return []
    return this.#register.silent(this.#now - DOUBT_MS)
  }

  #goodbye(session: SessionId): void {
    const peer = this.#sessions.peerOf(session)
    this.#sessions.close(session)
    if (peer !== undefined) this.#forget(peer)
  }

  /** Removes a Local from the register: it owes nothing any more. */
  #forget(peer: string): void {
    const write = this.#register.remove(peer)
    if (write !== undefined) this.#plans.write([write], () => undefined)
    this.#pendingRemovals.poll(this.#now)
  }

  #committed(change: Change, isLoss: boolean): void {
    this.#lifecycle.committed(change)
    this.#names.committed(change)
    if (change.type === 'expel') this.#expelled(change.peer)
    if (isLoss) this.#sessions.feedAll()
  }

  #expelled(peer: string): void {
    this.#sessions.expel(peer)
    this.#register.remove(peer)
    this.#effects.push({ type: 'disconnect', peer })
    this.#pendingRemovals.poll(this.#now)
  }

  #await(
    { origin, timeoutMs, finish }: Task,
    awaited: Done & { type: 'await' },
    since: number,
  ): void {
    const { session } = origin
    const { rules = ALL_RULES } = this.#options
    const { seq, removed } = awaited
    const cascade = rules.cascadesAwaited ? awaited.cascade : undefined
    const below = cascade && this.#trees.cascade(cascade.root, cascade.most)
    const item = {
      seq,
      removed,
      since,
      timeoutMs,
      cascade: below,
      isAwaited: () => session === SELF || this.#sessions.peerOf(session) !== undefined,
      answer: finish,
    }
    this.#pendingRemovals.add(item, this.#now)
    this.watch.add(awaited, item.cascade)
  }

  #tick(): void {
    const now = this.#now
    this.#wall.observe({ elapsedMs: now, wallMs: this.#options.wall() })
    this.#sessions.tick()
    const forgetAfterMs = this.#options.forgetAfterMs ?? FORGET_AFTER_MS
    for (const peer of this.#register.outOfTouch(now, forgetAfterMs)) this.#forget(peer)
    if (now - this.#registerWrittenAt >= REGISTER_WRITE_MS) {
      this.#registerWrittenAt = now
      const writes = this.#register.takeUnwritten(this.#feed.lastLoss)
      if (writes.length > 0) this.#plans.write(writes, () => undefined)
    }
    const { trustedMs } = this.#wall
    if (trustedMs !== undefined && now - this.#wallWrittenAt >= WALL_WRITE_MS) {
      this.#wallWrittenAt = now
      this.#plans.write([{ key: WALL_ROW, value: encodeWall(trustedMs) }], () => undefined)
    }
    this.#trees.tick(trustedMs)
    this.#names.tick(trustedMs)
    this.#lifecycle.tick(trustedMs)
    this.#pendingRemovals.poll(now)
    this.watch.poll()
  }

  #answer({ session, id }: Origin, body: Body): void {
    if (session === SELF) this.#effects.push({ type: 'send', session, message: { id, body } })
    else this.#sessions.send(session, { id, body })
  }
}
