/**
 * Removes a value that has no name and that was not used for long (specs/004-index.md, R004-153):
 * only if nothing else keeps it, and only the incarnation that was meant.
 */
import type { Digest } from '../../message.ts'
import { conditionsOf } from '../plan.ts'
import { attempt, read, type Flow } from '../trees/flow.ts'
import {
  isFree,
  removalOf,
  stateOf,
  stateRows,
  unawaited,
  type OnCascade,
} from '../trees/key-removal.ts'

/** `kept`: something else keeps it. */
export type KeyDrop = 'dropped' | 'kept' | 'gone'

export function* dropKey(
  digest: Digest,
  isDue: (incarnation: number) => boolean,
  onCascade: OnCascade,
): Flow<KeyDrop> {
  for (;;) {
    const keys = stateRows(digest)
    const rows = yield* read(keys)
    const state = stateOf(digest, rows)
    const { found } = state
    if (found === undefined || !found.unnamed || !isDue(found.incarnation)) return 'gone'
    if (!isFree({ ...state, found: { ...found, unnamed: false } })) return 'kept'
    const { parts, cascade } = removalOf({ ...state, found }, [], unawaited('rule'))
    const seq = yield* attempt({ ...parts, conditions: conditionsOf(keys, rows) })
    if (seq === undefined) continue
    if (cascade !== undefined) onCascade(cascade, seq, found)
    return 'dropped'
  }
}
