/** Keys that directories hold and that do not exist, after a removal by force (R004-103). */
import type { Digest } from '../../message.ts'
import { MISSING_ROW, decodeMissing, missingRow } from '../../records/tree-record.ts'
import type { Attempt, Rows } from '../plan.ts'

/** What ends with a key that nothing holds any more, or that is there again. */
export const noLongerMissing = (
  digest: Digest,
): Required<Pick<Attempt, 'writes' | 'increments'>> => ({
  writes: [{ key: missingRow(digest), value: undefined }],
  increments: [{ key: MISSING_ROW, by: -1 }],
})

/** What follows for the count of missing keys from the key's being there again. */
export function madeWhole(
  digest: Digest,
  missing: Rows[number],
  asDirectory: boolean,
): Required<Pick<Attempt, 'conditions' | 'writes' | 'increments'>> {
  if (missing === undefined || (decodeMissing(missing).directory && !asDirectory)) {
    return { conditions: [], writes: [], increments: [] }
  }
  return {
    conditions: [{ key: missingRow(digest), version: missing.version }],
    ...noLongerMissing(digest),
  }
}
