/**
 * Unbinds a name in the background, for its expiry or a rule: by the same changes as an unbinding
 * that was asked for, only if it is still bound as it was when that was decided.
 */
import type { Write } from '../../../store/store.ts'
import type { WhyGone } from '../../message.ts'
import { decodeBinding, type NameRecord } from '../../records/name-record.ts'
import { nameRow } from '../../records/record.ts'
import { conditionsOf } from '../plan.ts'
import { attempt, read, unchanged, type Flow } from '../trees/flow.ts'
import {
  isFree,
  removalOf,
  stateOf,
  stateRows,
  unawaited,
  type ExistingKey,
  type KeyRemoval,
  type OnCascade,
} from '../trees/key-removal.ts'
import { withoutNames } from './named.ts'

export interface DropOptions {
  readonly why: WhyGone
  /** Is it to be dropped, as it is bound now, at this seq? */
  readonly isDue: (record: NameRecord, version: number) => boolean
  /** Written in the same transaction; where the name is not dropped, alone, if it is as it was. */
  readonly writes: readonly Write[]
  readonly onCascade: OnCascade
}

/** Gives what the name was bound to; undefined if it was not dropped. */
export function* dropName(name: string, options: DropOptions): Flow<NameRecord | undefined> {
  const { why, writes, isDue, onCascade } = options
  for (;;) {
    const [bound] = yield* read([nameRow(name)])
    const record = bound && decodeBinding(bound)
    if (record === undefined || !isDue(record, bound!.version)) {
      if (writes.length === 0) return undefined
      // Bound meanwhile, it may need the very rows that these would delete.
      const conditions = [unchanged(nameRow(name), bound)]
      if ((yield* attempt({ conditions, writes })) === undefined) continue
      return undefined
    }
    const { digest } = record
    const keys = [nameRow(name), ...stateRows(digest)]
    const rows = yield* read(keys)
    const state = stateOf(digest, rows, 1)
    const { found } = state
    if (rows[0]?.version !== bound!.version || found === undefined) continue
    const conditions = conditionsOf(keys, rows)
    const { parts, cascade } = dropped(name, record, { ...state, found }, why)
    const seq = yield* attempt({ ...parts, conditions, writes: [...parts.writes, ...writes] })
    if (seq === undefined) continue
    if (cascade !== undefined) onCascade(cascade, seq, found)
    return record
  }
}

/** The change that unbinds a name of a key, and removes the key if nothing else keeps it. */
export function dropped(
  name: string,
  { directory }: NameRecord,
  state: ExistingKey,
  why: WhyGone,
): KeyRemoval {
  const { digest, found } = state
  if (isFree({ ...state, found: { ...found, names: found.names - 1 } })) {
    return removalOf(state, [name], unawaited(why))
  }
  const parts = {
    change: { type: 'unbind', digest, names: [name], ...(directory && { directory }), why },
    writes: [
      { key: nameRow(name), value: undefined },
      ...withoutNames(digest, found, [name]).writes,
    ],
  } as const
  return { parts, cascade: undefined }
}
