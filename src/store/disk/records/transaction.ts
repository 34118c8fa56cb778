/** A store transaction inside one of LMDB's (specs/005-storage.md, "Rules: records"). */
import { SMALL_VALUE_BYTES } from '../../../limits.ts'
import type { CommitResult, Location, Transaction, Write } from '../../store.ts'
import type { Batch, Job } from './group-commit.ts'
import type { Database, StoredValue } from './database.ts'

export interface Applied {
  readonly result: CommitResult
  /** The released values, in the order of `release`: to be freed once the commit is durable. */
  readonly released: readonly StoredValue[]
}

/** Inside `transact`. Throws a `RangeError`, before it writes, for locations in the wrong state. */
export function applyTransaction(
  database: Database,
  sealed: ReadonlyMap<Location, StoredValue>,
  { conditions, writes, entry, adopt = [], release = [] }: Transaction,
  batch: Batch,
): Applied {
  const failed = conditions.find(
    ({ key, version }) => (database.row(key)?.version ?? 0) !== version,
  )
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

/** The space that a transaction needs on the disk. */
export function cost({
  writes,
  entry,
  adopt = [],
  release = [],
}: Transaction): Omit<Job<never>, 'run'> {
  const written = writes.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0)
  return {
    bytes: written + (entry?.byteLength ?? 0) + adopt.length * SMALL_VALUE_BYTES,
    adds: release.length === 0 && (adopt.length > 0 || writes.some(isAddition)),
  }
}

/** Rows of `meta` do not count: they are few, and removals write them too. */
function isAddition({ key, value }: Write): boolean {
  return value !== undefined && key.table !== 'meta'
}

function total(values: readonly StoredValue[]): number {
  return values.reduce((sum, { size }) => sum + size, 0)
}
