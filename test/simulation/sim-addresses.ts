/**
 * One Local and one Global with two addresses 300 ms away, each of which refuses, swallows or holds
 * up what is sent there for a while. The state machines are the real ones; this carries out their
 * effects on a virtual clock, as src/node/local does on a real one.
 */
import { DstoreError } from '../../src/errors.ts'
import type { GlobalEffect } from '../../src/index/global/global-events.ts'
import type { LocalEffect, UntimedLocalEvent } from '../../src/index/local/local-events.ts'
import { LocalIndex } from '../../src/index/local/local-index.ts'
import type { Message } from '../../src/index/message.ts'
import { ALL_RULES } from '../../src/index/rules.ts'
import { DOUBT_MS } from '../../src/limits.ts'
import { ConnectionRace, type RaceEffect } from '../../src/node/local/connection-race.ts'
import { backoffMs } from '../../src/node/local/reconnect.ts'
import { Machine, boot, digestOf } from '../index/global/machine.ts'
import { World } from './world.ts'

/** Rules that a test switches off, to see that the simulation finds the fault. */
export interface AddressRules {
  /** Every other dial ends before a hello goes out. */
  readonly oneHello: boolean
  /** Global keeps the older session until the newer one is used. */
  readonly olderStays: boolean
  /** Nothing of a session is heard while a second hello is out. */
  readonly pauses: boolean
}

const RULES: AddressRules = { oneHello: true, olderStays: true, pauses: true }

const ADDRESSES = ['A', 'B'] as const
const TICK_MS = 250

/** The faults end, and then all must be well after a while. */
const FAULTS_MS = 25_000
const QUIET_MS = 22_000

type Weather = 'fine' | 'refuses' | 'swallows' | 'holds'

interface Spell {
  readonly from: number
  readonly to: number
  readonly weather: Weather
}

export interface Outcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  /** Hellos that went out. */
  readonly hellos: number
  /** Sessions that ended because Global had a newer one. */
  readonly replaced: number
}

/** One connection: what each side sends arrives in order, if it arrives. */
interface Link {
  readonly name: string
  readonly address: string
  readonly session: number
  /** Is it open, as its Local sees it? */
  isOpen: boolean
  isGreeted: boolean
  /** It was welcomed, and the Local goes by it. */
  isUsed: boolean
  /** Nothing more arrives: something was swallowed. */
  isBroken: boolean
  arrivesAt: [number, number]
}

export function runAddresses(seed: number, off: Partial<AddressRules> = {}): Outcome {
  return new Addresses(seed, { ...RULES, ...off }).run()
}

class RoutedMachine extends Machine {
  route: (effect: GlobalEffect) => void = () => undefined

  override carryOut(effect: GlobalEffect): void {
    this.route(effect)
    super.carryOut(effect)
  }
}

class Addresses {
  readonly #world: World
  readonly #rules: AddressRules
  readonly #spells: Readonly<Record<string, readonly Spell[]>>
  readonly #global: RoutedMachine
  readonly #index: LocalIndex
  #race: ConnectionRace | undefined
  #isBeside = false
  readonly #links = new Map<number, Link>()
  /** By session, at Global. */
  readonly #sessions = new Map<number, Link>()
  /** By the id of a dial in the race that is run now. */
  #dials = new Map<number, Link | undefined>()
  #session: Link | undefined
  #greeting: Link | undefined
  /** What came on the session while a second hello was out. */
  #paused: Message[] = []
  #hello: Message | undefined
  #violation: string | undefined
  /** When the race is to be told the time. */
  #dueAt: number | undefined
  /** When the Local last heard Global. */
  #heardAt = 0
  #attempt = 0
  #races = 0
  #besideAt = 0
  #hellos = 0
  #replaced = 0
  #puts = 0

  constructor(seed: number, rules: AddressRules) {
    this.#world = new World(seed)
    this.#rules = rules
    this.#spells = { A: this.#someSpells(), B: this.#someSpells() }
    this.#global = new RoutedMachine({ rules: { ...ALL_RULES, olderStays: rules.olderStays } })
    this.#global.answer({ type: 'admit', peer: 'L', role: 'admin' })
    this.#global.route = (effect) => this.#atGlobal(effect)
    this.#index = new LocalIndex({ bootId: boot(1), now: 0 })
  }

