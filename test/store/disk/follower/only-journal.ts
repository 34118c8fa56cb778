/** A store whose journal is that of a set, in memory, and whose values are objects in memory. */
import { BucketValues } from '../../../../src/archive/values/bucket-values.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import type { StoreArchive } from '../../../../src/store/disk/archive.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'

/** What only this process has of the journal: closing it leaves that to others. */
export const lent = (journal: Journal, changed: Partial<Journal> = {}): Journal => ({
  append: (after, entry) => journal.append(after, entry),
  extent: () => journal.extent(),
  at: (position) => journal.at(position),
  follow: (after, signal) => journal.follow(after, signal),
  trim: () => Promise.reject(new Error('the store trimmed the journal of the set')),
  close: () => Promise.resolve(),
  ...changed,
})

export interface OnlyJournalOptions {
  readonly bucket?: MemoryBucket
  readonly groupBytes?: number
}

export function onlyJournal(
  journal: Journal,
  { bucket = new MemoryBucket(), groupBytes = 100_000 }: OnlyJournalOptions = {},
): StoreArchive & { readonly values: BucketValues } {
  const values = new BucketValues({
    objects: bucket.client(),
    isComplete: true,
    settled: () => Promise.resolve(),
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  })
  let epoch = 0
  return {
    isOnlyJournal: true,
    groupBytes,
    leastEpoch: 1,
    refusal: undefined,
    values,
    join: async () => journal,
    opened: async () => values.begin(++epoch + 1000),
    archived: async () => undefined,
    closing: () => undefined,
    close: async () => undefined,
  }
}
