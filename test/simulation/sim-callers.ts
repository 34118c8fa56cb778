/**
 * The callers of a Local in a simulated world: they put, remove and look up values, and read what
 * it holds.
 */
import { DstoreError } from '../../src/errors.ts'
import type { Verdict } from '../../src/index/local/freshness.ts'
import { keySubject } from '../../src/index/local/in-flight.ts'
import type { LocalEffect } from '../../src/index/local/local-events.ts'
import { failureOf } from '../../src/index/failure.ts'
import type { Answer, Body, Digest, Naming, Request } from '../../src/index/message.ts'
import { DOUBT_MS } from '../../src/limits.ts'
import { TICK_MS } from './sim-global.ts'
import type { Applied } from './oracle.ts'
import type { Entry } from './sim-holdings.ts'
import type { SimLocal } from './sim-local.ts'
import { digestOf } from './tokens.ts'
import { bytesOf, tokenOf } from './trees/universe.ts'
import { DELAY_MS } from './wire.ts'

/**
 * How old a value may be that is served as current: the last message and the next may each be held
 * up for almost `DOUBT_MS`; add a few round trips and ticks.
 */
const SLACK_MS = 2 * DOUBT_MS + 8 * DELAY_MS + 2 * TICK_MS

export class SimCallers {
  readonly #local: SimLocal
  readonly #requests = new Map<number, (result: Answer | DstoreError, keep: boolean) => void>()
  readonly #readers = new Map<number, (verdict: Verdict) => void>()
  #lastTicket = 0
  /** By name: the last change that a caller asked for here, and was told of. */
  readonly #written = new Map<string, Applied>()

  constructor(local: SimLocal) {
    this.#local = local
  }

  get isIdle(): boolean {
    return this.#requests.size === 0 && this.#readers.size === 0
  }

  clear(): void {
    this.#requests.clear()
    this.#readers.clear()
    this.#written.clear()
  }

  settle({ ticket, result, keep }: LocalEffect & { type: 'settle' }): void {
    const done = this.#requests.get(ticket)
    this.#requests.delete(ticket)
    done?.(result, keep)
  }

  decide({ ticket, verdict }: LocalEffect & { type: 'verdict' }): void {
    const done = this.#readers.get(ticket)
    this.#readers.delete(ticket)
    done?.(verdict)
  }