  run(): Outcome {
    const world = this.#world
    this.#every(TICK_MS, () => this.#tick())
    this.#every(TICK_MS, () => this.#whenAwake(() => this.#global.tick(0)))
    this.#every(1700, () => this.#change())
    this.#connect(false)
    world.run(FAULTS_MS + QUIET_MS, () => this.#violation !== undefined)
    if (this.#violation === undefined) this.#checkEnd()
    if (this.#violation !== undefined) world.say(`VIOLATION: ${this.#violation}`)
    return {
      violation: this.#violation,
      transcript: world.transcript,
      hellos: this.#hellos,
      replaced: this.#replaced,
    }
  }

  #checkEnd(): void {
    const session = this.#session
    if (this.#index.link !== 'connected' || session === undefined) {
      this.#violation ??= `the Local is ${this.#index.link} at the end`
    } else if (this.#global.index.peers().join() !== 'L') {
      this.#violation ??= 'Global has no session with the Local at the end'
    } else if (this.#index.position?.seq !== this.#global.index.position.seq) {
      this.#violation ??= 'the Local has not applied everything at the end'
    }
  }

  #someSpells(): Spell[] {
    const world = this.#world
    const spells: Spell[] = []
    for (let at = world.between(0, 4000); at < FAULTS_MS;) {
      const to = Math.min(FAULTS_MS, at + world.between(200, 9000))
      const weather = world.one(['refuses', 'swallows', 'holds', 'holds'] as const)
      spells.push({ from: at, to, weather })
      at = to + world.between(500, 9000)
    }
    return spells
  }

  #spell(address: string): Spell | undefined {
    const { now } = this.#world
    return this.#spells[address]!.find(({ from, to }) => from <= now && now < to)
  }

