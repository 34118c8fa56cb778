/**
 * Keeps what rules charge in step with the names (specs/004-index.md, R004-142): follows the order
 * of changes, and counts again what a new or removed rule concerns. Changes are followed in memory;
 * where that is not complete, after a restart or a flood, the log is read.
 */
import type { Row, Write } from '../../../store/store.ts'
import { USE_DURABLE_MS } from '../../../limits.ts'
import { nameBytes, nameOf } from '../../name.ts'
import type { Change } from '../../records/change-record.ts'
import { CHARGE_ROWS, chargedName, type Charge } from '../../records/charge-record.ts'
import {
  RULES_ROW,
  countRow,
  encodeCount,
  encodeRules,
  type CountRecord,
} from '../../records/rule-record.ts'
import { concat } from '../../../bytes.ts'
import { attempt, logAfter, scan, type Flow } from '../trees/flow.ts'
import { chargeNames } from './charging.ts'
import type { RecentUses } from './recent-uses.ts'
import type { RuleTable } from './rule-table.ts'
import { UNNAMED, digestIn, keySubject, subjectsIn } from './subjects.ts'
import type { Usage } from './usage.ts'

/** Names that are counted in one transaction. */
const AT_ONCE = 512

/** Entries of the log that are read in one go. */
const ENTRIES = 512

/** Changed names that are remembered; beyond that the log is read. */
const REMEMBERED = 65_536

/** How long changed names wait for others, so that one transaction counts many. */
const FOLLOW_MS = 200

/** Transactions that count before rules are listed, at most. */
const CAUGHT_UP = 8

/** How often what is followed becomes durable, though no name has changed. */
const STATE_MS = 60_000

export interface CountingOptions {
  readonly table: RuleTable
  readonly usage: Usage
  readonly uses: RecentUses
  readonly now: () => number
  /** The clock of runs, and the wall clock: whole milliseconds. */
  readonly clockMs: () => number
  readonly wallMs: () => number
  /** Every change up to this one is durable, and was reported. */
  readonly seq: () => number
  /** What a name is charged now; undefined: nothing. */
  readonly onCounted: (name: string, charge: Charge | undefined) => void
  /** The simulation's switch: what changed before a restart is counted. */
  readonly resumes: boolean
}

export class Counting {
  readonly #options: CountingOptions
  /** Names that changed since they were counted; true: a rule has unbound it. */
  #changed = new Map<string, boolean>()
  /** The names of every change up to this seq are counted, durably. */
  #counted = 0
  /** `#changed` lacks names: the log after `#counted` is to be read. */
  #isBehind = false
  /** How often `#changed` was full. */
  #overflows = 0
  /** The prefixes whose names are being counted again. */
  readonly #counts = new Map<string, CountRecord>()
  #followedAt = -Infinity
  #stateAt = -Infinity
  #lastId = 0

  constructor(options: CountingOptions) {
    this.#options = options
  }

