/** Transactions of callers as changes of the journal. */
import type { Location, Transaction } from '../../store.ts'
import { locationBytes } from '../layout.ts'
import { type Applied, failedCondition } from '../replica/apply.ts'
import type { Overlay } from '../replica/overlay.ts'
import { sealedValue } from '../replica/sealed-value.ts'
import type { SealedValues } from '../staged/sealed-values.ts'
import type { Job } from './commits.ts'

export interface JobParts {
  readonly sealed: SealedValues
  readonly overlay: Overlay
  /** Called with the size of each value that a transaction adopted. */
  readonly onAdopted: (location: Location, size: number) => void
}

/**
 * Claims the values that the transaction adopts. What is not sealed and waiting, or is no location
 * at all, can't be in an entry: then only its conditions are looked at, in its turn.
 */
export function jobOf(transaction: Transaction, { sealed, overlay, onAdopted }: JobParts): Job {
  const { conditions, writes, increments = [], entry, adopt = [], release = [] } = transaction
  const values = adopt.map((location) => sealed.claim(location))
  const claimed = adopt.filter((_, i) => values[i] !== undefined)
  const unclaim = (): void => claimed.forEach((location) => sealed.unclaim(location))
  const mistake = mistakeIn(transaction, claimed)
  if (mistake !== undefined) {
    unclaim()
    return { change: undefined, decide: () => decided(overlay, transaction, mistake) }
  }
  for (const location of release) sealed.release(location)
  const adopted = values.map((value) => sealedValue(value!))
  return {
    change: { type: 'transaction', conditions, writes, increments, entry, adopt: adopted, release },
    onApplied: (applied) => {
      // What lost by a condition stays sealed: its caller may try again, or discard it.
      if (!isDone(applied)) unclaim()
      else for (const location of claimed) onAdopted(location, sealed.adopted(location))
    },
    onFailed: (outcome) => {
      if (outcome === 'none') unclaim()
      else for (const location of claimed) sealed.leave(location)
    },
  }
}

/** Did it take effect? */
export function isDone({ result, mistake }: Applied): boolean {
  return result.ok && mistake === undefined
}

function mistakeIn(
  { adopt = [], release = [] }: Transaction,
  claimed: readonly Location[],
): RangeError | undefined {
  const unsealed = adopt.find((location) => !claimed.includes(location))
  if (unsealed !== undefined) {
    return new RangeError(`adopt names ${unsealed}, which is not sealed and waiting`)
  }
  const stray = release.find((location) => locationBytes(location) === undefined)
  return stray === undefined
    ? undefined
    : new RangeError(`release names ${stray}, which is not adopted`)
}

/** A caller that lost a race sees the condition, not a mistake. */
function decided(overlay: Overlay, { conditions }: Transaction, mistake: RangeError): Applied {
  const failed = failedCondition(overlay, conditions)
  if (failed !== undefined) return { result: { ok: false, failed }, released: [] }
  return { result: { ok: true, seq: overlay.tally().lastSeq }, released: [], mistake }
}
