/**
 * Counts names again (specs/004-index.md, R004-142): brings what rules charge for them into line
 * with how they are bound now. It may be done at any time and any number of times.
 */
import type { Increment, RecordKey, Write } from '../../../store/store.ts'
import {
  ageRow,
  chargeRow,
  decodeCharge,
  encodeCharge,
  encodeOrdered,
  useRow,
  type Charge,
} from '../../records/charge-record.ts'
import { decodeBinding, type NameRecord } from '../../records/name-record.ts'
import { decodeKey, keyRow, nameRow, type KeyRecord } from '../../records/record.ts'
import {
  ruleLastRow,
  ruleNamesRow,
  ruleRemovedRow,
  ruleSizeRow,
} from '../../records/rule-record.ts'
import { encodeCounter } from '../../../store/counters.ts'
import { read, type Flow } from '../trees/flow.ts'
import type { RecentUses } from './recent-uses.ts'
import type { RuleTable } from './rule-table.ts'
import { digestIn } from './subjects.ts'
import type { Counted } from './usage.ts'

export interface ChargingContext {
  readonly table: RuleTable
  readonly uses: RecentUses
  /** The clock of runs, whole milliseconds. */
  readonly clockMs: number
  /** Wall clock, whole milliseconds. */
  readonly wallMs: number
  /** Has a rule unbound it since it was counted last? */
  readonly isDropped: (name: string) => boolean
}

/** What counting some names comes to. */
export interface Charged {
  readonly writes: readonly Write[]
  readonly increments: readonly Increment[]
  /** By the ids of rules. */
  readonly changes: ReadonlyMap<number, Counted>
  /** Their uses up to these times are durable with it. */
  readonly uses: ReadonlyMap<string, number>
  /** What each is charged now; undefined: nothing. */
  readonly charges: ReadonlyMap<string, Charge | undefined>
}

interface Bound {
  readonly record: Pick<NameRecord, 'size' | 'boundMs'> & Partial<NameRecord>
  readonly version: number
}

export function* chargeNames(names: readonly string[], context: ChargingContext): Flow<Charged> {
  const rows = yield* read([...names.map(rowOf), ...names.map(chargeRow)])
  const bound = names.map((name, i): Bound | undefined => {
    const row = rows[i]
    if (row === undefined) return undefined
    if (digestIn(name) !== undefined) return unnamed(decodeKey(row), context)
    return { record: decodeBinding(row), version: row.version }
  })
  const sizes = yield* sizesOf(bound)
  const writes: Write[] = []
  const changes = new Map<number, Counted>()
  const uses = new Map<string, number>()
  const charges = new Map<string, Charge | undefined>()
  const add = (rule: number, change: Partial<Counted>): void => {
    const before = changes.get(rule)
    changes.set(rule, {
      names: (before?.names ?? 0) + (change.names ?? 0),
      size: (before?.size ?? 0) + (change.size ?? 0),
      removed: (before?.removed ?? 0) + (change.removed ?? 0),
      lastMs: change.lastMs ?? before?.lastMs,
    })
  }
  names.forEach((name, i) => {
    const row = rows[names.length + i]
    const before = row && decodeCharge(row)
    const one = bound[i]
    const after = one && chargeFor(name, { ...one, size: sizes[i]!, before }, context)
    uses.set(name, after?.usedMs ?? Infinity)
    charges.set(name, after)
    if (before !== undefined && context.isDropped(name) && context.table.withId(before.rule)) {
      add(before.rule, { removed: 1, lastMs: context.wallMs })
    }
    if (isSame(before, after)) return
    if (before !== undefined) {
      writes.push(...rowsOf(name, before).map((key) => ({ key, value: undefined })))
      add(before.rule, { names: -1, size: -before.size })
    }
    writes.push({ key: chargeRow(name), value: after && encodeCharge(after) })
    if (after !== undefined) {
      writes.push(...rowsOf(name, after).map((key) => ({ key, value: encodeOrdered(after) })))
      add(after.rule, { names: 1, size: after.size })
    }
  })
  return { ...countersOf(changes, writes), changes, uses, charges }
}

/** The row that says whether something is to be charged. */
function rowOf(subject: string): RecordKey {
  const digest = digestIn(subject)
  return digest === undefined ? nameRow(subject) : keyRow(digest)
}

/** A value that was put without a name: when that was is not known, so it counts from now on. */
function unnamed(
  { unnamed: isUnnamed, size, directory, incarnation }: KeyRecord,
  { wallMs }: ChargingContext,
): Bound | undefined {
  if (!isUnnamed) return undefined
  return { record: { size: directory?.size ?? size, boundMs: wallMs }, version: incarnation }
}

/** What a rule charges for a name that is bound; undefined if none does. */
function chargeFor(
  name: string,
  { record, version, size, before }: Bound & { size: number; before: Charge | undefined },
  { table, uses, clockMs, wallMs }: ChargingContext,
): Charge | undefined {
  const rule = table.of(name)
  if (rule === undefined) return undefined
  const { boundMs } = record
  // What is known of a name that is counted for the first time is how long ago it was bound.
  const boundFor = boundMs === undefined ? clockMs : Math.max(0, wallMs - boundMs)
  const known = before?.version === version ? before.usedMs : clockMs - boundFor
  const usedMs = Math.max(0, known, uses.of(name) ?? 0)
  const agedMs = rule.maxAgeMs === undefined ? before?.agedMs : (boundMs ?? 0)
  return {
    rule: rule.id,
    version,
    size,
    usedMs,
    agedMs: before?.version === version || rule.maxAgeMs !== undefined ? agedMs : undefined,
  }
}

const isSame = (a: Charge | undefined, b: Charge | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.rule === b.rule &&
    a.version === b.version &&
    a.size === b.size &&
    a.usedMs === b.usedMs &&
    a.agedMs === b.agedMs)

const rowsOf = (name: string, { rule, usedMs, agedMs }: Charge) => [
  useRow(rule, usedMs, name),
  ...(agedMs === undefined ? [] : [ageRow(rule, agedMs, name)]),
]

/** The sizes that names are charged; an earlier version did not write them into the name's row. */
function* sizesOf(bound: readonly (Bound | undefined)[]): Flow<number[]> {
  const unsized = bound.filter((one) => one !== undefined && one.record.size === undefined)
  const rows = yield* read(unsized.map((one) => keyRow(one!.record.digest!)))
  const sizes = new Map(
    unsized.map((one, i) => {
      const found = rows[i] && decodeKey(rows[i])
      const isTree = one!.record.directory && found?.directory !== undefined
      return [one, (isTree ? found?.directory?.size : found?.size) ?? 0] as const
    }),
  )
  return bound.map((one) => one?.record.size ?? sizes.get(one) ?? 0)
}

/** What the changes add to the counters of the rules. */
function countersOf(
  changes: ReadonlyMap<number, Counted>,
  own: readonly Write[],
): Pick<Charged, 'writes' | 'increments'> {
  const writes = [...own]
  const increments: Increment[] = []
  for (const [rule, { names, size, removed, lastMs }] of changes) {
    increments.push(
      ...[
        { key: ruleNamesRow(rule), by: names },
        { key: ruleSizeRow(rule), by: size },
        { key: ruleRemovedRow(rule), by: removed },
      ].filter(({ by }) => by !== 0),
    )
    if (lastMs !== undefined) writes.push({ key: ruleLastRow(rule), value: encodeCounter(lastMs) })
  }
  return { writes, increments }
}
