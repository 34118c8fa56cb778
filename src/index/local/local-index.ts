/**
 * A Local's end of the index protocol, as a state machine without I/O (specs/004-index.md, "Local").
 *
 * Participants: one Global, reached over one link that comes and goes; any number of callers. Goals: whatever is held is
 * let go of as Global says, before that is acknowledged; a reader learns whether what is held may be served; requests
 * are pipelined and settled once. Non-goals: dialling, the bytes of values, and the callers' own time-outs.
 *
 * Effects are to be carried out in order and at once: `apply` is done when the next effect is looked at.
 */
import { DstoreError } from '../../errors.ts'
import { PING_INTERVAL_MS, REDIAL_PATIENCE_MS, SILENCE_MS } from '../../limits.ts'
import { InFlight, keyThing, nameThing, type Flight } from './in-flight.ts'
import {
  VERSIONS,
  type Digest,
  type Feed,
  type Message,
  type Position,
  type Welcome,
} from '../message.ts'
import type { LocalEffect, LocalEvent } from './local-events.ts'
import { RequestQueue, errorOf, type Settled } from './request-queue.ts'
import { Revalidation } from './revalidation.ts'
import { ALL_RULES, type Rules } from '../rules.ts'
import { seqsIn } from '../seqs.ts'
import { Freshness, leaseOver, type Pulse, type Verdict } from './freshness.ts'

export type { LocalEffect, LocalEvent } from './local-events.ts'

/** `away`: no link. `greeting`: Hello was sent. `connected`: welcome. */
export type LinkState = 'away' | 'greeting' | 'connected'

const HELLO_ID = 1

/** Revalidations are asked under this id, one at a time. */
const REVALIDATE_ID = 2

/** Pings have ids of their own: no two of them the same while a link lasts. */
const FIRST_PING = 0x8000_0000

export class LocalIndex {
  readonly #bootId: Uint8Array
  readonly #rules: Rules
  readonly #inFlight = new InFlight()
  readonly #requests: RequestQueue
  readonly #revalidation: Revalidation = new Revalidation()
  readonly #standing: Freshness
  readonly #readers = new Map<number, number>()
  #link: LinkState = 'away'
  #linkError: DstoreError
  #awaySince: number
  #heardAt = 0
  #pingedAt = 0
  #lastPing = FIRST_PING
  #helloAt = 0
  /** What was applied last: brought along at the next Hello. */
  #position: Position | undefined
  /** The highest seq that was heard of in the run of `#position`. */
  #seen = 0
  /** What is to be acknowledged once everything that is void was asked about. */
  #owed: Position | undefined
  #cut = false
  #gathering = false
  /** Shown until Global welcomes this node, and never again. */
  #ticketSecret: Uint8Array | undefined
  /** Feeds that wait to be applied: only where that rule is off. */
  #late: Feed[] = []
  #effects: LocalEffect[] = []

  constructor(options: {
    bootId: Uint8Array
    now: number
    rules?: Rules
    /** The secret of a ticket, for a node that is no member yet. */
    ticketSecret?: Uint8Array | undefined
  }) {
    const { bootId, now, rules = ALL_RULES, ticketSecret } = options
    this.#ticketSecret = ticketSecret
    this.#bootId = bootId
    this.#rules = rules
    this.#requests = new RequestQueue(this.#inFlight, rules)
    this.#standing = new Freshness({ rules, now })
    this.#awaySince = now
    this.#linkError = new DstoreError('unreachable', 'not connected to Global yet')
  }

  get link(): LinkState {
    return this.#link
  }

  /** The lease that Global grants, in milliseconds. */
  get leaseMs(): number | undefined {
    return this.#standing.leaseMs
  }

  get pulse(): Pulse {
    return this.#standing.pulse
  }

  /** Is the link there, and has been silent for too long? */
  isDoubtful(now: number): boolean {
    return this.#link === 'connected' && this.#standing.isDoubtful(now)
  }

  /** Up to which change everything is applied, in which run. */
  get position(): Position | undefined {
    return this.#position
  }

  /** May what is held be served at this moment? To be asked before every read, and again after `wait`. */
  verdict(now: number): Verdict {
    return this.#standing.verdict(now, now)
  }

  /** Has the lease of what is held run out? */
  isLeaseOver(now: number): boolean {
    return this.#standing.isExpired(now)
  }

