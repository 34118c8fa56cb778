/**
 * A Local's end of the index protocol, as a state machine without I/O (specs/004-index.md).
 *
 * Participants: one Global, over one link that comes and goes; any number of callers. Goals: losses
 * are applied before they are acknowledged; readers learn whether held values may be served;
 * requests are pipelined and settled once. Non-goals: dialling, bytes of values, time-outs. The
 * driver carries out effects in order and at once: `apply` is done before the next one.
 */
import { DstoreError } from '../../errors.ts'
import { SILENCE_MS } from '../../limits.ts'
import { errorOf } from '../failure.ts'
import type { Digest, Feed, Message, Position, Welcome } from '../message.ts'
import { ALL_RULES, type Rules } from '../rules.ts'
import { VERSIONS } from '../versions.ts'
import { seqsIn } from './named-seqs.ts'
import { Freshness, leaseOver, type Verdict } from './freshness.ts'
import { Greeting, type LinkState } from './greeting.ts'
import { InFlight, keySubject, nameSubject, type Flight } from './in-flight.ts'
import type { LocalEffect, LocalEvent, LocalIndexOptions } from './local-events.ts'
import { Progress } from './progress.ts'
import { RequestQueue, type Settled } from './request-queue.ts'
import { REVALIDATION_ID, Revalidation } from './revalidation.ts'

export class LocalIndex {
  readonly #rules: Rules
  readonly #greeting: Greeting
  readonly #inFlight = new InFlight()
  readonly #requests: RequestQueue
  readonly #revalidation: Revalidation = new Revalidation()
  readonly #freshness: Freshness
  readonly #progress = new Progress()
  #link: LinkState = 'away'
  /** The protocol version of the session, or of the last one. */
  #version = VERSIONS[0]!
  #heardAt = 0
  /** The lease has expired, and the reads are ended. */
  #isExpired = false
  #flushDue = false
  /** Feeds to apply later: only if the rule `applyBeforeAck` is off. */
  #late: Feed[] = []
  #effects: LocalEffect[] = []

  constructor(options: LocalIndexOptions) {
    const { now, rules = ALL_RULES } = options
    this.#greeting = new Greeting(options)
    this.#rules = rules
    this.#requests = new RequestQueue(this.#inFlight, options)
    this.#freshness = new Freshness({ rules, now })
  }

  get link(): LinkState {
    return this.#link
  }

  /** Is a hello out? Nothing of a session beside it may be heard until it is answered. */
  get isGreeting(): boolean {
    return this.#greeting.isOut
  }

  get freshness(): Pick<Freshness, 'leaseMs' | 'roundTripMs' | 'isExpired'> {
    return this.#freshness
  }

  /** Is the link up, but Global silent for too long? */
  isDoubtful(now: number): boolean {
    return this.#link === 'connected' && this.#freshness.isDoubtful(now)
  }

  /** Is Global a set, and may another of its members still take over? */
  get failover(): Pick<RequestQueue, 'isOfSet' | 'isFailingOver'> {
    return this.#requests
  }

  /** Every change up to here is applied. */
  get position(): Position | undefined {
    return this.#progress.position
  }

  /** Asked before every read. After `wait`, the reader sends `check-freshness`. */
  verdict(now: number): Verdict {
    return this.#freshness.verdict(now, now)
  }

