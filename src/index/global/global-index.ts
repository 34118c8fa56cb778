/**
 * The canonical index, as a state machine without I/O (specs/004-index.md, "Global").
 *
 * Participants: any number of sessions, one for each connected Local, and `SELF`, the node's own callers. Goals: one
 * order of changes; nothing is said before it is durable; who may hold a removed value is known, told, and waited for.
 * Non-goals: bytes of values (they come staged and verified).
 *
 * Rows of the store are asked for and come in as events, and changes go out as transactions whose conditions are those
 * rows' versions: what the machine holds is bounded by the sessions, their requests and the register of Locals, not by
 * the number of keys.
 */
import { FORGET_AFTER_MS, REMOVAL_TIMEOUT_MS } from '../../limits.ts'
import type { Location, RecordKey, Row, Write } from '../../store/store.ts'
import type { Members } from '../../membership/members.ts'
import { Admission } from '../admission.ts'
import { redeem } from './membership-plans.ts'
import type { Body, Failure, Message, Position, Request } from '../message.ts'
import * as plans from './request-plans.ts'
import { transactionOf, type Done, type Outcome, type Plan, type Sealed } from './request-plans.ts'
import type { Recovered } from './recovery.ts'
import { isRequest, planOf } from './dispatch.ts'
import { collectReceipts } from '../receipts.ts'
import { LocalRegister, withMargin } from './local-register.ts'
import { ALL_RULES, type Rules } from '../rules.ts'
import type { GlobalEffect, GlobalEvent, SessionId } from './global-events.ts'
import { Sessions } from './sessions.ts'
import { Tail } from './feed.ts'
import { PendingRemovals } from './pending-removals.ts'

/** How often an acknowledged position is made durable. */
const REGISTER_WRITE_MS = 5000

export type { GlobalEffect, GlobalEvent, SessionId } from './global-events.ts'

/** The session of the node's own callers: always there, welcome without a Hello. */
export const SELF: SessionId = 0

interface Origin {
  readonly session: SessionId
  readonly id: number
}

/** Work that waits for the store. */
interface Task {
  readonly origin: Origin
  /** Begins the request's plan, and begins it anew. */
  readonly begin: () => Plan
  plan: Plan
  outcome: Outcome | undefined
  /** A sealed value that is adopted or discarded at the end. */
  readonly sealed?: Location
  readonly timeoutMs?: number | undefined
  readonly finish: (body: Body) => void
}

type Ticket =
  | { readonly type: 'task'; readonly task: Task }
  | { readonly type: 'stage'; readonly origin: Origin; readonly name: string | undefined }
  /** Rows of the register alone. */
  | { readonly type: 'register'; readonly next: () => void }

export interface GlobalIndexOptions {
  readonly recovered: Recovered
  readonly now: number
  /** Wall-clock milliseconds at `now` = 0. */
  readonly epochMs: number
  readonly leaseMs?: number | undefined
  readonly forgetAfterMs?: number
  /** Where Global listens: multiaddrs without its peer id. */
  readonly addresses?: () => readonly string[]
  readonly holders?: plans.HoldersOf
  readonly rules?: Rules
}