  /**
   * Something about this key goes on beside the index stream, and may end in keeping the value: only where the link is there
   * and stays. What a hello did not tell of, because it came later, might be of a history that Global does not know.
   */
  begin(digest: Digest): Flight {
    const flight = this.#inFlight.begin([keyThing(digest)])
    if (this.#link !== 'connected') this.#inFlight.lost(keyThing(digest), Infinity)
    return {
      end: () => flight.end(),
      isFresh: (what, incarnation) => {
        const fresh = flight.isFresh(what, incarnation) || !this.#rules.putsInFlight
        if (fresh) this.#seen = Math.max(this.#seen, incarnation)
        return fresh
      },
    }
  }

  handle(event: LocalEvent): LocalEffect[] {
    this.#effects = []
    switch (event.type) {
      case 'opened':
        this.#opened(event.now)
        break
      case 'message':
        this.#message(event.message, event.now)
        break
      case 'closed':
        this.#closed(event.now, event.error)
        break
      case 'request':
        this.#requests.add(event.ticket, event.body, event.digests)
        if (this.#link !== 'connected') this.#failImpatient(event.now)
        else if (this.#requests.mayGather(event.body)) this.#gather()
        else this.#sendWaiting()
        break
      case 'gathered':
        this.#gathering = false
        this.#sendWaiting()
        break
      case 'cancel':
        this.#requests.cancel(event.ticket)
        this.#readers.delete(event.ticket)
        break
      case 'consult':
        this.#readers.set(event.ticket, event.now)
        break
      case 'held':
        this.#revalidation.begin(event.digests)
        this.#revalidate()
        break
      case 'tick':
        this.#tick(event.now)
        break
    }
    if ('now' in event) this.#look(event.now)
    return this.#effects
  }

  #opened(now: number): void {
    this.#link = 'greeting'
    this.#heardAt = now
    this.#helloAt = now
    this.#send({
      id: HELLO_ID,
      body: {
        type: 'hello',
        versions: VERSIONS,
        bootId: this.#bootId,
        position: this.#position,
        seen: this.#seen,
        ticketSecret: this.#ticketSecret,
      },
    })
  }

  #message(message: Message, now: number): void {
    const { id, body } = message
    this.#heardAt = now
    this.#standing.heard(now)
    this.#seen = Math.max(this.#seen, ...seqsIn(body))
    if (this.#link === 'greeting') return this.#greeted(message, now)
    switch (body.type) {
      case 'ping':
        return this.#send({ id, body: { type: 'pong', seq: 0 } })
      case 'pong':
        if (id >= FIRST_PING && this.#standing.ponged(id, body.seq)) return
        break
      case 'feed':
        return this.#feed(body)
      case 'goodbye':
        return this.#hangUp(new DstoreError('unreachable', `Global stopped: ${body.reason}`))
      case 'failure':
        if (id === 0) return this.#dismissed(errorOf(body))
        break
      case 'located':
        if (id === REVALIDATE_ID) return this.#verified(body.facts)
        break
      default:
        break
    }
    try {
      for (const settled of this.#requests.answered(message)) {
        this.#settle(settled)
        const { result } = settled
        if (result instanceof DstoreError && result.code === 'protocol') this.#hangUp(result)
      }
      if (!this.#gathering) this.#sendWaiting()
    } catch (error) {
      this.#hangUp(error as DstoreError)
    }
  }

  #greeted({ body }: Message, now: number): void {
    if (body.type === 'welcome' && VERSIONS.includes(body.version)) {
      this.#welcomed(body, now)
    } else if (body.type === 'failure') {
      const error = errorOf(body)
      this.#effects.push({ type: 'refused', error })
      this.#dismissed(error)
    } else {
      this.#hangUp(new DstoreError('protocol', 'Global did not answer the hello with a welcome'))
    }
  }

  /** Global ends the session, and says why. */
  #dismissed(error: DstoreError): void {
    if (error.code === 'not-permitted') {
      this.#standing.refused()
      this.#effects.push({ type: 'cut', error })
    }
    this.#hangUp(error)
  }

  #welcomed({ position, reset, leaseMs, members }: Welcome, now: number): void {
    this.#link = 'connected'
    this.#ticketSecret = undefined
    this.#pingedAt = now
    if (!reset && this.#position === undefined) {
      return this.#hangUp(new DstoreError('protocol', 'Global goes on from where nobody was'))
    }
    const applied = reset ? position.seq : this.#position!.seq
    this.#standing.welcomed({ sentAt: this.#helloAt, seq: position.seq, leaseMs, applied })
    this.#run = position.runId
    this.#owed = reset ? position : undefined
    if (reset) {
      this.#effects.push({ type: 'members', peers: members })
      this.#inFlight.reset()
      this.#seen = position.seq
    } else {
      // What it stands for in the run before, it stands for in this one.
      this.#position = { runId: position.runId, seq: applied }
    }
    if (!this.#rules.acknowledgeVerified) this.#acknowledgeReset()
    if (reset && this.#rules.revalidate) this.#effects.push({ type: 'reset' })
    else this.#revalidate()
    this.#sendWaiting()
  }

  /** The run whose feed is read. */
  #run: Uint8Array = new Uint8Array(16)

  #feed(feed: Feed): void {
    const at = this.#position?.seq
    if (this.#owed !== undefined || at === undefined || feed.after !== at) {
      this.#hangUp(new DstoreError('protocol', 'the feed does not go on from where this Local is'))
      return
    }
    if (this.#rules.applyBeforeAck) this.#apply(feed)
    else this.#late.push(feed)
    this.#position = { runId: this.#run, seq: feed.upto }
    this.#standing.applied(feed.upto)
    this.#send({ id: 0, body: { type: 'ack', seq: feed.upto } })
  }

  #apply({ removals, unbindings, ...feed }: Feed): void {
    const memberships = feed.memberships.filter(
      ({ admitted }) => admitted || this.#rules.expulsions,
    )
    for (const { digest, seq } of removals) this.#inFlight.lost(keyThing(digest), seq)
    for (const { name, seq } of unbindings) this.#inFlight.lost(nameThing(name), seq)
    if (removals.length + unbindings.length + memberships.length > 0) {
      this.#effects.push({ type: 'apply', removals, unbindings, memberships })
    }
  }

