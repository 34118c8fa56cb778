/** A store transaction inside one of LMDB's (specs/005-storage.md, "Rules: records"). */
import type { CommitResult, Location, Transaction, Write } from '../../store.ts'
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

/** Inside `transact`. Throws a `RangeError`, before it writes, for locations in the wrong state. */
function applyTransaction(
  database: Database,
  sealed: ReadonlyMap<Location, StoredValue>,
  { conditions, writes, entry, adopt = [], release = [] }: Transaction,
  batch: Batch,
): Applied {
  const failed = conditions.find(({ key, version }) => database.version(key) !== version)
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

/** The results of transactions that were applied together. */
export interface AppliedAll {
  /** One for each, in order. */
  readonly applied: readonly Applied[]
  /** The first mistake. */
  readonly mistake: RangeError | undefined
}

/** Inside `transact`. Applies each as `applyTransaction` does: the next one sees its writes. */
export function applyAll(
  database: Database,
  sealed: ReadonlyMap<Location, StoredValue>,
  transactions: readonly Transaction[],
  batch: Batch,
): AppliedAll {
  let mistake: RangeError | undefined
  const applied = transactions.map((transaction) => {
    try {
      return applyTransaction(database, sealed, transaction, batch)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
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
  for (const { writes, entry, adopt = [], release = [] } of transactions) {
    bytes += entry?.byteLength ?? 0
    for (const { value } of writes) bytes += value?.byteLength ?? 0
    for (const location of adopt) {
      const value = sealed.get(location)
      bytes += PAGE_BYTES + (value?.small ?? value?.outboard ?? NOTHING).byteLength
    }
    adds ||= release.length === 0 && (adopt.length > 0 || writes.some(isAddition))
  }
  return { transactions: transactions.length, bytes, adds }
}

/** A page of LMDB, which a row under a random key takes to change. */
const PAGE_BYTES = 4096

const NOTHING = new Uint8Array(0)

/** Rows of `meta` do not count: they are few, and removals write them too. */
function isAddition({ key, value }: Write): boolean {
  return value !== undefined && key.table !== 'meta'
}

function total(values: readonly StoredValue[]): number {
  return values.reduce((sum, { size }) => sum + size, 0)
}
