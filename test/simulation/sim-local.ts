/**
 * A Local in a simulated world: the real index over a cache without bytes, sleeping, drifting,
 * crashing.
 */
import { toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { LocalEffect, LocalEvent } from '../../src/index/local/local-events.ts'
import { LocalIndex } from '../../src/index/local/local-index.ts'
import type { Message } from '../../src/index/message.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import type { Rules } from '../../src/index/rules.ts'
import type { Clocks } from '../../src/node/clock.ts'
import type { History, Oracle } from './oracle.ts'
import { SimCallers } from './sim-callers.ts'
import { SimClock } from './sim-clock.ts'
import { SimHoldings, type FileRules } from './sim-holdings.ts'
import { TICK_MS, type SimGlobal } from './sim-global.ts'
import { digestOf } from './tokens.ts'
import { Wire } from './wire.ts'
import type { World } from './world.ts'

export interface SimLocalOptions {
  readonly peer: string
  readonly world: World
  readonly oracle: Oracle
  readonly global: SimGlobal
  readonly rules: Rules
  readonly leaseMs: number | undefined
  readonly forgetAfterMs: number
  readonly files?: FileRules | undefined
  /** The elapsed clock that it measures its lease with. */
  readonly elapsed: (clocks: Clocks) => () => number
}

export class SimLocal {
  readonly peer: string
  readonly options: SimLocalOptions
  readonly clock: SimClock
  #now: () => number = () => 0
  index: LocalIndex | undefined
  life = 0
  #asleep = false
  #backlog: (() => void)[] = []
  partitioned = false
  /** Lose the connection as soon as what is held is asked about after a reset. */
  cutAtReset = false
  wire: Wire | undefined
  #attempts = 0
  readonly held: SimHoldings
  readonly callers: SimCallers = new SimCallers(this)
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
    this.options = options
    this.clock = new SimClock(options.world, options.world.between(0.996, 1.004))
    const { peer, oracle, rules, files } = options
    const history = (): History => this.#history ?? oracle.history
    const isExpired = (): boolean => this.index?.freshness.isExpired(this.now) === true
    const { wall } = this.clock
    this.held = new SimHoldings({ peer, oracle, rules, files, isExpired, wall, history })
  }

  get isUp(): boolean {
    return this.index !== undefined
  }

  get isAsleep(): boolean {
    return this.#asleep
  }

  get isConnected(): boolean {
    return this.index?.link === 'connected'
  }

  get position(): number | undefined {
    return this.index?.position?.seq
  }

  start(): void {
    const { world, rules } = this.options
    const bootId = Uint8Array.from({ length: 16 }, () => world.pick(256))
    this.#now = this.options.elapsed(this.clock)
    this.held.start()
    this.index = new LocalIndex({ bootId, now: this.now, rules })
    this.#tick(this.life)
    this.#dial(this.life)
  }

  /** The process is gone, with all it held. */
  crash(): void {
    this.options.world.say(`${this.peer} crashes`)
    this.#stop()
    this.wire?.cut()
    this.wire = undefined
  }

  /** Global waits for it no longer. */
  expelled(): void {
    this.#counted = false
    this.#target = Infinity
  }

  /** A clean stop. */
  goodbye(): void {
    this.options.world.say(`${this.peer} says goodbye`)
    this.held.goodbye()
    this.wire?.send(1, { id: 0, body: { type: 'goodbye', reason: 'enough' } })
    this.wire?.end()
    this.#stop()
    this.wire = undefined
  }

  sleep(): void {
    this.options.world.say(`${this.peer} falls asleep`)
    this.#asleep = true
    this.clock.sleep()
  }

  wake(): void {
    this.options.world.say(`${this.peer} wakes up`)
    this.#asleep = false
    this.clock.wake()
    this.checkCompletion()
    // Whoever calls first after a sleep may come before anything that waited.
    if (this.options.world.chance(0.7))
      for (const token of Array.from(this.held.cache.keys())) this.callers.get(token)
    for (const run of this.#backlog.splice(0)) run()
  }

  cut(): void {
    this.options.world.say(`${this.peer} loses its connection`)
    this.wire?.cut()
  }

  /** Nothing that it holds is of what was lost in a history, if Global counts on it there. */
  checkCompletion(): void {
    const { oracle } = this.options
    // A machine that sleeps reads no clock.
    if (!this.isCounted || this.#asleep) return
    for (const [token, entry] of this.held.cache) {
      // Behind a lease that ran out it may be held, if only it is not served.
      if (!entry.isVoid && !this.index!.freshness.isExpired(this.now))
        oracle.serves(this.peer, digestOf(token), entry)
    }
    if (!this.index!.freshness.isExpired(this.now)) this.#checkPaths()
  }

  /** No path leads to what was lost, if Global counts on that. */
  #checkPaths(): void {
    if (!this.isCounted) return
    for (const [token, known] of this.held.paths) {
      this.options.oracle.serves(`${this.peer}, by a path,`, digestOf(token), known)
    }
  }

  /** Does Global count on it, as far as can be known from outside? */
  get isCounted(): boolean {
    const { world, oracle, forgetAfterMs } = this.options
    return (
      this.#counted &&
      this.#history === oracle.history &&
      world.now - this.#heardAt < forgetAfterMs - 2000
    )
  }

  get isAwake(): boolean {
    return this.index !== undefined && !this.#asleep
  }

  get now(): number {
    return this.#now()
  }

  #stop(): void {
    this.life++
    this.index = undefined
    this.#asleep = false
    this.clock.wake()
    this.#backlog = []
    this.held.end()
    this.members.replace([])
    this.callers.clear()
    this.#history = undefined
  }

  when(life: number, run: () => void): void {
    if (life !== this.life) return
    if (this.#asleep) this.#backlog.push(() => this.when(life, run))
    else run()
  }

  #tick(life: number): void {
    this.options.world.after(TICK_MS, () => {
      if (life !== this.life) return
      if (!this.#asleep) {
        this.handle({ type: 'tick', now: this.now })
        // It has looked at its clock: the paths of a lease that is over are gone.
        this.#checkPaths()
      }
      this.#tick(life)
    })
  }

  #dial(life: number): void {
    const { world, global } = this.options
    world.after(world.between(100, 300 * 2 ** Math.min(this.#attempts++, 3)), () => {
      this.when(life, () => {
        if (this.partitioned || global.index === undefined) return this.#dial(life)
        const wire: Wire = new Wire(world, () => this.partitioned, [
          {
            message: (message, sentAtMs) =>
              this.when(life, () => this.wire === wire && this.#message(message, sentAtMs)),
            closed: () => this.when(life, () => this.#closed(wire, life)),
          },
          {
            message: (message) => global.message(session, message),
            closed: () => global.closed(session),
          },
        ])
        const session = global.accept(this.peer, wire)
        this.wire = wire
        this.handle({ type: 'opened', now: this.now })
      })
    })
  }

  #closed(wire: Wire, life: number): void {
    if (this.wire !== wire) return
    this.wire = undefined
    const error = new DstoreError('unreachable', 'the connection broke')
    this.handle({ type: 'closed', now: this.now, error })
    this.#dial(life)
  }

  #message(message: Message, sentAtMs: number): void {
    // Who was out of touch for long may be forgotten, until he is welcomed anew and has caught up.
    if (!this.isCounted) {
      this.#counted = false
      this.#target = Infinity
    }
    if (message.body.type === 'welcome') {
      this.#target = message.body.position.seq
      this.#attempts = 0
      this.#history = this.options.oracle.historyOf(message.body.position)
    }
    // After a sleep that may be long ago, and Global has heard nothing since.
    this.#heardAt = sentAtMs
    this.handle({ type: 'message', message, now: this.now })
  }

  handle(event: LocalEvent): void {
    const effects = this.index?.handle(event) ?? []
    for (const effect of effects) this.#carryOut(effect)
    // Without an effect nothing that it holds, serves or says has changed.
    if (effects.length > 0) this.#check()
  }

  #carryOut(effect: LocalEffect): void {
    const { oracle, world } = this.options
    switch (effect.type) {
      case 'send':
        return this.wire?.send(1, effect.message)
      case 'schedule-flush': {
        const life = this.life
        world.after(world.between(0, 60), () => {
          this.when(life, () => this.handle({ type: 'flush', now: this.now }))
        })
        return
      }
      case 'settle':
        return this.callers.settle(effect)
      case 'verdict':
        return this.callers.decide(effect)
      case 'members':
        return this.members.replace(effect.peers)
      case 'apply':
        this.members.apply(effect.memberships)
        return this.held.apply(effect.removals, effect.unbindings)
      case 'reset': {
        const digests = this.held.reset()
        if (this.cutAtReset) world.after(world.between(0, 60), () => this.cut())
        this.cutAtReset = false
        return this.handle({ type: 'held', digests, now: this.now })
      }
      case 'revalidated':
        return this.held.verified(effect.digest, effect.incarnation)
      case 'end-reads':
        return this.held.cut()
      case 'refused':
      case 'addresses':
        return
      case 'close':
        if (effect.error.code === 'protocol') oracle.fail(`${this.peer}: ${effect.error.message}`)
        world.say(`${this.peer} hangs up: ${effect.error.message}`)
        return this.wire?.cut()
    }
  }

  /** What it holds is what it may hold, where it stands. */
  #check(): void {
    const { oracle } = this.options
    const position = this.index?.position
    if (position === undefined) return
    if (position.seq >= this.#target && this.isConnected) this.#counted = true
    const at = oracle.at(position)
    for (const [token, entry] of this.held.cache) {
      if (!entry.isVoid) oracle.holds(this.peer, at, digestOf(token), entry)
    }
    for (const [token, known] of this.held.paths) {
      oracle.holds(`${this.peer}, by a path,`, at, digestOf(token), known)
    }
    for (const { token, known } of this.held.readings) {
      if (!known.isVoid) oracle.holds(`${this.peer}, for a reader,`, at, digestOf(token), known)
    }
    for (const [name, entry] of this.held.bindings.entries())
      oracle.remembers(this.peer, at, name, entry)
    // The welcome tells of members at once; the position is that of before until all is asked
    // about.
    if (at.history !== this.#history) return
    for (const peer of this.members) oracle.mayServe(this.peer, at, peer)
  }

  /** At the end, when all is quiet: what it holds is what there is. */
  checkQuiet(existing: ReadonlySet<string>): void {
    const { oracle } = this.options
    if (!this.callers.isIdle) oracle.fail(`${this.peer} has callers that nobody answers`)
    for (const [token, { isVoid }] of this.held.cache) {
      const text = toHex(digestOf(token))
      if (isVoid) oracle.fail(`${this.peer} never asked about ${token}`)
      else if (!existing.has(text)) oracle.fail(`${this.peer} still holds ${token}, which is gone`)
    }
  }
}