  #verified(facts: Parameters<Revalidation['answered']>[0]): void {
    for (const { digest, incarnation } of this.#revalidation.answered(facts)) {
      this.#effects.push({ type: 'verified', digest, incarnation })
    }
    this.#revalidate()
  }

  /** Ask about the next batch of what is void; acknowledge what was owed when there is none. */
  #revalidate(): void {
    if (this.#link !== 'connected') return
    const digests = this.#revalidation.next()
    if (digests !== undefined) {
      this.#send({ id: REVALIDATE_ID, body: { type: 'locate', digests, inline: false } })
    } else if (this.#revalidation.isDone) {
      this.#acknowledgeReset()
    }
  }

  #acknowledgeReset(): void {
    if (this.#owed === undefined) return
    this.#position = this.#owed
    this.#owed = undefined
    this.#send({ id: 0, body: { type: 'ack', seq: this.#position.seq } })
  }

  #closed(now: number, error: DstoreError): void {
    if (this.#link === 'connected') this.#awaySince = now
    this.#link = 'away'
    this.#linkError = error
    this.#owed = undefined
    this.#standing.closed(now)
    this.#revalidation.broke()
    this.#inFlight.reset()
    for (const settled of this.#requests.broke()) this.#settle(settled)
    this.#failImpatient(now)
  }

  #tick(now: number): void {
    for (const feed of this.#late.splice(0)) this.#apply(feed)
    this.#standing.look(now)
    if (this.#link === 'away') {
      this.#failImpatient(now)
    } else if (now - this.#heardAt >= SILENCE_MS) {
      const silence = `Global has been silent for ${SILENCE_MS / 1000} s`
      this.#hangUp(new DstoreError('unreachable', silence))
    } else if (this.#link === 'connected' && now - this.#pingedAt >= this.#pingEvery) {
      this.#ping(now)
    }
  }

  /** A lease is renewed several times before it runs out. */
  get #pingEvery(): number {
    return Math.min(PING_INTERVAL_MS, (this.leaseMs ?? Infinity) / 4)
  }

  /** Answer the readers whose question is decided, ask Global where it is not, and cut reads without a lease. */
  #look(now: number): void {
    const expired = this.#standing.isExpired(now)
    if (expired && !this.#cut) this.#effects.push({ type: 'cut', error: leaseOver() })
    this.#cut = expired
    for (const [ticket, since] of this.#readers) {
      const verdict = this.#standing.verdict(now, since)
      if (verdict !== 'wait') {
        this.#readers.delete(ticket)
        this.#effects.push({ type: 'verdict', ticket, verdict })
      } else if (this.#link === 'connected' && !this.#standing.isAsking) {
        this.#ping(now)
      }
    }
  }

  #ping(now: number): void {
    this.#pingedAt = now
    this.#lastPing = this.#lastPing === 0xffff_ffff ? FIRST_PING : this.#lastPing + 1
    this.#standing.pinged(this.#lastPing, now)
    this.#send({ id: this.#lastPing, body: { type: 'ping' } })
  }

  /** Whoever waited for the link as long as a redial may take is told that Global is away. */
  #failImpatient(now: number): void {
    const isRefused = this.#linkError.code === 'not-permitted'
    const isPatient = now - this.#awaySince < REDIAL_PATIENCE_MS && !isRefused
    if (this.#requests.isIdle || isPatient) return
    const { message } = this.#linkError
    const away = `Global cannot be reached: ${message}`
    const error = isRefused
      ? this.#linkError
      : new DstoreError('unreachable', away, { cause: this.#linkError })
    for (const settled of this.#requests.fail(error)) this.#settle(settled)
  }

  #settle(settled: Settled): void {
    this.#effects.push({ type: 'settle', ...settled })
  }

  /** Others are likely to ask in this turn as well. */
  #gather(): void {
    if (!this.#gathering) this.#effects.push({ type: 'gather' })
    this.#gathering = true
  }

  #sendWaiting(): void {
    if (this.#link !== 'connected') return
    for (const message of this.#requests.sendable()) this.#send(message)
  }

  #send(message: Message): void {
    this.#effects.push({ type: 'send', message })
  }

  #hangUp(error: DstoreError): void {
    this.#effects.push({ type: 'hang-up', error })
  }
}