export class GlobalIndex {
  readonly #options: GlobalIndexOptions
  readonly #register: LocalRegister
  readonly #waiting: PendingRemovals
  readonly #tail: Tail
  readonly #sessions: Sessions
  readonly #admission: Admission
  readonly #tickets = new Map<number, Ticket>()
  /** Changes that are being committed. */
  #committing = 0
  /** Removals whose seq may be of a change that is being committed. */
  #early: {
    readonly task: Task
    readonly done: Done & { type: 'await' }
    readonly since: number
  }[] = []
  #lastTicket = 0
  #trimmed: number
  #writtenAt: number
  #now: number
  #effects: GlobalEffect[] = []

  constructor(options: GlobalIndexOptions) {
    this.#options = options
    const { recovered, now, leaseMs, rules = ALL_RULES, epochMs, addresses = () => [] } = options
    const { locals, longestLeaseMs, seq, trimmed, runs, members } = recovered
    this.#admission = new Admission({ members, epochMs, addresses })
    this.#register = new LocalRegister({ locals, now, leaseMs, longestLeaseMs, rules })
    this.#waiting = new PendingRemovals(this.#register)
    this.#tail = new Tail(seq)
    this.#trimmed = trimmed
    this.#writtenAt = now
    this.#now = now
    this.#sessions = new Sessions({
      runs,
      leaseMs,
      rules,
      tail: this.#tail,
      register: this.#register,
      members,
      redeem: (peer, secret, then) => this.#redeem(peer, secret, then),
      trimmed: () => this.#trimmed,
      emit: (effect) => this.#effects.push(effect),
      write: (writes, then) => this.#writeRegister(writes, then),
      now: () => this.#now,
    })
  }

  /** The last change before which all are durable, as a position. */
  get position(): Position {
    return { runId: this.#options.recovered.runs.at(-1)!.id, seq: this.#tail.seq }
  }

  /** Does the log tell everything that came after this position? */
  contains(position: Position): boolean {
    return this.#sessions.contains(position)
  }

  /** Locals that are connected and welcome. */
  peers(): string[] {
    return this.#sessions.peers()
  }

  /** Every Local that removals wait for. */
  registered(): ReturnType<LocalRegister['entries']> {
    return this.#register.entries()
  }

  /** Who is a member, as of the last durable change. */
  get members(): Members {
    return this.#options.recovered.members
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
        this.#message(event.session, event.message)
        break
      case 'uploaded': {
        const { id, value, name } = event
        this.#put({ session: SELF, id }, value, name, (body) =>
          this.#answer({ session: SELF, id }, body),
        )
        break
      }
      case 'rows':
        this.#advance(this.#takeTask(event.ticket), event.rows)
        break
      case 'loaded': {
        const task = this.#takeTask(event.ticket)
        const { outcome } = task
        if (outcome?.type === 'load') task.finish(outcome.answer(event.values))
        break
      }
      case 'sealed':
        this.#sealed(event.ticket, event.values)
        break
      case 'committed':
        this.#committed(event.ticket, event.seq)
        break
      case 'conflicted': {
        const task = this.#takeTask(event.ticket)
        this.#committing--
        this.#begin(task)
        break
      }
      case 'failed':
        this.#failed(event.ticket, event.failure)
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
    }
    for (const { task, done, since } of this.#early.splice(0)) this.#await(task, done, since)
    return this.#effects
  }

  #message(session: SessionId, { id, body }: Message): void {
    const origin = { session, id }
    if (session !== SELF && !this.#sessions.heard(session, { id, body })) return
    if (isRequest(body) && !this.#mayAsk(origin, body)) return
    switch (body.type) {
      case 'put':
        this.#ask({ type: 'stage', origin, name: body.name }, (ticket) => ({
          type: 'stage',
          ticket,
          values: body.values,
        }))
        break
      case 'members':
        this.#answer(origin, this.#admission.page(body, new Set(this.peers())))
        break
      case 'list':
      case 'names':
      case 'watch':
        this.#effects.push({ type: 'page', session, id, body })
        break
      case 'ping':
        this.#answer(origin, { type: 'pong', seq: this.#tail.seq })
        break
      case 'ack':
        if (this.#sessions.acknowledged(session, body.seq)) this.#waiting.look(this.#now)
        break
      case 'goodbye':
        this.#goodbye(session)
        break
      case 'pong':
        break
      default: {
        const asker = this.#sessions.peerOf(session)
        const plan = planOf(
          body,
          () => this.#admission.context(asker, this.#now, this.#trimmed),
          this.#options.holders ?? (() => []),
        )
        const wait = 'timeoutMs' in body ? { timeoutMs: body.timeoutMs } : {}
        if (plan !== undefined) this.#run(origin, plan, wait)
        else this.#sessions.refuse(session, 'protocol', `a ${body.type} was not expected`)
      }
    }
  }

  /** Is the asker's role enough? Where it is not, it is told. */
  #mayAsk(origin: Origin, request: Request): boolean {
    if (origin.session === SELF) return true
    const peer = this.#sessions.peerOf(origin.session)!
    const refusal = this.#admission.refusal(peer, request)
    if (refusal === undefined) return true
    this.#answer(origin, refusal)
    this.#effects.push({ type: 'refused', peer, why: 'role' })
    return false
  }

  #redeem(peer: string, secret: Uint8Array, then: (answer: Body) => void): void {
    const context = () => this.#admission.context(undefined, this.#now, this.#trimmed)
    this.#run({ session: SELF, id: 0 }, () => redeem(peer, secret, context()), { finish: then })
  }

  #goodbye(session: SessionId): void {
    const peer = this.#sessions.peerOf(session)
    this.#sessions.hangUp(session)
    if (peer !== undefined) this.#strike(peer)
  }

  #strike(peer: string): void {
    const write = this.#register.strike(peer)
    if (write !== undefined) this.#writeRegister([write], () => undefined)
    this.#waiting.look(this.#now)
  }

  #sealed(ticket: number, values: readonly Sealed[]): void {
    const { origin, name } = this.#take(ticket) as Ticket & { type: 'stage' }
    const collect = collectReceipts(values.length, (body) => this.#answer(origin, body))
    for (const [at, value] of values.entries()) {
      this.#put(origin, value, name, (body) => collect(at, body))
    }
  }

  #put(
    origin: Origin,
    value: Sealed,
    name: string | undefined,
    finish: (body: Body) => void,
  ): void {
    this.#run(origin, () => plans.put(value, name), { sealed: value.location, finish })
  }

  #run(
    origin: Origin,
    begin: () => Plan,
    rest: { sealed?: Location; timeoutMs?: number | undefined; finish?: (body: Body) => void } = {},
  ): void {
    const finish = rest.finish ?? ((body: Body) => this.#answer(origin, body))
    this.#begin({ ...rest, origin, begin, plan: begin(), outcome: undefined, finish })
  }

  #begin(task: Task): void {
    task.plan = task.begin()
    task.outcome = undefined
    const first = task.plan.next()
    if (first.done !== true) this.#read(task, first.value)
  }

  #read(task: Task, keys: readonly RecordKey[]): void {
    this.#ask({ type: 'task', task }, (ticket) => ({ type: 'read', ticket, keys }))
  }

  #advance(task: Task, rows: readonly (Row | undefined)[]): void {
    const step = task.plan.next(rows)
    if (step.done !== true) return this.#read(task, step.value)
    const outcome = step.value
    task.outcome = outcome
    if (outcome.type === 'load') {
      const { values } = outcome
      if (values.every((value) => value === undefined))
        task.finish(outcome.answer(values.map(() => undefined)))
      else this.#ask({ type: 'task', task }, (ticket) => ({ type: 'load', ticket, values }))
    } else if (outcome.type === 'change') {
      this.#committing++
      const latest = this.#tail.highest + this.#committing
      const atMs = this.#options.epochMs + this.#now
      const transaction = transactionOf(outcome, { atMs, latest })
      this.#ask({ type: 'task', task }, (ticket) => ({ type: 'commit', ticket, transaction }))
    } else {
      this.#discard(task)
      this.#done(task, outcome)
    }
  }

  #committed(ticketId: number, seq: number): void {
    const ticket = this.#take(ticketId)
    if (ticket.type === 'register') return ticket.next()
    const { task } = ticket as Ticket & { type: 'task' }
    const outcome = task.outcome as Outcome & { type: 'change' }
    this.#committing--
    if (outcome.adopt === undefined) this.#discard(task)
    // Who waits for this removal waits before anybody can acknowledge it.
    const isLoss = this.#tail.report(seq, outcome.change)
    this.#done(task, outcome.next(seq))
    if (outcome.change.type === 'expel') this.#expelled(outcome.change.peer)
    if (isLoss) this.#sessions.feedAll()
  }

  #expelled(peer: string): void {
    this.#sessions.expel(peer)
    this.#register.strike(peer)
    this.#effects.push({ type: 'cut', peer })
    this.#waiting.look(this.#now)
  }

  #done(task: Task, done: Done): void {
    if (done.type === 'answer') task.finish(done.body)
    else this.#await(task, done, this.#now)
  }

  #await(task: Task, done: Done & { type: 'await' }, since: number): void {
    // What is remembered of a removal was written before its seq was known, and names the highest that it can have.
    // The store may be ahead of what this machine was told: nothing is certain while anything is being committed.
    if (done.seq > this.#tail.highest && this.#committing > 0) {
      this.#early.push({ task, done, since })
      return
    }
    const now = this.#now
    const { session } = task.origin
    const { leaseMs, recovered } = this.#options
    const longest = Math.max(leaseMs ?? 0, recovered.longestLeaseMs)
    const patience =
      leaseMs === undefined ? REMOVAL_TIMEOUT_MS : withMargin(longest) + REMOVAL_TIMEOUT_MS
    const item = {
      seq: Math.min(done.seq, this.#tail.highest),
      removed: done.removed,
      deadline: since + (task.timeoutMs ?? patience),
      graceEnds: now + withMargin(longest),
      isAwaited: () => session === SELF || this.#sessions.peerOf(session) !== undefined,
      answer: task.finish,
    }
    this.#waiting.add(item, now)
  }

  #failed(ticketId: number, why: Failure): void {
    const ticket = this.#take(ticketId)
    if (ticket.type === 'stage') return this.#answer(ticket.origin, why)
    // What could not be written of the register is written with the next change of it.
    if (ticket.type === 'register') return
    if (ticket.task.outcome?.type === 'change') this.#committing--
    this.#discard(ticket.task)
    ticket.task.finish(why)
  }

  #discard({ sealed }: Task): void {
    if (sealed !== undefined) this.#effects.push({ type: 'discard', location: sealed })
  }

  #tick(): void {
    const now = this.#now
    this.#sessions.tick()
    const forgetAfterMs = this.#options.forgetAfterMs ?? FORGET_AFTER_MS
    for (const peer of this.#register.outOfTouch(now, forgetAfterMs)) this.#strike(peer)
    if (now - this.#writtenAt >= REGISTER_WRITE_MS) {
      this.#writtenAt = now
      const writes = this.#register.unwritten()
      if (writes.length > 0) this.#writeRegister(writes, () => undefined)
    }
    this.#waiting.look(now)
  }

  #writeRegister(writes: readonly Write[], then: () => void): void {
    const transaction = { conditions: [], writes, entry: undefined }
    const commit = (ticket: number): GlobalEffect => ({ type: 'commit', ticket, transaction })
    this.#ask({ type: 'register', next: then }, commit)
  }

  #ask(waiting: Ticket, effect: (ticket: number) => GlobalEffect): void {
    const ticket = ++this.#lastTicket
    this.#tickets.set(ticket, waiting)
    this.#effects.push(effect(ticket))
  }

  #take(ticket: number): Ticket {
    const waiting = this.#tickets.get(ticket)
    if (waiting === undefined) throw new RangeError(`ticket ${ticket} is not waiting`)
    this.#tickets.delete(ticket)
    return waiting
  }

  #takeTask(ticket: number): Task {
    const waiting = this.#take(ticket)
    if (waiting.type !== 'task') throw new RangeError(`ticket ${ticket} is not a request`)
    return waiting.task
  }

  #answer({ session, id }: Origin, body: Body): void {
    if (session === SELF) this.#effects.push({ type: 'send', session, message: { id, body } })
    else this.#sessions.send(session, { id, body })
  }
}
