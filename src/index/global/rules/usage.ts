/**
 * What each rule holds: what is counted, and what is about to be (specs/004-index.md, R004-143).
 * A request that may bind a name reserves room first. The reservation stands until its name has
 * been counted again, so that nothing is counted twice or forgotten in between.
 */

/** Names and bytes. */
export interface Amount {
  readonly names: number
  readonly size: number
}

/** What is counted of a rule. */
export interface Counted extends Amount {
  /** Names that it has unbound. */
  readonly removed: number
  /** When it last did: wall clock, in milliseconds. */
  readonly lastMs: number | undefined
}

/** The room that a name needs for this many bytes, if so many are charged for it already. */
export const needOf = (size: number, charged: number | undefined): Amount => ({
  names: charged === undefined ? 1 : 0,
  size: Math.max(0, size - (charged ?? 0)),
})

const NOTHING: Counted = { names: 0, size: 0, removed: 0, lastMs: undefined }

/** Room in a rule for a name; negative for a name that it has unbound. */
export interface Reservation {
  readonly name: string
  readonly rule: number
  names: number
  size: number
  /** Bytes of what is to be bound; undefined for a name that a rule has unbound. */
  readonly wanted?: number
  /** The change that it stands for is durable, or there is none. */
  isSettled: boolean
}

export class Usage {
  /** By the ids of rules. */
  readonly #counted = new Map<number, Counted>()
  readonly #reserved = new Map<number, Amount>()
  readonly #byName = new Map<string, Set<Reservation>>()

  counted(rule: number): Counted {
    return this.#counted.get(rule) ?? NOTHING
  }

  setCounted(rule: number, counted: Counted): void {
    this.#counted.set(rule, counted)
  }

  /** What the rule holds once every reservation is counted. */
  expected(rule: number): Amount {
    const counted = this.counted(rule)
    const { names = 0, size = 0 } = this.#reserved.get(rule) ?? {}
    return { names: counted.names + names, size: counted.size + size }
  }

  /** Adds to what is counted; the latest removal replaces an earlier one. */
  add(rule: number, { names, size, removed, lastMs }: Counted): void {
    const before = this.counted(rule)
    this.#counted.set(rule, {
      names: before.names + names,
      size: before.size + size,
      removed: before.removed + removed,
      lastMs: lastMs ?? before.lastMs,
    })
  }

  forget(rule: number): void {
    this.#counted.delete(rule)
  }

  reserve(reservation: Reservation): Reservation {
    const { name, rule } = reservation
    const all = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, all.add(reservation))
    this.#change(rule, reservation, 1)
    return reservation
  }

  /** Does anything stand for this name that is not counted yet? */
  isReserved(name: string): boolean {
    return this.#byName.has(name)
  }

  /** Has a rule unbound it since it was counted? What is charged for it is room already. */
  isDropped(name: string): boolean {
    return [...(this.#byName.get(name) ?? [])].some(({ names }) => names < 0)
  }

  /** What is charged for a name has changed: what is about to bind it needs more, or less. */
  recharge(
    name: string,
    charged: { readonly rule: number; readonly size: number } | undefined,
  ): void {
    for (const one of this.#byName.get(name) ?? []) {
      if (one.wanted === undefined) continue
      this.#change(one.rule, one, -1)
      Object.assign(one, needOf(one.wanted, charged?.rule === one.rule ? charged.size : undefined))
      this.#change(one.rule, one, 1)
    }
  }

  /** The settled reservations of these names, to be released once the names are counted. */
  settledOf(names: Iterable<string>): readonly Reservation[] {
    const all: Reservation[] = []
    for (const name of names) {
      for (const one of this.#byName.get(name) ?? []) if (one.isSettled) all.push(one)
    }
    return all
  }

  release(reservation: Reservation): void {
    const { name, rule } = reservation
    const all = this.#byName.get(name)
    if (all?.delete(reservation) !== true) return
    if (all.size === 0) this.#byName.delete(name)
    this.#change(rule, reservation, -1)
  }

  #change(rule: number, { names, size }: Amount, sign: 1 | -1): void {
    const before = this.#reserved.get(rule) ?? { names: 0, size: 0 }
    const after = { names: before.names + sign * names, size: before.size + sign * size }
    if (after.names === 0 && after.size === 0) this.#reserved.delete(rule)
    else this.#reserved.set(rule, after)
  }
}
