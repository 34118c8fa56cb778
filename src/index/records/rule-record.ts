/**
 * The rows of rules (specs/004-index.md, "Records" and "Rules: lifecycle"): one for each rule, with
 * its counters, and how far changes are counted. All are read when a run begins: they are as few as
 * the rules.
 */
import { decodeCounter } from '../../store/counters.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import { nameBytes } from '../name.ts'
import type { RuleTerms } from '../message.ts'
import { damaged, pack, unpack } from './record.ts'
import * as pb from './records_pb.ts'

/** The prefix of all of these rows. */
export const RULE_ROWS: Uint8Array = nameBytes('rules/')

/** The most of these rows that are read when a run begins. */
export const RULE_ROWS_MOST: number = 16_384

export interface RuleRecord extends RuleTerms {
  /** Names what the rule charges; never used again. */
  readonly id: number
  /** When it was first set, by the clock of runs. */
  readonly sinceMs: number
}

const row = (text: string): RecordKey => ({ table: 'meta', id: nameBytes(text) })

const SET = 'rules/set/'
const COUNT = 'rules/count/'

export const ruleRow = (prefix: string | undefined): RecordKey =>
  row(prefix === undefined ? 'rules/unnamed' : `${SET}${prefix}`)

/** Counters of a rule: names, bytes, and names that it has unbound. */
export const ruleNamesRow = (id: number): RecordKey => row(`rules/names/${id}`)
export const ruleSizeRow = (id: number): RecordKey => row(`rules/size/${id}`)
export const ruleRemovedRow = (id: number): RecordKey => row(`rules/removed/${id}`)

/** When the rule last unbound a name. */
export const ruleLastRow = (id: number): RecordKey => row(`rules/last/${id}`)

/** The names with this prefix are being counted again. */
export const countRow = (prefix: string): RecordKey => row(`${COUNT}${prefix}`)

export const RULES_ROW: RecordKey = row('rules/state')

export const encodeRule = ({
  id,
  sinceMs,
  maxSize,
  maxAgeMs,
  unusedMs,
  maxNames,
}: RuleRecord): Uint8Array =>
  pack(pb.RuleRecordSchema, {
    id,
    sinceMs: BigInt(sinceMs),
    ...(maxSize !== undefined && { maxSize: BigInt(maxSize) }),
    ...(maxAgeMs !== undefined && { maxAgeMs: BigInt(maxAgeMs) }),
    ...(unusedMs !== undefined && { unusedMs: BigInt(unusedMs) }),
    ...(maxNames !== undefined && { maxNames: BigInt(maxNames) }),
  })

function decodeRule({ value }: Row): RuleRecord {
  const { id, sinceMs, maxSize, maxAgeMs, unusedMs, maxNames } = unpack(pb.RuleRecordSchema, value)
  return {
    id,
    sinceMs: Number(sinceMs),
    ...(maxSize !== undefined && { maxSize: Number(maxSize) }),
    ...(maxAgeMs !== undefined && { maxAgeMs: Number(maxAgeMs) }),
    ...(unusedMs !== undefined && { unusedMs: Number(unusedMs) }),
    ...(maxNames !== undefined && { maxNames: Number(maxNames) }),
  }
}

export interface RulesRecord {
  /** The names of every change up to this seq are counted. */
  readonly counted: number
  /** Elapsed time of all runs, in milliseconds. */
  readonly clockMs: number
  readonly lastId: number
}

export const encodeRules = ({ counted, clockMs, lastId }: RulesRecord): Uint8Array =>
  pack(pb.RulesRecordSchema, {
    counted: BigInt(counted),
    clockMs: BigInt(Math.floor(clockMs)),
    lastId,
  })

/** Where the clock of runs begins: a name that was bound before the first rule is older. */
const CLOCK_BEGINS = 2 ** 42

/** How far the names below a prefix are counted again. */
export interface CountRecord {
  /** Of the names, or of the charges, which may be left of names that are gone. */
  readonly of: 'names' | 'names-and-charges' | 'charges'
  readonly after: string | undefined
}

const LETTERS = { names: 'n', 'names-and-charges': 'b', charges: 'c' } as const

export function encodeCount({ of, after = '' }: CountRecord): Uint8Array {
  return nameBytes(`${LETTERS[of]}${after}`)
}

function decodeCount({ value }: Row): CountRecord {
  const text = decoder.decode(value)
  const after = text.slice(1)
  const of = (Object.keys(LETTERS) as (keyof typeof LETTERS)[]).find((one) => {
    return text.startsWith(LETTERS[one])
  })
  if (of === undefined) throw damaged(undefined)
  return { of, after: after === '' ? undefined : after }
}

/** What the rows of rules say when a run begins. */
export interface StoredRules {
  readonly state: RulesRecord
  readonly rules: ReadonlyMap<string | undefined, RuleRecord>
  /** By the ids of their rows. */
  readonly counters: ReadonlyMap<string, number>
  readonly counts: ReadonlyMap<string, CountRecord>
}

export function decodeStoredRules(rows: readonly Row[]): StoredRules {
  const rules = new Map<string | undefined, RuleRecord>()
  const counters = new Map<string, number>()
  const counts = new Map<string, CountRecord>()
  let state: RulesRecord = { counted: 0, clockMs: CLOCK_BEGINS, lastId: 0 }
  for (const one of rows) {
    const id = decoder.decode(one.id)
    if (id.startsWith(SET)) rules.set(id.slice(SET.length), decodeRule(one))
    else if (id === 'rules/unnamed') rules.set(undefined, decodeRule(one))
    else if (id.startsWith(COUNT)) counts.set(id.slice(COUNT.length), decodeCount(one))
    else if (id === 'rules/state') {
      const { counted, clockMs, lastId } = unpack(pb.RulesRecordSchema, one.value)
      state = { counted: Number(counted), clockMs: Number(clockMs), lastId }
    } else counters.set(id, decodeCounter(one.value))
  }
  return { state, rules, counters, counts }
}

/** The stored value of a counter. */
export const counterOf = ({ counters }: StoredRules, key: RecordKey): number =>
  counters.get(decoder.decode(key.id)) ?? 0

const decoder = new TextDecoder()
