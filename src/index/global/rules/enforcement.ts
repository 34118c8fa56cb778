/**
 * Unbinds what rules have too much of (specs/004-index.md, R004-144 to R004-149): the least
 * recently used first, a few at a time, by the same changes as an unbinding. What was used or bound
 * again meanwhile is passed over.
 */
import type { DstoreError } from '../../../errors.ts'
import { ageRows, decodeOrdered, useRows, type Ordered } from '../../records/charge-record.ts'
import type { Rules } from '../../rules.ts'
import { dropName } from '../names/drop-name.ts'
import { scan, type Flow, type FlowRunner } from '../trees/flow.ts'
import type { OnCascade } from '../trees/key-removal.ts'
import { dropKey } from './drop-key.ts'
import type { RecentUses } from './recent-uses.ts'
import type { PrefixRule } from './rule-table.ts'
import { digestIn } from './subjects.ts'
import type { Amount, Usage } from './usage.ts'

/** Rows that are read at first, and then in one go; and the most names that are chosen. */
const FIRST_ROWS = 16
const ROWS = 128

/** Names that are unbound at the same time, so that they share a sync of the disk. */
const AT_ONCE = 32

export interface EnforcementOptions {
  readonly flows: FlowRunner
  readonly rules: Rules
  readonly usage: Usage
  readonly uses: RecentUses
  readonly onCascade: OnCascade
  /** It was used since it was counted: its place in the order is wrong. */
  readonly onUsed: (name: string) => void
  readonly onDropped: (name: string) => void
  /** Something else keeps this value: its turn comes again later. */
  readonly onKept: (subject: string) => void
}

/** What is to go. */
export interface Excess {
  readonly rule: PrefixRule
  /** The order in which they go, and the time up to which those in it do. */
  readonly order: 'use' | 'age'
  readonly untilMs: number
  /** No more than this. */
  readonly most: Amount
  /** A name that stays: room is made for it. */
  readonly spared?: string
}

export class Enforcement {
  readonly #options: EnforcementOptions
  /**
   * Up to where the order of use of each rule has been unbound, by the rule's id: the rows before
   * are gone once those names are counted.
   */
  readonly #done = new Map<number, Uint8Array>()

  constructor(options: EnforcementOptions) {
    this.#options = options
  }

  /** Names were counted: the orders are as they should be. */
  counted(): void {
    this.#done.clear()
  }

  /** Unbinds some of it. `done` gets how many names went, and how many were used since. */
  drop(
    excess: Excess,
    done: (dropped: number, passedOver: number) => void,
    failed: (why: DstoreError) => void,
  ): void {
    const { flows } = this.#options
    flows.run(
      this.#choose(excess),
      ({ chosen, passedOver }) => {
        flows.runAll(
          chosen,
          { atOnce: AT_ONCE, begin: (one) => this.#drop(one, excess.rule) },
          (dropped) => done(dropped.filter(Boolean).length, passedOver),
          failed,
        )
      },
      failed,
    )
  }

  *#choose({ rule, order, untilMs, most, spared }: Excess): Flow<{
    readonly chosen: readonly Ordered[]
    readonly passedOver: number
  }> {
    const { usage, uses, onUsed } = this.#options
    const prefix = order === 'use' ? useRows(rule.id) : ageRows(rule.id)
    const chosen: Ordered[] = []
    let passedOver = 0
    let hasGap = false
    let after = order === 'use' ? this.#done.get(rule.id) : undefined
    let limit = FIRST_ROWS
    let size = 0
    for (;;) {
      const rows = yield* scan('meta', prefix, limit, after)
      for (const row of rows) {
        const one = decodeOrdered(row)
        if (one.ms > untilMs) return { chosen, passedOver }
        if (chosen.length >= most.names && size >= most.size) return { chosen, passedOver }
        if (chosen.length >= ROWS) return { chosen, passedOver }
        if (one.name === spared || usage.isReserved(one.name)) {
          hasGap = true
          continue
        }
        if (order === 'use' && (uses.of(one.name) ?? 0) > one.ms) {
          onUsed(one.name)
          passedOver++
          hasGap = true
          continue
        }
        chosen.push(one)
        size += one.size
        // Only what goes, from the first row on without a gap.
        if (order === 'use' && !hasGap) this.#done.set(rule.id, row.id)
      }
      // What is reserved may fill whole pages.
      if (rows.length < limit || passedOver > 0) return { chosen, passedOver }
      after = rows.at(-1)!.id
      limit = ROWS
    }
  }

  *#drop({ name, version, size }: Ordered, rule: PrefixRule): Flow<boolean> {
    const { usage, rules, onCascade, onDropped, onKept } = this.#options
    const isDue = (now: number): boolean => now === version || !rules.dropsAsBound
    const digest = digestIn(name)
    if (digest === undefined) {
      const why = 'rule'
      const due = (_: unknown, now: number): boolean => isDue(now)
      const dropped = yield* dropName(name, { why, isDue: due, writes: [], onCascade })
      if (dropped === undefined) return false
    } else {
      const dropped = yield* dropKey(digest, isDue, onCascade)
      if (dropped === 'kept') onKept(name)
      if (dropped !== 'dropped') return false
    }
    usage.reserve({ name, rule: rule.id, names: -1, size: -size, isSettled: true })
    onDropped(name)
    return true
  }
}
