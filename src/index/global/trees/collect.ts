/**
 * Counts down the children of a directory, or the values of a hold, and removes those that nothing
 * keeps (specs/004-index.md, "Rules: directories").
 *
 * First they are counted down in one transaction with the mark of how far that came; then each is
 * looked at. Both halves may be done again after a crash: the mark says that the first is done, and
 * the second removes only what nothing keeps at that moment.
 */
import type { Digest } from '../../message.ts'
import type { KeyRecord } from '../../records/record.ts'
import { heldRow, type Counted, type Root } from '../../records/tree-record.ts'
import type { Attempt } from '../plan.ts'
import type { Rules } from '../../rules.ts'
import { conditionsOf } from '../plan.ts'
import { attemptAll, read, type Flow } from './flow.ts'
import {
  isFree,
  removalOf,
  stateRows,
  statesOf,
  type Beginning,
  type ExistingKey,
  type KeyState,
} from './key-removal.ts'
import { noLongerMissing } from './missing.ts'

/** Keys that are removed in one go: other requests wait for it. */
const COLLECTED_AT_ONCE = 256

/** Hears of each removal once it is durable. */
export interface CollectOptions {
  readonly rules: Rules
  /** Children that one transaction counts. */
  readonly batchItems: number
  /** The cascade of which the removals are a part; its `id` is 0 where no request waits. */
  readonly root: Root
  readonly onRemoved: (seq: number, found: KeyRecord, cascade: Beginning | undefined) => void
}

/** Removes those of these keys that nothing keeps. */
export function* collect(digests: readonly Digest[], options: CollectOptions): Flow<void> {
  const held = yield* read(digests.map(heldRow))
  const free = digests.filter((_, i) => held[i] === undefined)
  for (let at = 0; at < free.length; at += COLLECTED_AT_ONCE) {
    yield* collectSome(free.slice(at, at + COLLECTED_AT_ONCE), options)
  }
}

function* collectSome(digests: readonly Digest[], options: CollectOptions): Flow<void> {
  let left = [...digests]
  while (left.length > 0) {
    const keys = left.flatMap(stateRows)
    const rows = yield* read(keys)
    const conditions = conditionsOf(keys, rows)
    const each = conditions.length / left.length
    const states = statesOf(left, rows)
    const due = states.flatMap((state, i) => {
      const one = ending(state, options.root)
      if (one === undefined) return []
      const all = conditions.slice(i * each, (i + 1) * each)
      const own = options.rules.removalsDepend ? all : all.slice(0, 1)
      return [{ state, cascade: one.cascade, attempt: { ...one.parts, conditions: own } }]
    })
    const seqs = yield* attemptAll(due.map(({ attempt }) => attempt))
    left = []
    due.forEach(({ state, cascade, attempt }, i) => {
      const seq = seqs[i]
      if (seq === undefined) left.push(state.digest)
      else if (attempt.change !== undefined) options.onRemoved(seq, state.found!, cascade)
    })
  }
}

interface Ending {
  readonly parts: Omit<Attempt, 'conditions'>
  readonly cascade: Beginning | undefined
}

/** What ends with the last that held the key: the key, or that it is missing. */
function ending(state: KeyState, root: Root): Ending | undefined {
  if (isFree(state)) return removalOf(state as ExistingKey, [], root)
  if (state.held > 0 || state.missing === undefined) return undefined
  return { parts: noLongerMissing(state.digest), cascade: undefined }
}

/** The children that are counted down next: those from `upto` on, at most a batch. */
export const nextDown = ({ upto }: Counted, batchItems: number): Counted => ({
  upto: upto === 0 ? 0 : Math.floor((upto - 1) / batchItems) * batchItems,
  unchecked: upto,
})
