/** Are journal and bucket those of one set, and has the journal what the bucket says it had? */
import { readSet } from '../archive/set.ts'
import { newestSnapshot } from '../archive/snapshots/listed.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { toHex } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { decodeEntry } from '../journal/decode.ts'
import type { Journal } from '../journal/journal.ts'
import { entryCount } from '../store/disk/commit/replay.ts'
import type { MemberNote } from './notes/member-note.ts'
import { readNotes } from './notes/notes.ts'

const HINT = 'give the engine and the bucket of one set, or an unused one of both: see docs/set.md'

type Read = Pick<Journal, 'extent' | 'at'>

export interface Together {
  readonly journal: Read
  readonly objects: ObjectStore
  /** Has the state directory the records of a member? */
  readonly hasRecords: boolean
}

/** For a start: nothing is written (R012-48). Errors: `conflict`, `integrity`. */
export async function checkSameSet({ journal, objects, hasRecords }: Together): Promise<void> {
  const { place } = objects
  const set = await readSet(objects)
  if (set === undefined && hasRecords) {
    const message = `this directory has the records of a member of a set, and ${place} has no set`
    throw new DstoreError('conflict', message, {
      hint: 'give the engine and the bucket of its set, or start another set in an empty --dir',
    })
  }
  // A member that has records says how many entries are missing (R012-3).
  const isUsed = !hasRecords && (await isLost(journal, objects))
  const furthest = hasRecords ? undefined : await furthestIn(objects)
  const { last } = await journal.extent()
  if (last === 0 && isUsed) throw lostJournal(objects)
  checkReaches(last, furthest)
  if (set !== undefined) return checkEntries(journal, last, objects, set)
  if (last > 0) throw noSet(objects)
}

/** What a journal with entries says of such a bucket. */
export const noSet = ({ place }: ObjectStore): DstoreError =>
  new DstoreError('conflict', `the journal has entries, and ${place} has no set`, {
    hint: `${HINT}; or the objects of the bucket were deleted: restore them`,
  })

/** Why the place is none of a set any more, if so: its objects were deleted below its members. */
export async function missingSet(objects: ObjectStore): Promise<DstoreError | undefined> {
  return (await readSet(objects)) === undefined ? noSet(objects) : undefined
}

/** A member, and what it said that it has applied: only what is acknowledged. */
export type Furthest = Pick<MemberNote, 'name' | 'position'>

/** The one that has applied most, of all that said something; however old. */
export async function furthestIn(objects: ObjectStore): Promise<Furthest | undefined> {
  const { notes, hidden } = await readNotes(objects, 0)
  return furthestOf([...notes, ...hidden])
}

export const furthestOf = (notes: readonly Furthest[]): Furthest | undefined =>
  notes.toSorted((a, b) => b.position - a.position)[0]

/** Throws `integrity` where the journal ended, after that was said, before what a member has. */
export function checkReaches(last: number, furthest: Furthest | undefined): void {
  if (furthest === undefined || furthest.position <= last) return
  const { name, position } = furthest
  const message = `the engine's journal ends at entry ${last}: the member ${name} has said that it has entry ${position}`
  throw new DstoreError('integrity', message, {
    hint: 'the engine has lost acknowledged changes, or another one is named: keep the directory of that member, and see docs/set.md',
  })
}

/** A member has applied what the journal does not have (R012-3, R012-102). */
export function behind(position: number, last: number): DstoreError {
  const more = `${entryCount(position - last)} more`
  const message = `the engine's journal ends at entry ${last}: this member alone has ${more}`
  return new DstoreError('integrity', message, {
    hint: 'the engine has lost acknowledged changes, or another one is named: keep the directory of this member, and see docs/set.md',
  })
}

/** The journal's last entry must be of this set (R012-15). */
export async function checkEntries(
  journal: Read,
  last: number,
  { place }: ObjectStore,
  set: string,
): Promise<void> {
  const entry = last === 0 ? undefined : await journal.at(last)
  if (!(entry instanceof Uint8Array)) return
  const its = toHex(decodeEntry(entry).head.set)
  if (its === set) return
  const message = `the journal is of the set ${its}, and ${place} is of ${set}`
  throw new DstoreError('conflict', message, { hint: HINT })
}

/**
 * Is the journal empty, and has the bucket the history of a set or an archive (R012-2)? The caller
 * looks at the end again: another member may have begun meanwhile.
 */
export async function isLost(journal: Read, objects: ObjectStore): Promise<boolean> {
  return (await journal.extent()).last === 0 && hasHistory(objects)
}

/** Has the bucket what only a set or an archive leaves whose journal had entries? */
export async function hasHistory(objects: ObjectStore): Promise<boolean> {
  // However old: at 0, no note is too old.
  const { notes } = await readNotes(objects, 0)
  if (notes.some(({ position }) => position > 0)) return true
  if ((await newestSnapshot(objects)) !== undefined) return true
  return (await objects.list('j/')).objects.length > 0
}

/** What a member without records says of such a journal. */
export const lostJournal = ({ place }: ObjectStore): DstoreError =>
  new DstoreError('integrity', `the journal is empty, and ${place} has a set`, {
    hint: 'the engine has lost the journal, or another engine is named; or this is the archive of a single Global, which needs a place of its own: see docs/set.md',
  })
