/** Transactions of callers as changes of the journal. */
import type { SealedValue, TransactionChange } from '../../../journal/entry.ts'
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
export function jobOf(transaction: Transaction, parts: JobParts): Job {
  const { sealed, overlay } = parts
  const { conditions, writes, increments = NONE, entry, adopt = NONE, release = NONE } = transaction
  const adopted: SealedValue[] = []
  const claimed: Location[] = []
  for (const location of adopt) {
    const value = sealed.claim(location)
    if (value === undefined) continue
    claimed.push(location)
    adopted.push(sealedValue(value))
  }
  const mistake = mistakeIn(transaction, claimed)
  if (mistake !== undefined) {
    for (const location of claimed) sealed.unclaim(location)
    return { change: undefined, decide: () => decided(overlay, transaction, mistake) }
  }
  for (const location of release) sealed.release(location)
  return new TransactionJob(
    { type: 'transaction', conditions, writes, increments, entry, adopt: adopted, release },
    claimed,
    parts,
  )
}

/** A class and no closures: there is one for each of thousands in a batch. */
class TransactionJob implements Job {
  readonly change: TransactionChange
  readonly #claimed: readonly Location[]
  readonly #parts: JobParts

  constructor(change: TransactionChange, claimed: readonly Location[], parts: JobParts) {
    this.change = change
    this.#claimed = claimed
    this.#parts = parts
  }

  onApplied(applied: Applied): void {
    const { sealed, onAdopted } = this.#parts
    // What lost by a condition stays sealed: its caller may try again, or discard it.
    if (!isDone(applied)) this.#unclaim()
    else for (const location of this.#claimed) onAdopted(location, sealed.adopted(location))
  }

  onFailed(outcome: 'none' | 'unknown'): void {
    if (outcome === 'none') this.#unclaim()
    else for (const location of this.#claimed) this.#parts.sealed.leave(location)
  }

  #unclaim(): void {
    for (const location of this.#claimed) this.#parts.sealed.unclaim(location)
  }
}

const NONE: readonly never[] = []

/** Did it take effect? */
export function isDone({ result, mistake }: Applied): boolean {
  return result.ok && mistake === undefined
}

function mistakeIn(
  { adopt = [], release = [] }: Transaction,
  claimed: readonly Location[],
): RangeError | undefined {
  const unsealed =
    claimed.length === adopt.length
      ? undefined
      : adopt.find((location) => !claimed.includes(location))
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
