/** The rules of a Global, in memory: which one charges a name (specs/004-index.md, R004-141). */
import type { RuleRecord } from '../../records/rule-record.ts'
import { UNNAMED } from './subjects.ts'

/** The rule of a prefix of names; of values without one, with the prefix `UNNAMED`. */
export interface PrefixRule extends RuleRecord {
  readonly prefix: string
}

export class RuleTable {
  /** The longest prefix first. */
  #rules: readonly PrefixRule[] = []
  #byPrefix: readonly PrefixRule[] = []

  /** In the order of their prefixes. */
  get all(): readonly PrefixRule[] {
    return this.#byPrefix
  }

  get size(): number {
    return this.#rules.length
  }

  get(prefix: string): PrefixRule | undefined {
    return this.#rules.find((rule) => rule.prefix === prefix)
  }

  /** The rule with the longest prefix that the name begins with; of a key, that of values. */
  of(name: string): PrefixRule | undefined {
    if (name.startsWith(UNNAMED)) return this.get(UNNAMED)
    return this.#rules.find(({ prefix }) => name.startsWith(prefix))
  }

  withId(id: number): PrefixRule | undefined {
    return this.#rules.find((rule) => rule.id === id)
  }

  set(rule: PrefixRule): void {
    const others = this.#rules.filter(({ prefix }) => prefix !== rule.prefix)
    this.#setAll([...others, rule])
  }

  delete(prefix: string): void {
    this.#setAll(this.#rules.filter((rule) => rule.prefix !== prefix))
  }

  #setAll(rules: readonly PrefixRule[]): void {
    this.#rules = rules.toSorted((a, b) => b.prefix.length - a.prefix.length)
    this.#byPrefix = rules.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
  }
}
