/** What transactions need on the disk. */
import type { Location, Transaction, Write } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'

export interface Cost {
  /** An estimate of the bytes that the journal takes. */
  readonly entryBytes: number
  /** An estimate of the bytes that LMDB takes. */
  readonly bytes: number
  /** Does it need more space than it frees? A full disk refuses such changes. */
  readonly adds: boolean
}

/** Counts the copy of a page for each value that they adopt, too. */
export function costOf(
  transactions: readonly Transaction[],
  sealed: (location: Location) => StoredValue | undefined,
): Cost {
  let entryBytes = 0
  let pages = 0
  let adds = false
  for (const { writes, increments = [], entry, adopt = [], release = [] } of transactions) {
    entryBytes += ENTRY_BYTES + (entry?.byteLength ?? 0) + increments.length * COUNTER_ROW_BYTES
    for (const { value } of writes) entryBytes += value?.byteLength ?? 0
    for (const location of adopt) {
      const value = sealed(location)
      entryBytes += (value?.small ?? value?.outboard ?? NOTHING).byteLength
      pages++
    }
    if (release.length > 0 || adds) continue
    adds = adopt.length > 0 || writes.some(isAddition)
    // What deletes a row may count that it is missing.
    adds ||= increments.some(({ by }) => by > 0) && !writes.some(isRemoval)
  }
  return { entryBytes, bytes: entryBytes + pages * PAGE_BYTES, adds }
}

/** What is about a transaction in an entry. */
const ENTRY_BYTES = 128

/** What a change takes that writes no more than a mark. */
export const SMALL_COST: Cost = { entryBytes: 128, bytes: 0, adds: false }

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
