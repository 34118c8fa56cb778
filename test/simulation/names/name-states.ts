/**
 * What each name was bound to, and when, in true time: an answer about a name must be one of the
 * states that it had while the request was on its way.
 */
import type { NameRecord } from '../../../src/index/records/name-record.ts'
import type { World } from '../world.ts'

export interface NameState {
  /** The seq of the change that bound it so; 0 where it is not bound. */
  readonly seq: number
  /** Undefined where it is not bound. */
  readonly record: NameRecord | undefined
  /** From when on, in true time. */
  readonly from: number
}

const UNBOUND: NameState = { seq: 0, record: undefined, from: -Infinity }

export class NameStates {
  readonly #world: World
  readonly #states = new Map<string, NameState[]>()

  constructor(world: World) {
    this.#world = world
  }

  names(): Iterable<string> {
    return this.#states.keys()
  }

  /** The name is bound so from now on. */
  is(name: string, seq: number, record: NameRecord | undefined): void {
    const states = this.#states.get(name) ?? []
    this.#states.set(name, states)
    const last = states.at(-1) ?? UNBOUND
    const isSame = last.seq === seq && (last.record === undefined) === (record === undefined)
    if (!isSame) states.push({ seq, record, from: this.#world.now })
  }

  /** Every state that it had at any moment since then. */
  since(name: string, from: number): NameState[] {
    const all = [UNBOUND, ...(this.#states.get(name) ?? [])]
    return all.filter((_, i) => (all[i + 1]?.from ?? Infinity) >= from)
  }

  /** Every state that it had before, too. */
  ever(name: string): NameState[] {
    return this.#states.get(name) ?? []
  }
}