  /**
   * Begins an upload beside the index stream. Its value may be kept only if the link is up now and
   * stays up, and no hello goes out meanwhile: otherwise its seq may be of a history that a
   * restored Global does not know.
   */
  begin(digest: Digest): Flight {
    const flight = this.#inFlight.begin([keySubject(digest)])
    const { attempt, isOut } = this.#greeting
    const isVoid = this.#link !== 'connected' || isOut
    if (isVoid) this.#inFlight.overtake(keySubject(digest), Infinity)
    return {
      end: () => flight.end(),
      isFresh: (subject, incarnation) => {
        const isNamed = attempt === this.#greeting.attempt
        const fresh = (isNamed && flight.isFresh(subject, incarnation)) || !this.#rules.putsInFlight
        if (fresh) this.#progress.saw(incarnation)
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
      case 'unanswered':
        this.#greeting.over()
        if (this.#link === 'greeting') this.#closed(event.now, event.error)
        break
      case 'closed':
        if (this.#link === 'greeting') this.#greeting.over()
        this.#closed(event.now, event.error)
        break
      case 'request':
        this.#requests.add(event.ticket, event.body, event.digests, event.isPatient)
        if (this.#link !== 'connected') this.#settle(this.#requests.expire(event.now))
        else if (this.#requests.shouldWait(event.body)) this.#scheduleFlush()
        else this.#flush()
        break
      case 'flush':
        this.#flushDue = false
        this.#flush()
        break
      case 'cancel':
        this.#requests.cancel(event.ticket)
        this.#freshness.cancel(event.ticket)
        break
      case 'check-freshness':
        this.#freshness.wait(event.ticket, event.now)
        break
      case 'wrote':
        if (this.#rules.ownWrites) this.#effects.push(this.#inFlight.wrote(event))
        break
      case 'held':
        this.#revalidation.begin(event.digests)
        this.#revalidate()
        break
      case 'tick':
        this.#tick(event.now)
        break
    }
    if (event.type !== 'cancel') this.#poll(event.now)
    return this.#effects
  }

  #opened(now: number): void {
    if (this.#link === 'away') {
      this.#link = 'greeting'
      this.#heardAt = now
    }
    this.#send(this.#greeting.next(now, this.#progress))
  }

  #message(message: Message, now: number): void {
    const { id, body } = message
    this.#heardAt = now
    this.#freshness.heard(now)
    this.#progress.saw(...seqsIn(body))
    if (this.#link === 'greeting') return this.#greeted(message)
    switch (body.type) {
      case 'ping':
        return this.#send({ id, body: { type: 'pong', seq: 0 } })
      case 'pong':
        if (body.addresses !== undefined) this.#requests.isOfSet = true
        if (this.#freshness.ponged(id, body.seq)) return
        break
      case 'feed':
        return this.#feed(body)
      case 'goodbye':
        return this.#close(new DstoreError('unreachable', `Global stopped: ${body.reason}`))
      case 'failure':
        if (id === 0) return this.#dismissed(errorOf(body))
        break
      case 'located':
        if (id === REVALIDATION_ID) return this.#revalidated(body.facts)
        break
      default:
    }
    try {
      for (const settled of this.#requests.answered(message)) {
        this.#settle([settled])
        const { result } = settled
        if (result instanceof DstoreError && result.code === 'protocol') this.#close(result)
      }
      if (!this.#flushDue) this.#flush()
      if (this.#link === 'connected' && this.#requests.hasManySettled) this.#ping(now)
    } catch (error) {
      this.#close(error as DstoreError)
    }
  }

  #greeted({ body }: Message): void {
    this.#greeting.over()
    if (body.type === 'welcome' && VERSIONS.includes(body.version)) {
      this.#welcomed(body)
    } else if (body.type === 'failure') {
      const error = errorOf(body)
      this.#effects.push({ type: 'refused', error })
      this.#dismissed(error)
    } else {
      this.#close(new DstoreError('protocol', 'Global did not answer the hello with a welcome'))
    }
  }

  /** Global ended the session, with this error. */
  #dismissed(error: DstoreError): void {
    if (error.code === 'not-permitted') {
      this.#freshness.refused()
      this.#effects.push({ type: 'end-reads', error })
    }
    this.#close(error)
  }

  #welcomed(welcome: Welcome): void {
    const { position, reset, leaseMs, members, addresses } = welcome
    this.#link = 'connected'
    this.#version = welcome.version
    this.#greeting.welcomed()
    this.#effects.push({ type: 'addresses', addresses })
    const applied = this.#progress.welcomed(welcome)
    if (applied === undefined) {
      return this.#close(new DstoreError('protocol', 'Global resumed a feed that never began'))
    }
    this.#freshness.welcomed({ sentAt: this.#greeting.sentAt, seq: position.seq, leaseMs, applied })
    if (reset) {
      this.#effects.push({ type: 'members', peers: members })
      this.#inFlight.reset()
    }
    if (!this.#rules.acknowledgeVerified) this.#acknowledgeReset()
    if (reset && this.#rules.revalidate) this.#effects.push({ type: 'reset' })
    else this.#revalidate()
    this.#flush()
  }

  #feed(feed: Feed): void {
    if (!this.#progress.isFollowedBy(feed)) {
      const gap = 'the feed does not continue from the position of this Local'
      return this.#close(new DstoreError('protocol', gap))
    }
    if (this.#rules.applyBeforeAck) this.#apply(feed)
    else this.#late.push(feed)
    this.#progress.applied(feed.upto)
    this.#freshness.applied(feed.upto)
    this.#send({ id: 0, body: { type: 'ack', seq: feed.upto } })
  }

  #apply({ removals, unbindings, ...feed }: Feed): void {
    const memberships = feed.memberships.filter(
      ({ admitted }) => admitted || this.#rules.expulsions,
    )
    for (const { digest, seq } of removals) this.#inFlight.overtake(keySubject(digest), seq)
    for (const { name, seq } of unbindings) this.#inFlight.overtake(nameSubject(name), seq)
    if (removals.length + unbindings.length + memberships.length > 0) {
      this.#effects.push({ type: 'apply', removals, unbindings, memberships })
    }
  }

  #revalidated(facts: Parameters<Revalidation['answered']>[0]): void {
    for (const { digest, incarnation } of this.#revalidation.answered(facts)) {
      this.#effects.push({ type: 'revalidated', digest, incarnation })
    }
    this.#revalidate()
  }

  /** Asks about the next batch of void values; acknowledges the reset after the last. */
  #revalidate(): void {
    if (this.#link !== 'connected') return
    const message = this.#revalidation.next()
    if (message !== undefined) this.#send(message)
    else if (this.#revalidation.isDone) this.#acknowledgeReset()
  }

  #acknowledgeReset(): void {
    const seq = this.#progress.completeReset()
    if (seq !== undefined) this.#send({ id: 0, body: { type: 'ack', seq } })
  }

  #closed(now: number, error: DstoreError): void {
    const awaySince = this.#link === 'connected' ? now : undefined
    this.#link = this.#greeting.isOut ? 'greeting' : 'away'
    this.#progress.closed()
    this.#freshness.closed(now)
    this.#revalidation.closed()
    this.#inFlight.reset()
    this.#settle(this.#requests.closed(error, awaySince))
    this.#settle(this.#requests.expire(now))
  }

  #tick(now: number): void {
    for (const feed of this.#late.splice(0)) this.#apply(feed)
    this.#freshness.poll(now)
    if (this.#link === 'away') {
      this.#settle(this.#requests.expire(now))
    } else if (now - this.#heardAt >= SILENCE_MS) {
      const silence = `Global has been silent for ${SILENCE_MS / 1000} s`
      this.#close(new DstoreError('unreachable', silence))
    } else if (this.#link === 'connected' && this.#freshness.isPingDue(now)) {
      this.#ping(now)
    }
  }

  /** Decides readers, pings Global if that settles the others, ends reads without a lease. */
  #poll(now: number): void {
    if (this.#freshness.isAway(now)) this.#settle(this.#requests.silent())
    const wasExpired = this.#isExpired
    this.#isExpired = this.#freshness.isExpired(now)
    if (this.#isExpired && !wasExpired)
      this.#effects.push({ type: 'end-reads', error: leaseOver() })
    for (const decided of this.#freshness.decided(now)) {
      this.#effects.push({ type: 'verdict', ...decided })
    }
    const { hasReaders, isAsking } = this.#freshness
    if (this.#link === 'connected' && hasReaders && !isAsking) this.#ping(now)
  }

  #ping(now: number): void {
    this.#send({ id: this.#freshness.ping(now), body: this.#requests.ping() })
  }

  #settle(all: readonly Settled[]): void {
    for (const settled of all) this.#effects.push({ type: 'settle', ...settled })
  }

  #scheduleFlush(): void {
    if (!this.#flushDue) this.#effects.push({ type: 'schedule-flush' })
    this.#flushDue = true
  }

  #flush(): void {
    if (this.#link !== 'connected') return
    this.#settle(this.#requests.refuse(this.#version))
    for (const message of this.#requests.sendable()) this.#send(message)
  }

  #send(message: Message): void {
    this.#effects.push({ type: 'send', message })
  }

  #close(error: DstoreError): void {
    this.#effects.push({ type: 'close', error })
  }
}