  /** Goes on where an earlier run was, or an earlier rule. */
  resume(
    { counted, lastId }: { readonly counted: number; readonly lastId: number },
    counts: ReadonlyMap<string, CountRecord>,
    run: number,
  ): void {
    this.#lastId = lastId
    this.#counted = counted
    for (const [prefix, count] of counts) this.#counts.set(prefix, count)
    this.#isBehind = this.isActive && counted < run && this.#options.resumes
    if (!this.#options.resumes) this.#counted = run
  }

  /** Does anything depend on what changes? */
  get isActive(): boolean {
    return this.#options.table.size > 0 || this.#counts.size > 0
  }

  get lastId(): number {
    return this.#lastId
  }

  /** Follows changes from now on, if it did not. */
  begin(lastId: number): Write {
    this.#lastId = lastId
    if (!this.isActive) {
      this.#counted = this.#options.seq()
      this.#changed.clear()
      this.#isBehind = false
    }
    return this.#state(this.#counted)
  }

  /**
   * Names that begin with this are to be counted again; `of`: or what is charged for them, too, as
   * a name that is gone may still be charged. Gives the row that says so.
   */
  recount(
    prefix: string,
    of: CountRecord['of'] = 'names',
  ): { readonly write: Write; readonly committed: () => void } {
    const count: CountRecord = { of, after: undefined }
    const write = { key: countRow(prefix), value: encodeCount(count) }
    return { write, committed: () => void this.#counts.set(prefix, count) }
  }

  /** Are there changes that are not known yet? They soon are. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Are names of this prefix being counted again? */
  isRecounting(prefix: string): boolean {
    return [...this.#counts.keys()].some((one) => one.startsWith(prefix) || prefix.startsWith(one))
  }

  /** A change is durable. */
  committed(change: Change): void {
    if (!this.isActive) return
    const names = subjectsIn(change)
    const isDropped = 'why' in change && change.why === 'rule'
    for (const name of names) this.changed(name, isDropped)
  }

  /** A name is to be counted again. */
  changed(name: string, isDropped: boolean = false): void {
    if (!this.#concerns(name)) return
    if (this.#changed.size >= REMEMBERED && !this.#changed.has(name)) {
      this.#changed.clear()
      this.#isBehind = true
      this.#overflows++
    }
    this.#changed.set(name, isDropped || this.#changed.get(name) === true)
  }

  /** A name was used. */
  used(name: string): void {
    if (this.#options.table.of(name) === undefined) return
    const { uses, clockMs } = this.#options
    const oldest = uses.used(name, clockMs())
    if (oldest !== undefined) this.changed(oldest)
  }

  /** Uses that were in memory only for long become durable. */
  tick(): void {
    const { uses, clockMs } = this.#options
    for (const name of uses.since(clockMs() - USE_DURABLE_MS / 2, AT_ONCE)) this.changed(name)
  }

  /** What is to be done now to follow. */
  follow(isUrgent: boolean): (() => Flow<void>) | undefined {
    const { now, seq } = this.#options
    if (!this.isActive) return undefined
    if (this.#isBehind) return () => this.#readLog()
    const { size } = this.#changed
    const isDue = isUrgent || size >= AT_ONCE || now() - this.#followedAt >= FOLLOW_MS
    const isOld = now() - this.#stateAt >= STATE_MS
    if (size === 0 ? !isOld : !isDue) return undefined
    return () => {
      this.#followedAt = now()
      const names = [...this.#changed].slice(0, AT_ONCE)
      // The position says that all are counted, so it moves on with the last of them.
      const upto = names.length === size ? seq() : this.#counted
      return this.#count(new Map(names), upto)
    }
  }

  /** Counts what has changed so far, unless that is much. */
  *catchUp(): Flow<void> {
    for (let i = 0; i < CAUGHT_UP; i++) {
      const flow = this.follow(true)
      if (flow === undefined) return
      yield* flow()
    }
  }

  /** Are names being counted again? */
  get recounts(): boolean {
    return this.#counts.size > 0
  }

  /** What is to be counted again next; `atOnce` names, at most. */
  recounting(): (() => Flow<number>) | undefined {
    const [next] = this.#counts
    return next === undefined ? undefined : () => this.#recount(...next)
  }

  #concerns(name: string): boolean {
    if (this.#options.table.of(name) !== undefined) return true
    for (const prefix of this.#counts.keys()) if (name.startsWith(prefix)) return true
    return false
  }

  *#readLog(): Flow<void> {
    const overflows = this.#overflows
    const entries = yield* logAfter(this.#counted, ENTRIES)
    const [first] = entries
    if (first === undefined) {
      if (overflows === this.#overflows) this.#isBehind = false
      return
    }
    // What was trimmed is not known: whatever a rule may charge is counted again.
    const isTrimmed = first.seq > this.#counted + 1
    const all = isTrimmed ? this.#options.table.all : []
    for (const { prefix } of all) {
      this.#counts.set(prefix, { of: 'names-and-charges', after: undefined })
    }
    const names = new Map<string, boolean>()
    let upto = this.#counted
    for (const { seq, change } of entries) {
      // An entry may have many names.
      if (names.size >= AT_ONCE) break
      upto = seq
      const isDropped = 'why' in change && change.why === 'rule'
      for (const name of subjectsIn(change)) {
        if (this.#concerns(name)) names.set(name, isDropped || names.get(name) === true)
      }
    }
    yield* this.#count(
      names,
      upto,
      all.map(({ prefix }) => ({
        key: countRow(prefix),
        value: encodeCount(this.#counts.get(prefix)!),
      })),
    )
  }

  /** Counts these names again, and makes that durable up to this seq. */
  *#count(
    names: ReadonlyMap<string, boolean>,
    upto: number,
    writes: readonly Write[] = [],
  ): Flow<void> {
    const { table, usage, uses, clockMs, wallMs } = this.#options
    // From here on a change of these names counts as one more.
    for (const name of names.keys()) this.#changed.delete(name)
    const settled = usage.settledOf(names.keys())
    try {
      const charged = yield* chargeNames([...names.keys()], {
        table,
        uses,
        clockMs: clockMs(),
        wallMs: wallMs(),
        isDropped: (name) => names.get(name) === true,
      })
      const { increments, changes } = charged
      yield* attempt({
        conditions: [],
        writes: [...charged.writes, this.#state(upto), ...writes],
        increments,
      })
      for (const one of settled) usage.release(one)
      for (const [rule, change] of changes) usage.add(rule, change)
      for (const [name, charge] of charged.charges) this.#options.onCounted(name, charge)
      for (const [name, usedMs] of charged.uses) uses.forget(name, usedMs)
      this.#counted = Math.max(this.#counted, upto)
      this.#stateAt = this.#options.now()
    } catch (error) {
      for (const [name, isDropped] of names) this.changed(name, isDropped)
      throw error
    }
  }

  *#recount(prefix: string, { of, after }: CountRecord): Flow<number> {
    const begin = nameBytes(prefix)
    const from = after === undefined ? undefined : nameBytes(after)
    const isOfNames = of !== 'charges'
    const isOfKeys = isOfNames && prefix === UNNAMED
    const rows = isOfKeys
      ? yield* scan('keys', NOTHING, AT_ONCE, after === undefined ? after : digestIn(after))
      : isOfNames
        ? yield* scan('names', begin, AT_ONCE, from)
        : yield* scan(
            'meta',
            concat([CHARGE_ROWS, begin]),
            AT_ONCE,
            from && concat([CHARGE_ROWS, from]),
          )
    const nameIn = isOfKeys ? ({ id }: Pick<Row, 'id'>) => keySubject(id) : nameOf
    const names = rows.map(isOfNames ? nameIn : chargedName)
    const next = nextOf({ of, after: names.at(-1) }, rows.length < AT_ONCE)
    const write = { key: countRow(prefix), value: next && encodeCount(next) }
    const marked = names.map((name) => [name, this.#changed.get(name) === true] as const)
    yield* this.#count(new Map(marked), this.#counted, [write])
    if (next === undefined) this.#counts.delete(prefix)
    else this.#counts.set(prefix, next)
    return names.length
  }

  #state(counted: number): Write {
    const clockMs = this.#options.clockMs()
    return { key: RULES_ROW, value: encodeRules({ counted, clockMs, lastId: this.#lastId }) }
  }
}

/** What is counted after these; undefined: nothing. */
function nextOf(count: CountRecord, isEnd: boolean): CountRecord | undefined {
  if (!isEnd) return count
  return count.of === 'names-and-charges' ? { of: 'charges', after: undefined } : undefined
}

const NOTHING = new Uint8Array()