  /** When something that is sent now arrives; undefined if it never does. */
  #arrival(address: string): number | undefined {
    const world = this.#world
    const spell = this.#spell(address)
    if (spell?.weather === 'swallows' || spell?.weather === 'refuses') return undefined
    const delay = 150 + world.between(0, world.chance(0.9) ? 20 : 400)
    return (spell?.to ?? world.now) + delay
  }

  #every(ms: number, run: () => void): void {
    this.#world.after(ms, () => {
      run()
      this.#every(ms, run)
    })
  }

  /** Global is busy at times: what comes then waits. */
  #whenAwake(run: () => void): void {
    const { now } = this.#world
    const pause = this.#spells['A']!.find(({ from, weather }) => {
      return weather === 'holds' && from + 6000 <= now && now < from + 9000
    })
    const act = (): void => {
      this.#global.now = this.#world.now
      run()
    }
    if (pause === undefined) act()
    else this.#world.after(pause.from + 9000 - now, act)
  }

  #change(): void {
    if (this.#world.now > FAULTS_MS + 10_000) return
    this.#whenAwake(() => {
      const n = ++this.#puts % 200
      this.#global.put(n)
      if (this.#world.chance(0.6)) {
        this.#global.ask({ type: 'remove', digest: digestOf(n), force: true, timeoutMs: 0 })
      }
    })
  }

  // The Local.

  #tick(): void {
    this.#handle({ type: 'tick' })
    const { now } = this.#world
    if (this.#session === undefined || now - this.#heardAt < DOUBT_MS) return
    if (this.#race === undefined && now >= this.#besideAt) this.#connect(true)
  }

  #handle(event: UntimedLocalEvent): void {
    for (const effect of this.#index.handle({ ...event, now: this.#world.now })) {
      this.#carryOut(effect)
    }
  }

  #carryOut(effect: LocalEffect): void {
    switch (effect.type) {
      case 'send':
        if (effect.message.body.type === 'hello') this.#hello = effect.message
        else if (this.#session !== undefined) this.#toGlobal(this.#session, effect.message)
        return
      case 'reset':
        return this.#handle({ type: 'held', digests: [] })
      case 'close':
        if (effect.error.code === 'protocol') this.#violation ??= effect.error.message
        return this.#endSession(effect.error)
      default:
    }
  }

  #connect(beside: boolean): void {
    this.#race = new ConnectionRace({ oneHello: this.#rules.oneHello })
    this.#isBeside = beside
    this.#dials = new Map()
    this.#races++
    const targets = ADDRESSES.map((address) => ({ address, known: address }))
    if (this.#world.chance(0.5)) targets.reverse()
    this.#toRace({ type: 'start', targets, beside })
  }

  #toRace(event: RaceInput): void {
    const effects = this.#race?.handle({ ...event, now: this.#world.now }) ?? []
    for (const effect of effects) if (this.#race !== undefined) this.#carryOutRace(effect)
    const dueAt = this.#race?.dueAt
    if (dueAt === undefined || dueAt === this.#dueAt) return
    this.#dueAt = dueAt
    this.#world.after(dueAt - this.#world.now, () => {
      if (this.#dueAt !== dueAt) return
      this.#dueAt = undefined
      this.#toRace({ type: 'tick' })
    })
  }

  #carryOutRace(effect: RaceEffect): void {
    const world = this.#world
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.id, effect.target.address)
      case 'hello': {
        const link = this.#dials.get(effect.id)!
        const other = [...this.#links.values()].find(
          (one) => one.isOpen && one.isGreeted && !one.isUsed,
        )
        if (other !== undefined) this.#violation ??= `a hello on ${link.name}, and on ${other.name}`
        this.#greeting = link
        link.isGreeted = true
        this.#hellos++
        this.#handle({ type: 'opened' })
        world.say(`hello on ${link.name}`)
        return this.#toGlobal(link, this.#hello!)
      }
      case 'close': {
        const link = this.#dials.get(effect.id)
        this.#dials.delete(effect.id)
        if (link === undefined) return
        this.#close(link)
        if (this.#greeting === link) this.#unanswered(effect.error)
        return
      }
      case 'lost':
        return this.#lost(effect.error)
    }
  }

  #lost(error: DstoreError): void {
    this.#race = undefined
    this.#world.say(`no address is left: ${error.message}`)
    if (this.#session !== undefined) this.#besideAt = this.#world.now + 1000
    else this.#redial()
  }

  #redial(): void {
    this.#handle({ type: 'closed', error: new DstoreError('unreachable', 'away') })
    const wait = backoffMs(++this.#attempt, () => this.#world.between(0, 1))
    this.#world.after(wait, () => {
      if (this.#session === undefined && this.#race === undefined) this.#connect(false)
    })
  }

  #unanswered(error: DstoreError): void {
    this.#greeting = undefined
    this.#handle({ type: 'unanswered', error })
    for (const message of this.#paused.splice(0)) this.#heard(this.#session, message)
  }

  #dial(id: number, address: string): void {
    const world = this.#world
    const race = this.#races
    const failed = (why: string): void => {
      if (race !== this.#races) return
      this.#toRace({ type: 'failed', id, error: new DstoreError('unreachable', why) })
    }
    this.#dials.set(id, undefined)
    if (this.#spell(address)?.weather === 'refuses') {
      return world.after(300, () => failed('refused'))
    }
    // TCP, Noise, and the choice of the protocol: three round trips.
    const rounds = (left: number): void => {
      const at = this.#arrival(address)
      if (at === undefined) return world.after(10_000, () => failed('no answer'))
      world.after(at - world.now, () => {
        if (left > 1) return rounds(left - 1)
        if (race !== this.#races || !this.#dials.has(id)) return
        const link = this.#newLink(address)
        this.#dials.set(id, link)
        this.#toRace({ type: 'proved', id })
      })
    }
    rounds(6)
  }

  #newLink(address: string): Link {
    const session = this.#global.open('L')
    const link: Link = {
      name: `${address}${session}`,
      address,
      session,
      isOpen: true,
      isGreeted: false,
      isUsed: false,
      isBroken: false,
      arrivesAt: [0, 0],
    }
    this.#links.set(session, link)
    this.#sessions.set(session, link)
    return link
  }

  /** The Local closes a connection. */
  #close(link: Link): void {
    if (!link.isOpen) return
    link.isOpen = false
    this.#deliver(link, 0, () => this.#whenAwake(() => this.#globalCloses(link)))
  }

  #globalCloses(link: Link): void {
    if (!this.#sessions.delete(link.session)) return
    this.#global.handle({ type: 'closed', session: link.session, now: this.#world.now })
  }

  #endSession(error: DstoreError): void {
    const session = this.#session
    if (session === undefined) return
    this.#world.say(`the Local ends ${session.name}: ${error.message}`)
    this.#session = undefined
    this.#paused = []
    this.#close(session)
    this.#handle({ type: 'closed', error })
    if (this.#race === undefined) this.#redial()
  }

  /** A message reaches the Local. */
  #arrived(link: Link, message: Message): void {
    if (!link.isOpen) return
    if (link === this.#greeting) return this.#answered(link, message)
    if (link !== this.#session) return
    if (this.#greeting !== undefined && this.#rules.pauses) return void this.#paused.push(message)
    // The session was heard: there is no need for a second one.
    if (this.#race !== undefined && this.#isBeside && this.#greeting === undefined) {
      this.#toRace({ type: 'cancelled', error: new DstoreError('cancelled', 'heard again') })
      this.#race = undefined
    }
    this.#heard(link, message)
  }

  #heard(link: Link | undefined, message: Message): void {
    if (link === undefined || link !== this.#session) return
    this.#heardAt = this.#world.now
    this.#handle({ type: 'message', message })
  }

  #answered(link: Link, message: Message): void {
    const { body } = message
    const id = [...this.#dials].find(([, one]) => one === link)![0]
    if (body.type !== 'welcome') {
      const why = body.type === 'failure' ? body.message : body.type
      return this.#toRace({ type: 'failed', id, error: new DstoreError('unreachable', why) })
    }
    this.#world.say(`welcome on ${link.name}`)
    this.#dials.delete(id)
    this.#toRace({ type: 'answered', id })
    this.#race = undefined
    const older = this.#session
    this.#session = link
    this.#greeting = undefined
    this.#paused = []
    link.isUsed = true
    this.#attempt = 0
    if (older !== undefined) {
      this.#close(older)
      this.#handle({ type: 'closed', error: new DstoreError('unreachable', 'was silent') })
    }
    this.#heardAt = this.#world.now
    this.#handle({ type: 'message', message })
  }

  /** The Local sees that Global closed a connection. */
  #closedByGlobal(link: Link): void {
    if (!link.isOpen) return
    this.#world.say(`${link.name} is closed`)
    const error = new DstoreError('unreachable', 'Global closed it')
    if (link === this.#session) return this.#endSession(error)
    link.isOpen = false
    const dial = [...this.#dials].find(([, one]) => one === link)
    if (this.#greeting === link) this.#unanswered(error)
    if (dial === undefined) return
    this.#dials.delete(dial[0])
    this.#toRace({ type: 'failed', id: dial[0], error })
  }

  // The wires.

  #toGlobal(link: Link, message: Message): void {
    this.#deliver(link, 0, () => {
      this.#whenAwake(() => {
        if (this.#sessions.has(link.session)) this.#global.message(link.session, message)
      })
    })
  }

  #atGlobal(effect: GlobalEffect): void {
    if (effect.type !== 'send' && effect.type !== 'close') return
    const link = this.#sessions.get(effect.session)
    if (link === undefined) return
    if (effect.type === 'send') {
      const { message } = effect
      const { body } = message
      if (body.type === 'failure') this.#ends(link, body.message)
      return this.#deliver(link, 1, () => this.#arrived(link, message))
    }
    this.#sessions.delete(link.session)
    this.#deliver(link, 1, () => this.#closedByGlobal(link))
  }

  /** Global ends a session. One that the Local uses must not end for one that it has given up. */
  #ends(link: Link, why: string): void {
    this.#world.say(`Global ends ${link.name}: ${why}`)
    if (!why.includes('reconnected')) return
    this.#replaced++
    const newer = [...this.#sessions.values()].filter(({ session }) => session > link.session)
    if (link.isOpen && !newer.some(({ isOpen }) => isOpen)) {
      this.#violation ??= `Global ended ${link.name} for one that the Local has closed`
    }
  }

  #deliver(link: Link, to: 0 | 1, run: () => void): void {
    const at = link.isBroken ? undefined : this.#arrival(link.address)
    if (at === undefined) {
      link.isBroken = true
      return
    }
    link.arrivesAt[to] = Math.max(link.arrivesAt[to], at)
    this.#world.after(link.arrivesAt[to] - this.#world.now, run)
  }
}

type RaceInput = Parameters<ConnectionRace['handle']>[0] extends infer E
  ? E extends { readonly now: number }
    ? Omit<E, 'now'>
    : never
  : never
