/** Compares a store's own journal with the bucket's, at start (R011-50 to 52). */
import { equal, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { decodeEntry } from '../../journal/decode.ts'
import type { Extent, Journal } from '../../journal/journal.ts'
import type { BucketJournal } from './bucket-journal.ts'

/** The end of the bucket's journal; undefined if it has none: then the own one's is where it begins. */
export async function compareJournals(
  own: Journal,
  bucket: BucketJournal,
  place: string,
): Promise<number | undefined> {
  for (;;) {
    const theirs = await bucket.extent()
    if (theirs.first > theirs.last) return undefined
    const ours = await own.extent()
    if (ours.last === 0) throw empty(place, theirs.last)
    await checkSets(own, bucket, { ours, theirs, place })
    if (theirs.last > ours.last) throw await parted(own, bucket, { ours, theirs, place })
    const [mine, other] = [await own.at(theirs.last), await bucket.at(theirs.last)]
    // Another node appends and trims meanwhile.
    if (other === undefined || other === 'gone') continue
    if (mine === 'gone') throw trimmed(place, theirs.last, ours.first)
    if (mine !== undefined && equal(mine, other)) return theirs.last
    throw await parted(own, bucket, { ours, theirs, place })
  }
}

interface Both {
  readonly ours: Extent
  readonly theirs: Extent
  readonly place: string
}

/** Entries of different sets never follow each other: it is another store's archive. */
async function checkSets(
  own: Journal,
  bucket: BucketJournal,
  { ours, theirs, place }: Both,
): Promise<void> {
  const [mine, other] = [await own.at(ours.last), await bucket.at(theirs.last)]
  if (!(mine instanceof Uint8Array) || !(other instanceof Uint8Array)) return
  const [mySet, otherSet] = [mine, other].map((entry) => toHex(decodeEntry(entry).head.set))
  if (mySet === otherSet) return
  const message = `the archive in ${place} is that of set ${otherSet}, and this store is of ${mySet}`
  throw new DstoreError('incompatible', message, {
    hint: 'give another prefix, for an archive of this store',
  })
}

/** Looks for the last entry that both have. What follows it can't be the same again: a chain. */
async function parted(
  own: Journal,
  bucket: BucketJournal,
  { ours, theirs, place }: Both,
): Promise<DstoreError> {
  const first = Math.max(ours.first, theirs.first)
  let [equalAt, differentAt] = [first - 1, Math.min(ours.last, theirs.last) + 1]
  while (differentAt - equalAt > 1) {
    const middle = Math.floor((equalAt + differentAt) / 2)
    const [mine, other] = [await own.at(middle), await bucket.at(middle)]
    const isEqual = mine instanceof Uint8Array && other instanceof Uint8Array && equal(mine, other)
    if (isEqual) equalAt = middle
    else differentAt = middle
  }
  const isFound = equalAt >= first
  const since = isFound ? ` after entry ${equalAt}` : ''
  const counts = isFound
    ? `${ours.last - equalAt} entries are only in this store, and ${theirs.last - equalAt} only there`
    : 'how many entries are only in this store cannot be told: what both had was trimmed'
  const message = `the archive in ${place} is of a node that has taken over${since}: ${counts}`
  return new DstoreError('integrity', message, {
    hint: 'keep this directory if you miss something; go on with --take-over in an empty one',
  })
}

const empty = (place: string, last: number): DstoreError =>
  new DstoreError(
    'integrity',
    `the archive in ${place} has ${last} entries, and here is no store`,
    {
      hint: 'restore it here with --take-over, or give another prefix for a new store',
    },
  )

const trimmed = (place: string, last: number, first: number): DstoreError =>
  new DstoreError(
    'integrity',
    `the archive in ${place} ends at entry ${last}, and this store has forgotten those before ${first}`,
    { hint: 'the store ran without its archive: give another prefix, for a new one' },
  )
