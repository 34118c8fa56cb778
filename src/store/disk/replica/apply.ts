/**
 * Applies the changes of a journal. Their effect depends on nothing but the state that they are
 * applied to, so every replica comes to the same records, with the same seqs and versions
 * (specs/005-storage.md, "Rules: overlay").
 */
import type { Change, EntryBody, SealedValue, TransactionChange } from '../../../journal/entry.ts'
import { DstoreError } from '../../../errors.ts'
import { checkReplacement } from '../../arguments.ts'
import { withCounters } from '../../counters.ts'
import type { CommitResult, Condition, Location } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'
import { storedValue } from './sealed-value.ts'
import type { ReplicaState } from './state.ts'

/** What came of a change. */
export interface Applied {
  /** Of a change that is no transaction, or that was a mistake, it says nothing. */
  readonly result: CommitResult
  /** The values that were released, in that order, or replaced: their files can be deleted. */
  readonly released: readonly StoredValue[]
  /** Locations in a wrong state, or `integrity` for a counter: the change had no effect. */
  readonly mistake?: RangeError | DstoreError
}

/** Applies an entry of this epoch: one result for each of its changes. */
export function applyBody(state: ReplicaState, epoch: number, body: EntryBody): readonly Applied[] {
  if (body.kind === 'begin') state.writeTally({ ...state.tally(), run: epoch })
  return body.kind === 'changes' ? body.changes.map((change) => applyChange(state, change)) : []
}

/** Applies one change, whole or not at all. */
export function applyChange(state: ReplicaState, change: Change): Applied {
  try {
    switch (change.type) {
      case 'transaction':
        return applyTransaction(state, change)
      case 'trim':
        state.trimLog(Math.min(change.upto, state.tally().lastSeq))
        return done(state)
      case 'damaged':
        adopted(state, 'damaged', change.location)
        state.markDamaged(change.location)
        return done(state)
      case 'replace':
        return replace(state, change.location, change.by)
    }
  } catch (mistake) {
    if (!(mistake instanceof RangeError || mistake instanceof DstoreError)) throw mistake
    return { ...done(state), mistake }
  }
}

/** Throws before it writes. */
function applyTransaction(state: ReplicaState, change: TransactionChange): Applied {
  const { conditions, entry, adopt, release } = change
  // First, so that a caller that lost a race sees the condition, and no mistake.
  const failed = failedCondition(state, conditions)
  if (failed !== undefined) return { result: { ok: false, failed }, released: [] }
  // Several that adopt one value may have been on their way at a time.
  for (const { location } of adopt) checkFree(state, location)
  const released = release.map((location) => adopted(state, 'release', location))
  const writes = withCounters(change, (key) => state.row(key)?.value)
  const before = state.tally()
  let { lastSeq, revision, values, valueBytes } = before
  if (entry !== undefined) state.append(++lastSeq, entry)
  for (const { key, value } of writes) {
    state.writeRow(key, key.table === 'meta' ? ++revision : lastSeq, value)
  }
  for (const value of adopt) {
    state.writeValue(value.location, storedValue(value, value.location))
    values++
    valueBytes += value.size
  }
  release.forEach((location, i) => {
    state.deleteValue(location)
    values--
    valueBytes -= released[i]!.size
  })
  state.writeTally({ ...before, lastSeq, revision, values, valueBytes })
  return { result: { ok: true, seq: lastSeq }, released }
}

/** The first condition that does not hold. */
export function failedCondition(
  state: ReplicaState,
  conditions: readonly Condition[],
): Condition | undefined {
  return conditions.find((condition) => !holds(state, condition))
}

function holds(state: ReplicaState, condition: Condition): boolean {
  if ('present' in condition) return state.version(condition.present) !== 0
  if ('noneWithPrefix' in condition) {
    return !state.hasPrefix(condition.table, condition.noneWithPrefix)
  }
  return state.version(condition.key) === condition.version
}

function adopted(state: ReplicaState, what: string, location: Location): StoredValue {
  const value = state.value(location)
  if (value !== undefined) return value
  throw new RangeError(`${what} names ${location}, which is not adopted`)
}

function checkFree(state: ReplicaState, location: Location): void {
  if (state.value(location) === undefined) return
  throw new RangeError(`adopt names ${location}, which is not sealed and waiting`)
}

/** A value of the same file is the same one, whose outboard was behind it in layout 1. */
function replace(state: ReplicaState, location: Location, by: SealedValue): Applied {
  const before = state.value(location)
  checkReplacement(before, by)
  const isMove = before!.file === by.location
  if (isMove && (before!.place !== 'behind' || state.isDamaged(location))) {
    throw new RangeError(`replace moves the outboard of ${location}, which is not behind it`)
  }
  state.deleteValue(location)
  state.writeValue(location, storedValue(by, location))
  return { ...done(state), released: isMove ? [] : [before!] }
}

function done(state: ReplicaState): Applied {
  return { result: { ok: true, seq: state.tally().lastSeq }, released: [] }
}