  get(token: number): void {
    const entry = this.#local.held.cache.get(token)
    if (!this.#local.isAwake) return
    if (entry === undefined) return this.#fetch(token)
    this.#consult((verdict) => {
      const held = this.#local.held.cache.get(token)
      if (verdict === 'expired' || verdict === 'refused') return
      if (held === undefined || held.isVoid || verdict === 'ask') return this.#fetch(token)
      this.#serve(token, held, verdict)
      if (verdict === 'serve') this.#local.held.openPath(token)
    })
  }

  put(token: number, name: string | undefined, naming?: Naming): void {
    if (!this.#local.isAwake) return
    const { oracle, global, world } = this.#local.options
    world.say(`${this.#local.peer} puts ${token}${name === undefined ? '' : ` as ${name}`}`)
    const how = name === undefined ? {} : { ...global.operation(), ...(naming && { naming }) }
    const body = { type: 'put', values: [bytesOf(token)], name, ...how } as const
    const { history } = oracle
    const sentAt = history.changes.length
    this.#write(body, [digestOf(token)], (result, keep) => {
      const seq =
        result instanceof DstoreError || name === undefined || history !== oracle.history
          ? undefined
          : oracle.boundAfter(name, digestOf(token), sentAt)
      if (name !== undefined) this.#wrote(name, Infinity, seq)
      if (result instanceof DstoreError || result.type !== 'stored') return
      if (keep) this.#local.held.keep(token, result.receipts[0]!.incarnation)
    })
  }

  /**
   * A put on a stream of its own, which nothing orders against the index stream. It goes to the
   * Global that is connected, and ends when this Local has come to it: that may be long after the
   * answer, and after the connection.
   */
  upload(token: number): void {
    const wire = this.#local.wire
    if (!this.#local.isAwake || this.#local.partitioned || wire === undefined) return
    this.#local.options.world.say(`${this.#local.peer} uploads ${token}`)
    const { world, global } = this.#local.options
    const life = this.#local.life
    const flight = this.#local.index!.begin(digestOf(token))
    const delay = (): number => world.between(1, 4 * DELAY_MS)
    world.after(delay(), () => {
      if (!wire.isWhole) return flight.end()
      global.upload(this.#local.peer, digestOf(token), (body) => {
        world.after(delay(), () => {
          this.#local.when(life, () => {
            const incarnation = body.type === 'stored' ? body.receipts[0]!.incarnation : undefined
            if (
              incarnation !== undefined &&
              flight.isFresh(keySubject(digestOf(token)), incarnation)
            ) {
              this.#local.held.keep(token, incarnation)
            }
            flight.end()
          })
        })
      })
    })
  }

  remove(token: number): void {
    if (!this.#local.isAwake) return
    this.#local.options.world.say(`${this.#local.peer} removes ${token}`)
    const timeoutMs = this.#local.options.world.between(300, 6000)
    this.#ask(
      { type: 'remove', digest: digestOf(token), timeoutMs, force: true },
      [],
      () => undefined,
    )
  }

  /** Any request; a failure of the link is an answer, too. */
  request(body: Request, done: (body: Body) => void): void {
    if (!this.#local.isAwake) return
    const tokens = body.type === 'put' ? body.values.map(tokenOf) : []
    this.#ask(body, tokens.map(digestOf), (result, keep) => {
      if (result instanceof DstoreError) return done(failureOf(result))
      if (result.type === 'stored' && body.type === 'put' && keep) {
        tokens.forEach((one, i) => this.#local.held.keep(one, result.receipts[i]!.incarnation))
      }
      done(result)
    })
  }

  bind(name: string, token: number, directory = false, naming?: Naming): void {
    const { global } = this.#local.options
    const how = { ...global.operation(), ...(naming && { naming }) }
    this.#bind({ type: 'bind', name, digest: digestOf(token), directory, ...how })
  }

  /** Moves a tag, or binds it. */
  tag(name: string, token: number, naming: Naming): void {
    const { global, world } = this.#local.options
    world.say(`${this.#local.peer} tags ${token} as ${name}`)
    const how = { ...global.operation(), naming }
    this.#bind({ type: 'rebind', name, digest: digestOf(token), ...how })
  }

  #bind(body: Request & { type: 'bind' | 'rebind' }): void {
    if (!this.#local.isAwake) return
    const { name } = body
    const names = this.#local.options.global.names
    const asked = names?.asked()
    this.#write(body, [], (result, keep) => {
      const answer = result instanceof DstoreError ? failureOf(result) : result
      if (asked !== undefined) names!.answered(body, answer, asked)
      if (answer.type !== 'binding' && answer.type !== 'rebound') return this.#wrote(name, Infinity)
      const { incarnation } = answer.found!
      if (keep) this.#local.held.remember(name, answer.found!)
      this.#wrote(name, incarnation, incarnation)
    })
  }

  unbind(name: string): void {
    if (!this.#local.isAwake) return
    this.#ask({ type: 'unbind', name, keepValue: false, timeoutMs: 1000 }, [], (result) => {
      if (result instanceof DstoreError || result.type !== 'removed') this.#wrote(name, Infinity)
      else this.#wrote(name, result.seq, result.seq)
    })
  }

  lookup(name: string): void {
    if (!this.#local.isAwake) return
    this.#readOwn(name)
    const names = this.#local.options.global.names
    const asked = names?.asked()
    this.#ask({ type: 'lookup', name, inline: false }, [], (result, keep) => {
      if (result instanceof DstoreError || result.type !== 'binding') return
      if (asked !== undefined) names!.lookedUp(name, result.found, asked)
      if (result.found === undefined) this.#local.held.bindings.unbound(name)
      if (keep && result.found !== undefined) this.#local.held.remember(name, result.found)
    })
  }

  /** Asks what a tag was bound to. */
  history(name: string): void {
    if (!this.#local.isAwake) return
    const names = this.#local.options.global.names!
    const asked = names.asked()
    this.#ask({ type: 'tag-history', name }, [], (result) => {
      if (result instanceof DstoreError || result.type !== 'tag-targets') return
      names.told(name, result.targets, asked)
    })
  }

  /** Global has done a change of a name, at this seq if it is known. Read it back at once. */
  #wrote(name: string, seq: number, known?: number): void {
    if (known !== undefined) {
      const { history } = this.#local.options.oracle
      this.#written.set(name, { history, seq: known })
    }
    this.#local.handle({ type: 'wrote', name, seq, now: this.#local.now })
    this.#readOwn(name)
  }

  /** Answers from own bindings, where R004-85 permits. */
  #readOwn(name: string): void {
    const { held, index, now, peer } = this.#local
    const binding = held.bindings.get(name)
    if (binding === undefined || index?.verdict(now) !== 'serve') return
    const { oracle, global } = this.#local.options
    if (binding.history === oracle.history) global.names?.answers(peer, name, binding)
    if ((binding.expiresMs ?? Infinity) <= this.#local.clock.wall()) {
      oracle.fail(`${peer} answers ${name}, which expired at ${binding.expiresMs}`)
    }
    oracle.isCurrentName(peer, name, binding, SLACK_MS)
    const written = this.#written.get(name)
    if (written !== undefined) oracle.readsOwnWrite(peer, name, binding, written)
  }

  evict(token: number): void {
    this.#local.held.evict(token)
  }

  #ask(
    body: Request,
    digests: readonly Digest[],
    done: (result: Answer | DstoreError, keep: boolean) => void,
  ): void {
    const ticket = ++this.#lastTicket
    this.#requests.set(ticket, done)
    this.#local.options.global.trees?.asks(body)
    this.#local.options.global.names?.asks(body)
    this.#local.handle({ type: 'request', ticket, body, digests, now: this.#local.now })
  }

  /**
   * Asks for a change of a name. Where the link is lost, the caller may ask again for the same
   * operation.
   */
  #write(
    body: Request,
    digests: readonly Digest[],
    done: (result: Answer | DstoreError, keep: boolean) => void,
    tries = 3,
  ): void {
    const { global, world } = this.#local.options
    const { life } = this.#local
    this.#ask(body, digests, (result, keep) => {
      const isLost = result instanceof DstoreError && result.code === 'unreachable'
      const isAgain = isLost && tries > 0 && global.names !== undefined && world.chance(0.6)
      if (!isAgain) return done(result, keep)
      world.after(world.between(0, 2500), () => {
        this.#local.when(life, () => this.#write(body, digests, done, tries - 1))
      })
    })
  }

  #consult(done: (verdict: Verdict) => void): void {
    const now = this.#local.index!.verdict(this.#local.now)
    if (now !== 'wait') return done(now)
    const ticket = ++this.#lastTicket
    this.#readers.set(ticket, done)
    this.#local.handle({ type: 'check-freshness', ticket, now: this.#local.now })
  }

  #fetch(token: number): void {
    const body = { type: 'locate', digests: [digestOf(token)], inline: true } as const
    this.#ask(body, [], (result, keep) => {
      if (result instanceof DstoreError || result.type !== 'located') return
      const [fact] = result.facts
      if (fact !== undefined && keep) this.#local.held.keep(token, fact.incarnation)
    })
  }

  #serve(token: number, entry: Entry, verdict: Verdict): void {
    const { oracle, world, leaseMs } = this.#local.options
    const digest = digestOf(token)
    if (this.#local.isCounted) {
      oracle.serves(this.#local.peer, digest, entry)
      if (leaseMs !== undefined)
        oracle.isWithinLease(this.#local.peer, digest, entry, leaseMs * 1.01 + DELAY_MS)
    }
    if (verdict === 'serve') oracle.isCurrent(this.#local.peer, digest, SLACK_MS)
    if (!world.chance(0.3)) return
    // Some read for a long time.
    const reading = { token, known: { ...entry } }
    this.#local.held.readings.add(reading)
    const life = this.#local.life
    const more = (left: number): void => {
      this.#local.when(life, () => {
        if (!this.#local.held.readings.has(reading)) return
        if (this.#local.index!.freshness.isExpired(this.#local.now) || left === 0)
          return void this.#local.held.readings.delete(reading)
        if (this.#local.isCounted && !reading.known.isVoid) {
          oracle.serves(`${this.#local.peer}, to a reader from before,`, digest, reading.known)
        }
        world.after(world.between(50, 500), () => more(left - 1))
      })
    }
    world.after(world.between(50, 500), () => more(5))
  }
}
