/**
 * Which address of Global is dialled when, and on which connection the hello goes out
 * (specs/004-index.md, "Rules: the addresses of Global"). A state machine without I/O.
 *
 * Dials are raced; hellos are not. Global ends the older of two sessions of one Local, and the
 * secret of a ticket must not be in two hellos at once. So the first connection on which Noise has
 * proved Global gets the hello, and all other dials end before it goes out.
 */
import { DstoreError } from '../../errors.ts'
import { RACED_DIALS, RACE_MS, SILENCE_MS, WELCOME_MS } from '../../limits.ts'

/** How long a dial may take where others are left, so that each gets its turn again and again. */
const DIAL_TURN_MS = 5000

/** How long after a dial that failed the same address is tried again, while others are dialled. */
const AGAIN_MS = 500

/** How long the dial of the only address may take, if the network has not ended it before. */
const LONE_DIAL_MS = 12_000

/** A port without a listener refuses at once: silence means a firewall, or an unused address. */
const AT_FIREWALL =
  'a firewall may drop what is sent to this port, or the address is not in use: see `dstore doctor`'

/** An address of Global, and the one that it was known by: a host name, or the same. */
export interface Target {
  readonly address: string
  readonly known: string
}

export type RaceEvent = { readonly now: number } &
  /** `beside`: there is a session, which goes on if this race is lost. */
  (
    | { readonly type: 'start'; readonly targets: readonly Target[]; readonly beside: boolean }
    /** The host name of this dial has these addresses. */
    | { readonly type: 'resolved'; readonly id: number; readonly targets: readonly Target[] }
    /** It is connected, and Noise has proved that the peer is Global. */
    | { readonly type: 'proved'; readonly id: number }
    /** The dial failed, or the connection broke before Global answered the hello. */
    | { readonly type: 'failed'; readonly id: number; readonly error: DstoreError }
    /** Global answered the hello: the race is over. */
    | { readonly type: 'answered'; readonly id: number }
    /** There is no need for a connection any more. */
    | { readonly type: 'cancelled'; readonly error: DstoreError }
    | { readonly type: 'tick' }
  )

export type RaceEffect =
  /** Connect, or look up a host name. */
  | { readonly type: 'dial'; readonly id: number; readonly target: Target }
  /** Send the hello on this connection. */
  | { readonly type: 'hello'; readonly id: number }
  /** End this dial, or close this connection. */
  | { readonly type: 'close'; readonly id: number; readonly error: DstoreError }
  /** No address is left. */
  | { readonly type: 'lost'; readonly error: DstoreError }

interface Candidate {
  readonly id: number
  readonly target: Target
  /** When the dial began, or the hello went out. */
  since: number
}

interface Failed {
  readonly target: Target
  readonly error: DstoreError
}

export interface RaceRules {
  /** Every other dial ends before a hello goes out. */
  readonly oneHello: boolean
  /** Is it an address of this machine only? By default none is. */
  readonly isLoopback?: (address: string) => boolean
}

export class ConnectionRace {
  readonly #rules: RaceRules
  #isOn = false
  /** There is a session. */
  #isBeside = false
  /** One address, which has no other to give way to. */
  #isAlone = false
  /** What was or will be dialled. */
  #known = new Set<string>()
  /** To be dialled, in this order. */
  #waiting: Target[] = []
  /** To be dialled again, from these times on, while another dial goes on. */
  #again: { readonly target: Target; readonly at: number }[] = []
  readonly #dialling = new Map<number, Candidate>()
  /** The connection with the hello. */
  #greeting: Candidate | undefined
  #lastId = 0
  #dialAt = 0
  #failed: Failed[] = []
  #effects: RaceEffect[] = []

  constructor(rules: RaceRules = { oneHello: true }) {
    this.#rules = rules
  }

  /** Is a hello out, whose answer may come? */
  get isGreeting(): boolean {
    return this.#greeting !== undefined
  }

