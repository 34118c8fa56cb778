/** A store transaction inside one of LMDB's (specs/005-storage.md, "Rules: records"). */
import { DstoreError } from '../../../errors.ts'
import { withCounters } from '../../counters.ts'
import type { CommitResult, Condition, Location, Transaction, Write } from '../../store.ts'
import type { Batch, Job } from './group-commit.ts'
import type { Database, StoredValue } from './database.ts'

export interface Applied {
  readonly result: CommitResult
  /** The released values, in the order of `release`: to be freed once the commit is durable. */
  readonly released: readonly StoredValue[]
}

/** What a mistake leaves, which is thrown in the end: nothing. */
const NOT_APPLIED: Applied = {
  result: { ok: false, failed: { key: { table: 'meta', id: new Uint8Array(0) }, version: 0 } },
  released: [],
}

/**
 * Inside `transact`. Throws before it writes: a `RangeError` for locations in the wrong state,
 * `integrity` for a counter that would leave its bounds.
 */
function applyTransaction(
  database: Database,
  sealed: ReadonlyMap<Location, StoredValue>,
  transaction: Transaction,
  batch: Batch,
): Applied {
  const { conditions, entry, adopt = [], release = [] } = transaction
  const failed = conditions.find((condition) => !holds(database, condition))
  if (failed !== undefined) return { result: { ok: false, failed }, released: [] }
  const adopted = adopt.map((location) => {
    const value = batch.claimed.has(location) ? undefined : sealed.get(location)
    if (value !== undefined) return value
    throw new RangeError(`adopt names ${location}, which is not sealed and waiting`)
  })
  const released = release.map((location) => {
    const value = database.value(location)
    if (value !== undefined) return value
    throw new RangeError(`release names ${location}, which is not adopted`)
  })
  const writes = withCounters(transaction, (key) => database.row(key)?.value)
  let { lastSeq, revision } = batch.tally
  if (entry !== undefined) database.append(++lastSeq, entry)
  for (const { key, value } of writes) {
    database.writeRow(key, key.table === 'meta' ? ++revision : lastSeq, value)
  }
  adopt.forEach((location, i) => {
    database.writeValue(location, adopted[i]!)
    batch.claimed.add(location)
  })
  for (const location of release) database.deleteValue(location)
  const values = batch.tally.values + adopted.length - released.length
  const valueBytes = batch.tally.valueBytes + total(adopted) - total(released)
  batch.tally = { ...batch.tally, lastSeq, revision, values, valueBytes }
  return { result: { ok: true, seq: lastSeq }, released }
}

function holds(database: Database, condition: Condition): boolean {
  if ('present' in condition) return database.version(condition.present) !== 0
  if ('noneWithPrefix' in condition) {
    return !database.hasPrefix(condition.table, condition.noneWithPrefix)
  }
  return database.version(condition.key) === condition.version
}

/** The results of transactions that were applied together. */
export interface AppliedAll {
  /** One for each, in order. */
  readonly applied: readonly Applied[]
  /** The first mistake. */
  readonly mistake: RangeError | DstoreError | undefined
}

/** Inside `transact`. Applies each as `applyTransaction` does: the next one sees its writes. */
export function applyAll(
  database: Database,
  sealed: ReadonlyMap<Location, StoredValue>,
  transactions: readonly Transaction[],
  batch: Batch,
): AppliedAll {
  let mistake: RangeError | DstoreError | undefined
  const applied = transactions.map((transaction) => {
    try {
      return applyTransaction(database, sealed, transaction, batch)
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof DstoreError)) throw error
      mistake ??= error
      return NOT_APPLIED
    }
  })
  return { applied, mistake }
}

/** What transactions need on the disk: the copy of a page for each value that they adopt, too. */
export function cost(
  transactions: readonly Transaction[],
  sealed: ReadonlyMap<Location, StoredValue>,
): Omit<Job<never>, 'run'> {
  let bytes = 0
  let adds = false
  for (const { writes, increments = [], entry, adopt = [], release = [] } of transactions) {
    bytes += (entry?.byteLength ?? 0) + increments.length * COUNTER_ROW_BYTES
    for (const { value } of writes) bytes += value?.byteLength ?? 0
    for (const location of adopt) {
      const value = sealed.get(location)
      bytes += PAGE_BYTES + (value?.small ?? value?.outboard ?? NOTHING).byteLength
    }
    if (release.length > 0 || adds) continue
    adds = adopt.length > 0 || writes.some(isAddition)
    // What deletes a row may count that it is missing.
    adds ||= increments.some(({ by }) => by > 0) && !writes.some(isRemoval)
  }
  return { transactions: transactions.length, bytes, adds }
}

/** A page of LMDB, which a row under a random key takes to change. */
const PAGE_BYTES = 4096

/** A counter under a random key, and its share of a page that is changed for it. */
const COUNTER_ROW_BYTES = 256

const NOTHING = new Uint8Array(0)

/** Rows of `meta` do not count: they are few, and removals write them too. */
function isAddition({ key, value }: Write): boolean {
  return value !== undefined && key.table !== 'meta'
}

function isRemoval({ key, value }: Write): boolean {
  return value === undefined && key.table !== 'meta'
}

function total(values: readonly StoredValue[]): number {
  return values.reduce((sum, { size }) => sum + size, 0)
}
