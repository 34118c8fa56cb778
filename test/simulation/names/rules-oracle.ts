/**
 * What must be so of rules (specs/004-index.md, R004-140 to R004-150): that what they charge is
 * what is bound, when all is counted; that they unbind nothing else; and that a rule that has room
 * is not exceeded.
 */
import {
  CHARGE_ROWS,
  chargeRow,
  chargedName,
  decodeCharge,
  useRow,
  type Charge,
} from '../../../src/index/records/charge-record.ts'
import type { NameRecord } from '../../../src/index/records/name-record.ts'
import {
  RULE_ROWS,
  decodeStoredRules,
  ruleNamesRow,
  ruleSizeRow,
  type RuleRecord,
} from '../../../src/index/records/rule-record.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { SimStore } from '../sim-store.ts'
import type { World } from '../world.ts'
import { boundRows, type BoundRow } from './names-rows.ts'
import type { WallWatch } from './wall-watch.ts'

/** How long a request that was admitted before a rule was set may be on its way in Global. */
export const IN_FLIGHT_MS = 2500

interface Rule extends RuleRecord {
  readonly prefix: string
}

interface Amount {
  readonly names: number
  readonly size: number
}

const chargesOf = (store: SimStore): Map<string, Charge> =>
  new Map(store.scan('meta', CHARGE_ROWS).map((row) => [chargedName(row), decodeCharge(row)]))

function rulesOf(store: SimStore): { readonly rules: Rule[]; readonly isCounting: boolean } {
  const { rules, counts } = decodeStoredRules(store.scan('meta', RULE_ROWS))
  const all = [...rules].flatMap(([prefix, rule]) =>
    prefix === undefined ? [] : { ...rule, prefix },
  )
  return { rules: all, isCounting: counts.size > 0 }
}

/** The rule with the longest prefix. */
const ruleOf = (rules: readonly Rule[], name: string): Rule | undefined =>
  rules
    .filter(({ prefix }) => name.startsWith(prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0]

const sumOf = (sizes: readonly number[]): Amount => ({
  names: sizes.length,
  size: sizes.reduce((sum, one) => sum + one, 0),
})

const isWithin = ({ names, size }: Amount, { maxNames = Infinity, maxSize = Infinity }: Rule) =>
  names <= maxNames && size <= maxSize

export class RulesOracle {
  readonly #world: World
  readonly #store: SimStore
  readonly #wall: WallWatch
  /** Ids of rules whose names were all counted, and within the bounds. */
  readonly #within = new Set<number>()
  /** Since when every rule is as it is, and nothing is counted again. */
  #calmSince = 0
  #asWas = ''

  constructor(world: World, store: SimStore, wall: WallWatch) {
    this.#world = world
    this.#store = store
    this.#wall = wall
  }

  /** What is bound before all is counted may be too much, after a restart or a sleep. */
  began(): void {
    this.#within.clear()
    this.#calmSince = this.#world.now
  }

  /** Why a rule may not unbind this name, as it is bound; undefined if it may. */
  faultOfDrop(name: string, { boundMs = 0 }: NameRecord, version: number): string | undefined {
    const rule = ruleOf(rulesOf(this.#store).rules, name)
    if (rule === undefined) return 'and there is none'
    const row = this.#store.get(chargeRow(name))
    if (row === undefined || decodeCharge(row).version !== version) {
      return 'and is not bound as it was charged'
    }
    const { maxNames, maxSize, maxAgeMs } = rule
    if (maxNames !== undefined || maxSize !== undefined) return undefined
    if (maxAgeMs === undefined) return 'which bounds only what is not used'
    return this.#wall.faultOf(boundMs + maxAgeMs)
  }

  /**
   * What is wrong with the rows after a transaction. `isSurprise`: it binds a key that may not have
   * existed when room was looked for.
   */
  faults(isSurprise: boolean): string[] {
    if (isSurprise) this.#within.clear()
    const { rules, isCounting } = rulesOf(this.#store)
    const charges = chargesOf(this.#store)
    const ofCharges = [...charges].flatMap(([name, { rule, usedMs }]) => {
      const isOrdered = this.#store.get(useRow(rule, usedMs, name)) !== undefined
      return isOrdered ? [] : [`${name} is charged, and not in the order of use`]
    })
    const bound = boundRows(this.#store)
    const { now } = this.#world
    const asIs = isCounting ? `${now}` : JSON.stringify(rules)
    if (asIs !== this.#asWas) this.#calmSince = now
    this.#asWas = asIs
    const isCalm = now - this.#calmSince > IN_FLIGHT_MS
    const ofRules = rules.flatMap((rule) => this.#faultsOf(rule, rules, charges, bound, isCalm))
    for (const id of this.#within) {
      if (!rules.some((rule) => rule.id === id)) this.#within.delete(id)
    }
    return [...ofCharges, ...ofRules]
  }

  #faultsOf(
    rule: Rule,
    rules: readonly Rule[],
    charges: ReadonlyMap<string, Charge>,
    bound: readonly BoundRow[],
    isCalm: boolean,
  ): string[] {
    const own = [...charges.values()].filter((one) => one.rule === rule.id)
    const charged = sumOf(own.map(({ size }) => size))
    const [names, size] = [ruleNamesRow(rule.id), ruleSizeRow(rule.id)].map((key) => {
      return decodeCounter(this.#store.get(key)?.value)
    })
    const shown = `the rule of "${rule.prefix}"`
    if (charged.names !== names || charged.size !== size) {
      return [`${shown} charges ${charged.names} (${charged.size}), and counts ${names} (${size})`]
    }
    const under = bound.filter(({ name }) => ruleOf(rules, name)?.id === rule.id)
    const held = sumOf(under.map(({ record }) => record.size ?? 0))
    const isCounted = under.every(({ name, version }) => charges.get(name)?.version === version)
    if (!isCalm) this.#within.delete(rule.id)
    else if (isCounted && own.length === under.length && isWithin(held, rule)) {
      this.#within.add(rule.id)
    }
    if (!this.#within.has(rule.id)) return []
    if (isWithin(held, rule)) return []
    const { maxNames, maxSize } = rule
    return [`${shown} holds ${held.names} (${held.size}) of ${maxNames} (${maxSize})`]
  }

  /** What is wrong when all is quiet. */
  faultsAtRest(): string[] {
    const { rules, isCounting } = rulesOf(this.#store)
    if (isCounting) return ['names are being counted, and never are']
    const charges = chargesOf(this.#store)
    const bound = new Map(boundRows(this.#store).map((one) => [one.name, one]))
    const faults: string[] = []
    for (const [name, { version }] of charges) {
      if (bound.get(name)?.version !== version) faults.push(`${name} is charged as it is not bound`)
    }
    for (const { name, record } of bound.values()) {
      const rule = ruleOf(rules, name)
      const charge = charges.get(name)
      if (charge?.rule !== rule?.id) faults.push(`${name} is charged by ${charge?.rule}`)
      else if (charge !== undefined && charge.size !== record.size) {
        faults.push(`${name} has ${record.size}, and is charged ${charge.size}`)
      }
    }
    for (const rule of rules) {
      const own = [...bound.values()].filter(({ name }) => ruleOf(rules, name)?.id === rule.id)
      const held = sumOf(own.map(({ record }) => record.size ?? 0))
      if (!isWithin(held, rule)) faults.push(`the rule of "${rule.prefix}" stays exceeded`)
    }
    return faults
  }
}