  /** When to send the next `tick`; undefined if none is needed. */
  get dueAt(): number | undefined {
    if (!this.#isOn) return undefined
    if (this.#greeting !== undefined) return this.#greeting.since + this.#patience
    const ends = [...this.#dialling.values()].map(({ since }) => since + this.#dialMs)
    const canDial = this.#waiting.length > 0 && this.#dialling.size < RACED_DIALS
    const again = ends.length > 0 ? this.#again.map(({ at }) => at) : []
    const all = canDial ? [this.#dialAt, ...ends, ...again] : [...ends, ...again]
    return all.length === 0 ? undefined : Math.min(...all)
  }

  handle(event: RaceEvent): RaceEffect[] {
    this.#effects = []
    const { now } = event
    switch (event.type) {
      case 'start':
        this.#isOn = true
        this.#isBeside = event.beside
        this.#isAlone = event.targets.length === 1
        this.#known = new Set(event.targets.map(({ address }) => address))
        this.#waiting = [...event.targets]
        this.#failed = []
        this.#again = []
        this.#dialAt = now
        break
      case 'resolved':
        if (!this.#dialling.delete(event.id)) break
        this.#resolved(event.targets)
        this.#dialAt = now
        break
      case 'proved':
        this.#proved(event.id, now)
        break
      case 'failed':
        this.#fail(event.id, event.error, now)
        break
      case 'answered':
        if (event.id !== this.#greeting?.id) break
        this.#greeting = undefined
        this.#end(new DstoreError('cancelled', 'another connection to Global was faster'))
        break
      case 'cancelled':
        this.#end(event.error)
        break
      case 'tick':
        break
    }
    if (this.#isOn) this.#advance(now)
    return this.#effects
  }

  /** One address may have several names: it is dialled once. */
  #resolved(targets: readonly Target[]): void {
    const fresh = targets.filter(({ address }) => !this.#known.has(address))
    for (const { address } of fresh) this.#known.add(address)
    this.#waiting.unshift(...fresh)
    if (fresh.length > 1) this.#isAlone = false
  }

  #proved(id: number, now: number): void {
    const candidate = this.#dialling.get(id)
    if (candidate === undefined) return
    this.#dialling.delete(id)
    if (this.#rules.oneHello) {
      const others = [...this.#dialling.values()]
      const slower = new DstoreError('cancelled', 'another connection to Global was faster')
      for (const other of others) this.#close(other, slower)
      this.#dialling.clear()
      this.#waiting.unshift(...others.map(({ target }) => target))
    }
    this.#greeting = { ...candidate, since: now }
    this.#effects.push({ type: 'hello', id })
  }

  #fail(id: number, error: DstoreError, now: number): void {
    const candidate = id === this.#greeting?.id ? this.#greeting : this.#dialling.get(id)
    if (candidate === undefined) return
    if (candidate === this.#greeting) this.#greeting = undefined
    this.#dialling.delete(id)
    const { target } = candidate
    this.#failed = [...this.#failed.filter((one) => one.target !== target), { target, error }]
    // Of a set, another member may begin to listen while an address of the last one hangs.
    if (this.#dialling.size > 0) this.#again.push({ target, at: now + AGAIN_MS })
    this.#dialAt = now
  }

  /** How long the hello that is out may wait for its answer. */
  get #patience(): number {
    return this.#isBeside || this.#waiting.length > 0 ? WELCOME_MS : SILENCE_MS
  }

  get #dialMs(): number {
    return this.#isAlone ? LONE_DIAL_MS : DIAL_TURN_MS
  }

  #advance(now: number): void {
    if (this.#greeting !== undefined) {
      if (now - this.#greeting.since < this.#patience) return
      this.#giveUp(this.#greeting, 'Global did not answer the hello', now)
    }
    for (const candidate of this.#dialling.values()) {
      if (now - candidate.since < this.#dialMs) continue
      this.#giveUp(candidate, 'no answer in time', now, AT_FIREWALL)
    }
    if (this.#dialling.size > 0) {
      for (const { target } of this.#again.filter(({ at }) => now >= at)) this.#waiting.push(target)
      this.#again = this.#again.filter(({ at }) => now < at)
    }
    while (this.#waiting.length > 0 && this.#dialling.size < RACED_DIALS && now >= this.#dialAt) {
      const candidate = { id: ++this.#lastId, target: this.#waiting.shift()!, since: now }
      this.#dialling.set(candidate.id, candidate)
      this.#dialAt = now + RACE_MS
      this.#effects.push({ type: 'dial', id: candidate.id, target: candidate.target })
    }
    if (this.#dialling.size > 0 || this.#waiting.length > 0) return
    this.#isOn = false
    this.#effects.push({ type: 'lost', error: this.#mostTelling() })
  }

  #giveUp(candidate: Candidate, why: string, now: number, hint?: string): void {
    const error = new DstoreError('timeout', `${candidate.target.address}: ${why}`, {
      ...(hint !== undefined && { hint }),
    })
    this.#close(candidate, error)
    this.#fail(candidate.id, error, now)
  }

  #close({ id }: Candidate, error: DstoreError): void {
    this.#effects.push({ type: 'close', id, error })
  }

  /** Closes what is left of the race. */
  #end(error: DstoreError): void {
    this.#isOn = false
    this.#waiting = []
    this.#again = []
    for (const candidate of this.#dialling.values()) this.#close(candidate, error)
    this.#dialling.clear()
    if (this.#greeting !== undefined) this.#close(this.#greeting, error)
    this.#greeting = undefined
  }

  /**
   * Where Global may be back in a moment, it is away: that another peer answers at an address
   * matters only if every one has failed for good. An address of loopback tells about this machine
   * where there is another.
   */
  #mostTelling(): DstoreError {
    const { isLoopback = () => false } = this.#rules
    const elsewhere = this.#failed.filter(({ target }) => !isLoopback(target.address))
    const errors = (elsewhere.length > 0 ? elsewhere : this.#failed).map(({ error }) => error)
    const [first = new DstoreError('unreachable', 'Global has no address')] = errors
    const isAway = ({ code }: DstoreError): boolean => code === 'unreachable' || code === 'timeout'
    return errors.find(isAway) ?? first
  }
}
