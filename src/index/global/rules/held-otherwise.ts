/**
 * How much of what a rule charges something else keeps, too (specs/004-index.md, R004-154): so that
 * a list says what its end would free. It is counted in the background, one rule after another, and
 * kept in memory only.
 */
import { decodeCounter } from '../../../store/counters.ts'
import { decodeOrdered, useRows, type Ordered } from '../../records/charge-record.ts'
import { decodeBinding, nameIn, namedRows } from '../../records/name-record.ts'
import { decodeKey, keyRow, nameRow } from '../../records/record.ts'
import { heldRow, keptRow } from '../../records/tree-record.ts'
import type { Digest } from '../../message.ts'
import { read, scan, type Flow } from '../trees/flow.ts'
import type { PrefixRule, RuleTable } from './rule-table.ts'
import { digestIn } from './subjects.ts'

/** Names that are looked at in one go. */
const AT_ONCE = 64

/** Names that are looked at in a second. */
const PER_S = 256

/** How long a count stands before the next begins. */
const STANDS_MS = 60_000

/** Further names of one key that are looked at. */
const NAMES = 16

export interface HeldOtherwiseOptions {
  readonly table: RuleTable
  readonly now: () => number
}

export class HeldOtherwise {
  readonly #options: HeldOtherwiseOptions
  /** Bytes of the last whole count, and when it ended, by the ids of rules. */
  readonly #counts = new Map<number, { readonly bytes: number | undefined; readonly at: number }>()
  /** The count that goes on. */
  #current: { readonly rule: number; after: Uint8Array | undefined; bytes: number } | undefined
  #left = PER_S

  constructor(options: HeldOtherwiseOptions) {
    this.#options = options
  }

  /** Undefined while it was not counted. */
  of(rule: number): number | undefined {
    return this.#counts.get(rule)?.bytes
  }

  tick(seconds: number): void {
    this.#left = Math.min(PER_S, this.#left + seconds * PER_S)
  }

  /** The count that goes on has failed: the next rule has its turn. */
  abandon(): void {
    const { rule } = this.#current ?? {}
    if (rule !== undefined) this.#counts.set(rule, { bytes: undefined, at: this.#options.now() })
    this.#current = undefined
  }

  /** What is to be looked at next, if anything. */
  next(): (() => Flow<void>) | undefined {
    if (this.#left < 1) return undefined
    const { table, now } = this.#options
    const going = this.#current && table.withId(this.#current.rule)
    const rule =
      going ??
      table.all.find(({ id }) => now() - (this.#counts.get(id)?.at ?? -Infinity) >= STANDS_MS)
    if (rule === undefined) return undefined
    if (going === undefined) this.#current = { rule: rule.id, after: undefined, bytes: 0 }
    const current = this.#current!
    return () => this.#look(rule, current)
  }

  *#look(rule: PrefixRule, current: { after: Uint8Array | undefined; bytes: number }): Flow<void> {
    const rows = yield* scan('meta', useRows(rule.id), AT_ONCE, current.after)
    this.#left -= rows.length
    const charged = rows.map(decodeOrdered)
    const digests = yield* this.#digestsOf(charged)
    const keys = digests.flatMap((one) => (one ? [keyRow(one), heldRow(one), keptRow(one)] : []))
    const states = yield* read(keys)
    let at = 0
    for (const [i, digest] of digests.entries()) {
      if (digest === undefined) continue
      const [row, held, kept] = states.slice(at, (at += 3))
      if (row === undefined) continue
      const found = decodeKey(row)
      const isKey = digestIn(charged[i]!.name) !== undefined
      const isHeld = decodeCounter(held?.value) > 0 || (isKey && decodeCounter(kept?.value) > 0)
      const isNamed = isKey ? found.names > 0 : found.unnamed
      const isKept =
        isHeld || isNamed || (found.names > 1 && (yield* this.#hasOther(rule, digest, found)))
      if (isKept) current.bytes += charged[i]!.size
    }
    if (rows.length === AT_ONCE) {
      current.after = rows.at(-1)!.id
      return
    }
    this.#counts.set(rule.id, { bytes: current.bytes, at: this.#options.now() })
    this.#current = undefined
  }

  /** The keys of what is charged; undefined for what is gone. */
  *#digestsOf(charged: readonly Ordered[]): Flow<(Digest | undefined)[]> {
    const names = charged.map(({ name }) => name).filter((name) => digestIn(name) === undefined)
    const rows = yield* read(names.map(nameRow))
    const bound = new Map(names.map((name, i) => [name, rows[i] && decodeBinding(rows[i]).digest]))
    return charged.map(({ name }) => digestIn(name) ?? bound.get(name))
  }

  /** Has the key a name outside the rule, among those that are looked at? */
  *#hasOther(
    rule: PrefixRule,
    digest: Digest,
    { listed = [] }: { readonly listed?: readonly string[] },
  ): Flow<boolean> {
    const rows = yield* scan('meta', namedRows(digest), NAMES)
    const names = [...listed, ...rows.map(nameIn)]
    return names.some((name) => this.#options.table.of(name)?.id !== rule.id)
  }
}
