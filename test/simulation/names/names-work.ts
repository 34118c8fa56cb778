/** What callers do in a world where names move and expire. */
import type { Body, Naming, Request } from '../../../src/index/message.ts'
import type { SimGlobal } from '../sim-global.ts'
import type { SimLocal } from '../sim-local.ts'
import { digestOf } from '../tokens.ts'
import { bytesOf } from '../trees/universe.ts'
import type { World } from '../world.ts'

/** The last has more bytes than the others. */
const TOKENS = [1, 2, 3, 202]

/** Any of these may be a tag at one time, and fixed at another. */
const NAMES = ['a', 'b', 'c/d', 'c/e', 'c/f']

const PREFIXES = ['', 'c/', 'c/e']

const KEEPS_MS = [0, 100, 1500, 6000, 40_000]

/** The last is never over by a clock that is right. */
const EXPIRIES_MS = [1, 400, 3000, 12_000, 2_000_000]

const IGNORE = (): void => undefined

export class NamesWork {
  readonly #world: World
  readonly #global: SimGlobal
  /** How often a name expires. */
  readonly #expiring: number
  readonly #force: number
  /** How often a rule is set or removed. */
  readonly #ruling: number

  constructor(world: World, global: SimGlobal) {
    this.#world = world
    this.#global = global
    this.#expiring = world.one([0, 0.2, 0.7])
    this.#force = world.one([0, 0.2, 1])
    this.#ruling = world.one([0, 1, 4])
  }

  act(local: SimLocal): void {
    const world = this.#world
    const token = world.one(TOKENS)
    const name = world.one(NAMES)
    const { callers } = local
    const kinds: readonly (readonly [number, () => void])[] = [
      [10, () => callers.get(token)],
      [8, () => callers.put(token, name, this.#naming(true))],
      [5, () => callers.put(token, name, this.#naming(false))],
      [2, () => callers.put(token, undefined)],
      [16, () => callers.tag(name, token, this.#naming(true))],
      [5, () => callers.bind(name, token, false, this.#naming(world.chance(0.5)))],
      [5, () => this.#ask(this.#request(name, token))],
      [8, () => callers.unbind(name)],
      [12, () => callers.lookup(name)],
      [4, () => this.#lookUp(name)],
      [4, () => callers.history(name)],
      [4, () => this.#remove(local, token)],
      [2, () => callers.evict(token)],
      [this.#ruling, () => this.#rule()],
    ]
    let at = world.between(
      0,
      kinds.reduce((sum, [share]) => sum + share, 0),
    )
    for (const [share, act] of kinds) {
      at -= share
      if (at < 0) return act()
    }
  }

  #naming(tag: boolean): Naming {
    const world = this.#world
    return {
      ...(tag && { tag, keepMs: world.one(KEEPS_MS) }),
      ...(world.chance(this.#expiring) && { expiresMs: world.one(EXPIRIES_MS) }),
    }
  }

  /** What Global's own callers ask for. */
  #request(name: string, token: number): Request {
    const world = this.#world
    const operation = this.#global.operation()
    const naming = this.#naming(true)
    if (world.chance(0.5)) {
      return { type: 'put', values: [bytesOf(token)], name, naming, ...operation }
    }
    return { type: 'rebind', name, digest: digestOf(token), naming, ...operation }
  }

  #ask(request: Request): void {
    const names = this.#global.names!
    const asked = names.asked()
    this.#global.ask(request, (body: Body) => {
      if (request.type === 'rebind') names.answered(request, body, asked)
    })
  }

  #lookUp(name: string): void {
    const names = this.#global.names!
    const asked = names.asked()
    this.#global.ask({ type: 'lookup', name, inline: false }, (body) => {
      if (body.type === 'binding') names.lookedUp(name, body.found, asked)
    })
  }

  /** An admin sets a rule, or removes one. */
  #rule(): void {
    const world = this.#world
    const prefix = world.one(PREFIXES)
    if (world.chance(0.3)) {
      world.say(`the rule of "${prefix}" is removed`)
      return this.#global.ask({ type: 'remove-rule', prefix }, IGNORE)
    }
    const terms = world.one([
      { maxNames: 1 + world.pick(3) },
      { maxSize: 3 + world.pick(4) },
      { maxNames: 2, maxSize: 4 },
      { maxAgeMs: world.one([2000, 8000]) },
    ])
    world.say(`the rule of "${prefix}" is set: ${JSON.stringify(terms)}`)
    this.#global.ask({ type: 'set-rule', prefix, terms }, IGNORE)
  }

  #remove(local: SimLocal, token: number): void {
    const world = this.#world
    const force = world.chance(this.#force)
    world.say(`${local.peer} removes ${token}${force ? ' by force' : ''}`)
    const timeoutMs = world.between(300, 6000)
    local.callers.request({ type: 'remove', digest: digestOf(token), timeoutMs, force }, IGNORE)
  }
}
