/** What callers do in a world with trees: they put trees that share parts, and remove them. */
import type { Body, Request } from '../../../src/index/message.ts'
import { holdRow } from '../../../src/index/records/tree-record.ts'
import type { SimGlobal } from '../sim-global.ts'
import type { SimLocal } from '../sim-local.ts'
import { digestOf } from '../tokens.ts'
import type { World } from '../world.ts'
import { drive, putTree, type Script } from './put-tree.ts'
import { DIRECTORIES, FILES, isDirectory, tokenOf } from './universe.ts'

const IGNORE = (): void => undefined

const NAMES = ['a', 't', 't/u', 't/u/v']

/** What an answer says that a hold keeps. */
function keptBy(
  request: Request,
  body: Body,
): { readonly hold: Uint8Array; readonly tokens: readonly number[] } | undefined {
  if (request.type === 'put' && request.hold !== undefined && body.type === 'stored') {
    return { hold: request.hold, tokens: request.values.map(tokenOf) }
  }
  if (request.type !== 'present' || body.type !== 'present-answer') return undefined
  const { hold, items } = request
  const there = items.filter((_, i) => body.present[i] === true)
  return { hold, tokens: there.map(({ digest }) => digest[0]!) }
}

export class TreeWork {
  readonly #world: World
  readonly #global: SimGlobal
  /** What is removed by itself; the rest goes with trees. */
  readonly #removable: readonly number[]
  readonly #force: number
  /** How often a client leaves out a step. */
  readonly #careless: number
  /** Every hold that was opened. */
  readonly holds: Uint8Array[] = []

  constructor(world: World, global: SimGlobal) {
    this.#world = world
    this.#global = global
    const removable = [...FILES, ...DIRECTORIES].filter((token) =>
      world.chance(isDirectory(token) ? 0.7 : 0.3),
    )
    this.#removable = removable.length === 0 ? DIRECTORIES : removable
    this.#force = world.one([0, 0, 0.3])
    this.#careless = world.one([0, 0, 0.1, 0.5])
    world.say(
      `removed: ${this.#removable.join()}, force ${this.#force}, careless ${this.#careless}`,
    )
  }

  act(local: SimLocal): void {
    const world = this.#world
    const token = world.one(world.chance(0.5) ? FILES : DIRECTORIES)
    const name = world.one(NAMES)
    const kinds: readonly (readonly [number, () => void])[] = [
      [20, () => local.callers.get(token)],
      [8, () => local.callers.put(world.one(FILES), world.chance(0.5) ? name : undefined)],
      [2, () => local.callers.put(token, world.chance(0.5) ? name : undefined)],
      [14, () => this.#drive(local, this.#putTree(local.peer))],
      [5, () => this.#drive(undefined, this.#putTree('Global'))],
      [12, () => this.#remove(local)],
      [4, () => this.#remove(undefined)],
      [5, () => local.callers.bind(name, token, isDirectory(token) && world.chance(0.8))],
      [9, () => local.callers.unbind(name)],
      [3, () => local.callers.lookup(name)],
      [3, () => local.callers.evict(token)],
      [2, () => this.#release(local)],
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

  /** Ends every hold that is still open. The release of one that has ended goes on by itself. */
  releaseAll(): void {
    for (const id of this.holds) {
      if (this.#global.store.get(holdRow(id)) === undefined) continue
      this.#global.ask({ type: 'hold', id, release: true }, IGNORE)
    }
  }

  #putTree(who: string): Script {
    const world = this.#world
    const isOld = this.holds.length > 0 && world.chance(0.1)
    const hold = isOld ? world.one(this.holds) : this.#newHold()
    // A release that comes before the hold, or again, ends nothing that comes after it.
    if (world.chance(0.1)) this.#global.ask({ type: 'hold', id: hold, release: true }, IGNORE)
    const root = world.one(DIRECTORIES)
    const name = world.chance(0.6) ? world.one(NAMES) : undefined
    world.say(`${who} puts the tree ${root}${name === undefined ? '' : ` as ${name}`}`)
    return putTree({
      hold,
      root,
      name,
      skips: () => world.chance(this.#careless),
      onFailure: () => (world.chance(0.5) ? 'release' : 'leave'),
    })
  }

  #newHold(): Uint8Array {
    const id = Uint8Array.from({ length: 16 }, () => this.#world.pick(256))
    this.holds.push(id)
    return id
  }

  #remove(local: SimLocal | undefined): void {
    const world = this.#world
    const token = world.one(this.#removable)
    const force = world.chance(this.#force)
    world.say(`${local?.peer ?? 'Global'} removes ${token}${force ? ' by force' : ''}`)
    const digest = digestOf(token)
    const remove = { type: 'remove', digest, timeoutMs: world.between(300, 6000), force } as const
    if (local === undefined) this.#global.ask(remove, IGNORE)
    else local.callers.request(remove, IGNORE)
  }

  #release(local: SimLocal): void {
    if (this.holds.length === 0) return
    const id = this.#world.one(this.holds)
    local.callers.request({ type: 'hold', id, release: true }, IGNORE)
  }

  /** A second client of the same hold gives up. */
  #releaseSoon(id: Uint8Array): void {
    this.#world.after(this.#world.between(0, 100), () => {
      this.#global.ask({ type: 'hold', id, release: true }, IGNORE)
    })
  }

  /** Where no Local is given, Global itself is the caller. */
  #drive(local: SimLocal | undefined, script: Script): void {
    drive(script, (request, then) => {
      const trees = this.#global.trees!
      const since = trees.history
      const answered = (body: Body): void => {
        const kept = keptBy(request, body)
        if (kept !== undefined) trees.keeps(kept.hold, kept.tokens, since)
        if (this.#world.chance(0.02)) return
        then(body)
      }
      if (request.type === 'put' && this.#world.chance(0.04)) this.#releaseSoon(request.hold!)
      if (local === undefined) this.#global.ask(request, answered)
      else local.callers.request(request, answered)
    })
  }
}
