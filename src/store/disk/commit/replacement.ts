/** Replaces a damaged value by a sealed copy. */
import { SMALL_VALUE_BYTES } from '../../../limits.ts'
import { checkReplacement } from '../../arguments.ts'
import type { Location } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { Overlay } from '../replica/overlay.ts'
import { sealedValue } from '../replica/sealed-value.ts'
import type { SealedValues } from '../staged/sealed-values.ts'
import type { Commits } from './commits.ts'
import { SMALL_COST } from './cost.ts'

export interface ReplacementParts {
  readonly sealed: SealedValues
  readonly commits: Commits
  readonly overlay: Overlay
  /** The value with this file is adopted now. */
  readonly onAdopted: (file: Location) => void
}

/** Returns what was there before. Error: a `RangeError` if either state is wrong. */
export async function replaceValue(
  { sealed, commits, overlay, onAdopted }: ReplacementParts,
  location: Location,
  by: Location,
): Promise<StoredValue> {
  const value = sealed.claim(by, true)
  if (value === undefined) {
    await commits.settled()
    checkReplacement(overlay.value(location), undefined)
  }
  const { released } = await commits.change(
    {
      change: { type: 'replace', location, by: sealedValue(value!) },
      onApplied: ({ mistake }) => {
        if (mistake !== undefined) return sealed.unclaim(by)
        sealed.adopted(by)
        onAdopted(by)
      },
      onFailed: (outcome) => (outcome === 'none' ? sealed.unclaim(by) : sealed.leave(by)),
    },
    { ...SMALL_COST, entryBytes: SMALL_VALUE_BYTES },
  )
  return released[0]!
}
