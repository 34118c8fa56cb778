/** A Local in a simulated world: the real index over a cache without bytes, sleeping, drifting, crashing. */
import { toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { keySubject } from '../../src/index/local/in-flight.ts'
import { LocalIndex, type LocalEffect, type LocalEvent } from '../../src/index/local/local-index.ts'
import type { Answer, Digest, Message, Request } from '../../src/index/message.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import type { Rules } from '../../src/index/rules.ts'
import type { Verdict } from '../../src/index/local/freshness.ts'
import { DOUBT_MS } from '../../src/limits.ts'
import type { History, Oracle } from './oracle.ts'
import { SimHoldings, type Entry } from './sim-holdings.ts'
import { TICK_MS, digestOf, type SimGlobal } from './sim-global.ts'
import { DELAY_MS, Wire } from './wire.ts'
import type { World } from './world.ts'

export interface SimLocalOptions {
  readonly peer: string
  readonly world: World
  readonly oracle: Oracle
  readonly global: SimGlobal
  readonly rules: Rules
  readonly leaseMs: number | undefined
  readonly forgetAfterMs: number
}

/** How old what is served as current may be: what was heard last was held up for less than a doubt takes, and so is the
 * next; a few ways there and back, and ticks. */
const SLACK_MS = 2 * DOUBT_MS + 8 * DELAY_MS + 2 * TICK_MS

export class SimLocal {
  readonly peer: string
  readonly #options: SimLocalOptions
  /** A clock that is a bit too fast or too slow. */
  readonly #pace: number
  #index: LocalIndex | undefined
  #life = 0
  #asleep = false
  #backlog: (() => void)[] = []
  partitioned = false
  /** Lose the connection as soon as what is held is asked about after a reset. */
  cutAtReset = false
  #wire: Wire | undefined
  #attempts = 0
  readonly #held: SimHoldings
  readonly #callers = new Map<number, (result: Answer | DstoreError, keep: boolean) => void>()
  readonly #readers = new Map<number, (verdict: Verdict) => void>()
  #lastTicket = 0
  /** Whom it would serve. */
  readonly members: KnownMembers = new KnownMembers(() => undefined)
  /** The history in which it was welcomed last, and when it heard of Global. */
  #history: History | undefined
  #heardAt = 0
  #counted = false
  /** The position of the last welcome. */
  #target = 0

  constructor(options: SimLocalOptions) {
    this.peer = options.peer
    this.#options = options
    this.#pace = options.world.between(0.996, 1.004)
    const { peer, oracle, rules } = options
    const history = (): History => this.#history ?? oracle.history
    this.#held = new SimHoldings({ peer, oracle, rules, history })
  }

  get isUp(): boolean {
    return this.#index !== undefined
  }

  get isAsleep(): boolean {
    return this.#asleep
  }

  get isConnected(): boolean {
    return this.#index?.link === 'connected'
  }

  get position(): number | undefined {
    return this.#index?.position?.seq
  }

  start(): void {
    const { world, rules } = this.#options
    const bootId = Uint8Array.from({ length: 16 }, () => world.pick(256))
    this.#index = new LocalIndex({ bootId, now: this.#now, rules })
    this.#tick(this.#life)
    this.#dial(this.#life)
  }

  /** The process is gone, with all it held. */
  crash(): void {
    this.#options.world.say(`${this.peer} crashes`)
    this.#stop()
    this.#wire?.cut()
    this.#wire = undefined
  }

  /** Global waits for it no longer. */
  expelled(): void {
    this.#counted = false
    this.#target = Infinity
  }

  /** A clean stop. */
  goodbye(): void {
    this.#options.world.say(`${this.peer} says goodbye`)
    this.#wire?.send(1, { id: 0, body: { type: 'goodbye', reason: 'enough' } })
    this.#wire?.end()
    this.#stop()
    this.#wire = undefined
  }

  sleep(): void {
    this.#options.world.say(`${this.peer} falls asleep`)
    this.#asleep = true
  }

  wake(): void {
    this.#options.world.say(`${this.peer} wakes up`)
    this.#asleep = false
    // Whoever calls first after a sleep may come before anything that waited.
    if (this.#options.world.chance(0.7))
      for (const token of Array.from(this.#held.cache.keys())) this.get(token)
    for (const run of this.#backlog.splice(0)) run()
  }

  cut(): void {
    this.#options.world.say(`${this.peer} loses its connection`)
    this.#wire?.cut()
  }

  get(token: number): void {
    const entry = this.#held.cache.get(token)
    if (!this.#isAwake) return
    if (entry === undefined) return this.#fetch(token)
    this.#consult((verdict) => {
      const held = this.#held.cache.get(token)
      if (verdict === 'expired' || verdict === 'refused') return
      if (held === undefined || held.isVoid || verdict === 'ask') return this.#fetch(token)
      this.#serve(token, held, verdict)
    })
  }

  put(token: number, name: string | undefined): void {
    if (!this.#isAwake) return
    this.#options.world.say(`${this.peer} puts ${token}${name === undefined ? '' : ` as ${name}`}`)
    const body = { type: 'put', values: [Uint8Array.of(token)], name } as const
    this.#ask(body, [digestOf(token)], (result, keep) => {
      if (result instanceof DstoreError || result.type !== 'stored') return
      if (keep) this.#held.keep(token, result.receipts[0]!.incarnation)
    })
  }

  /**
   * A put on a stream of its own, which nothing orders against the index stream. It goes to the Global that is connected, and
   * ends when this Local has come to it: that may be long after the answer, and after the connection.
   */
  upload(token: number): void {
    const wire = this.#wire
    if (!this.#isAwake || this.partitioned || wire === undefined) return
    this.#options.world.say(`${this.peer} uploads ${token}`)
    const { world, global } = this.#options
    const life = this.#life
    const flight = this.#index!.begin(digestOf(token))
    const delay = (): number => world.between(1, 4 * DELAY_MS)
    world.after(delay(), () => {
      if (!wire.isWhole) return flight.end()
      global.upload(this.peer, digestOf(token), (body) => {
        world.after(delay(), () => {
          this.#when(life, () => {
            const incarnation = body.type === 'stored' ? body.receipts[0]!.incarnation : undefined
            if (
              incarnation !== undefined &&
              flight.isFresh(keySubject(digestOf(token)), incarnation)
            ) {
              this.#held.keep(token, incarnation)
            }
            flight.end()
          })
        })
      })
    })
  }

  remove(token: number): void {
    if (!this.#isAwake) return
    this.#options.world.say(`${this.peer} removes ${token}`)
    const timeoutMs = this.#options.world.between(300, 6000)
    this.#ask(
      { type: 'remove', digest: digestOf(token), timeoutMs, force: true },
      [],
      () => undefined,
    )
  }

  bind(name: string, token: number): void {
    if (!this.#isAwake) return
    this.#ask({ type: 'bind', name, digest: digestOf(token) }, [], (result, keep) => {
      if (!(result instanceof DstoreError) && result.type === 'binding' && keep)
        this.#held.remember(name, result.found!)
    })
  }

  unbind(name: string): void {
    if (!this.#isAwake) return
    this.#ask({ type: 'unbind', name, keepValue: false, timeoutMs: 1000 }, [], () => undefined)
  }

  lookup(name: string): void {
    if (!this.#isAwake) return
    this.#ask({ type: 'lookup', name, inline: false }, [], (result, keep) => {
      if (result instanceof DstoreError || result.type !== 'binding') return
      if (keep && result.found !== undefined) this.#held.remember(name, result.found)
    })
  }

  evict(token: number): void {
    this.#held.cache.delete(token)
  }

  /** Nothing that it holds is of what was lost in a history, if Global counts on it there. */
  checkCompletion(): void {
    const { oracle } = this.#options
    if (!this.#isCounted) return
    for (const [token, entry] of this.#held.cache) {
      // Behind a lease that ran out it may be held, if only it is not served.
      if (!entry.isVoid && !this.#index!.freshness.isExpired(this.#now))
        oracle.serves(this.peer, digestOf(token), entry)
    }
  }

  /** Does Global count on it, as far as can be known from outside? */
  get #isCounted(): boolean {
    const { world, oracle, forgetAfterMs } = this.#options
    return (
      this.#counted &&
      this.#history === oracle.history &&
      world.now - this.#heardAt < forgetAfterMs - 2000
    )
  }

  get #isAwake(): boolean {
    return this.#index !== undefined && !this.#asleep
  }

  get #now(): number {
    return this.#options.world.now * this.#pace
  }

  #stop(): void {
    this.#life++
    this.#index = undefined
    this.#asleep = false
    this.#backlog = []
    this.#held.clear()
    this.members.replace([])
    this.#callers.clear()
    this.#readers.clear()
    this.#history = undefined
  }

  #when(life: number, run: () => void): void {
    if (life !== this.#life) return
    if (this.#asleep) this.#backlog.push(() => this.#when(life, run))
    else run()
  }

  #tick(life: number): void {
    this.#options.world.after(TICK_MS, () => {
      if (life !== this.#life) return
      if (!this.#asleep) this.#handle({ type: 'tick', now: this.#now })
      this.#tick(life)
    })
  }

  #dial(life: number): void {
    const { world, global } = this.#options
    world.after(world.between(100, 300 * 2 ** Math.min(this.#attempts++, 3)), () => {
      this.#when(life, () => {
        if (this.partitioned || global.index === undefined) return this.#dial(life)
        const wire: Wire = new Wire(world, () => this.partitioned, [
          {
            message: (message) =>
              this.#when(life, () => this.#wire === wire && this.#message(message)),
            closed: () => this.#when(life, () => this.#closed(wire, life)),
          },
          {
            message: (message) => global.message(session, message),
            closed: () => global.closed(session),
          },
        ])
        const session = global.accept(this.peer, wire)
        this.#wire = wire
        this.#handle({ type: 'opened', now: this.#now })
      })
    })
  }

  #closed(wire: Wire, life: number): void {
    if (this.#wire !== wire) return
    this.#wire = undefined
    const error = new DstoreError('unreachable', 'the connection broke')
    this.#handle({ type: 'closed', now: this.#now, error })
    this.#dial(life)
  }

  #message(message: Message): void {
    // Who was out of touch for long may be forgotten, until he is welcomed anew and has caught up.
    if (!this.#isCounted) {
      this.#counted = false
      this.#target = Infinity
    }
    if (message.body.type === 'welcome') {
      this.#target = message.body.position.seq
      this.#attempts = 0
      this.#history = this.#options.oracle.historyOf(message.body.position)
    }
    this.#heardAt = this.#options.world.now
    this.#handle({ type: 'message', message, now: this.#now })
  }

  #handle(event: LocalEvent): void {
    for (const effect of this.#index?.handle(event) ?? []) this.#carryOut(effect)
    this.#check()
  }

  #carryOut(effect: LocalEffect): void {
    const { oracle, world } = this.#options
    switch (effect.type) {
      case 'send':
        return this.#wire?.send(1, effect.message)
      case 'schedule-flush': {
        const life = this.#life
        world.after(world.between(0, 60), () => {
          this.#when(life, () => this.#handle({ type: 'flush', now: this.#now }))
        })
        return
      }
      case 'settle': {
        const caller = this.#callers.get(effect.ticket)
        this.#callers.delete(effect.ticket)
        return caller?.(effect.result, effect.keep)
      }
      case 'verdict': {
        const reader = this.#readers.get(effect.ticket)
        this.#readers.delete(effect.ticket)
        return reader?.(effect.verdict)
      }
      case 'members':
        return this.members.replace(effect.peers)
      case 'apply':
        this.members.apply(effect.memberships)
        return this.#held.apply(effect.removals, effect.unbindings)
      case 'reset': {
        const digests = this.#held.reset()
        if (this.cutAtReset) world.after(world.between(0, 60), () => this.cut())
        this.cutAtReset = false
        return this.#handle({ type: 'held', digests, now: this.#now })
      }
      case 'revalidated':
        return this.#held.verified(effect.digest, effect.incarnation)
      case 'end-reads':
        return this.#held.readings.clear()
      case 'refused':
        return
      case 'close':
        if (effect.error.code === 'protocol') oracle.fail(`${this.peer}: ${effect.error.message}`)
        world.say(`${this.peer} hangs up: ${effect.error.message}`)
        return this.#wire?.cut()
    }
  }

  #ask(
    body: Request,
    digests: readonly Digest[],
    done: (result: Answer | DstoreError, keep: boolean) => void,
  ): void {
    const ticket = ++this.#lastTicket
    this.#callers.set(ticket, done)
    this.#handle({ type: 'request', ticket, body, digests, now: this.#now })
  }

  #consult(done: (verdict: Verdict) => void): void {
    const now = this.#index!.verdict(this.#now)
    if (now !== 'wait') return done(now)
    const ticket = ++this.#lastTicket
    this.#readers.set(ticket, done)
    this.#handle({ type: 'check-freshness', ticket, now: this.#now })
  }

  #fetch(token: number): void {
    const body = { type: 'locate', digests: [digestOf(token)], inline: true } as const
    this.#ask(body, [], (result, keep) => {
      if (result instanceof DstoreError || result.type !== 'located') return
      const [fact] = result.facts
      if (fact !== undefined && keep) this.#held.keep(token, fact.incarnation)
    })
  }

  #serve(token: number, entry: Entry, verdict: Verdict): void {
    const { oracle, world, leaseMs } = this.#options
    const digest = digestOf(token)
    if (this.#isCounted) {
      oracle.serves(this.peer, digest, entry)
      if (leaseMs !== undefined)
        oracle.isWithinLease(this.peer, digest, entry, leaseMs * 1.01 + DELAY_MS)
    }
    if (verdict === 'serve') oracle.isCurrent(this.peer, digest, SLACK_MS)
    if (!world.chance(0.3)) return
    // Some read for a long time.
    const reading = { token, known: { ...entry } }
    this.#held.readings.add(reading)
    const life = this.#life
    const more = (left: number): void => {
      this.#when(life, () => {
        if (!this.#held.readings.has(reading)) return
        if (this.#index!.freshness.isExpired(this.#now) || left === 0)
          return void this.#held.readings.delete(reading)
        if (this.#isCounted && !reading.known.isVoid) {
          oracle.serves(`${this.peer}, to a reader from before,`, digest, reading.known)
        }
        world.after(world.between(50, 500), () => more(left - 1))
      })
    }
    world.after(world.between(50, 500), () => more(5))
  }

  /** What it holds is what it may hold, where it stands. */
  #check(): void {
    const { oracle } = this.#options
    const position = this.#index?.position
    if (position === undefined) return
    if (position.seq >= this.#target && this.isConnected) this.#counted = true
    const at = oracle.at(position)
    for (const [token, entry] of this.#held.cache) {
      if (!entry.isVoid) oracle.holds(this.peer, at, digestOf(token), entry)
    }
    for (const { token, known } of this.#held.readings) {
      if (!known.isVoid) oracle.holds(`${this.peer}, for a reader,`, at, digestOf(token), known)
    }
    for (const [name, entry] of this.#held.bindings) oracle.remembers(this.peer, at, name, entry)
    // The welcome tells of members at once; the position is that of before until all is asked about.
    if (at.history !== this.#history) return
    for (const peer of this.members) oracle.mayServe(this.peer, at, peer)
  }

  /** At the end, when all is quiet: what it holds is what there is. */
  checkQuiet(existing: ReadonlySet<string>): void {
    const { oracle } = this.#options
    if (this.#callers.size > 0 || this.#readers.size > 0)
      oracle.fail(`${this.peer} has callers that nobody answers`)
    for (const [token, { isVoid }] of this.#held.cache) {
      const text = toHex(digestOf(token))
      if (isVoid) oracle.fail(`${this.peer} never asked about ${token}`)
      else if (!existing.has(text)) oracle.fail(`${this.peer} still holds ${token}, which is gone`)
    }
  }
}
