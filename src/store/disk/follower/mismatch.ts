/** Records that their journal can't take forward (specs/005-storage.md, R005-98, R005-136). */
import { DstoreError } from '../../../errors.ts'

/**
 * `parted`: the journal has another entry than the records, or what follows is of another history.
 * `behind`: the journal ends before the last entry that the records have. `gone`: what follows
 * that was trimmed, or is missing.
 */
export type Mismatch = 'parted' | 'behind' | 'gone'

/** Always `integrity`. A replica that has parted, or whose next entry is gone, is built anew. */
export class MismatchError extends DstoreError {
  readonly mismatch: Mismatch

  constructor(
    mismatch: Mismatch,
    message: string,
    options?: ConstructorParameters<typeof DstoreError>[2],
  ) {
    super('integrity', message, options)
    this.mismatch = mismatch
  }
}

/** The mismatch behind a fault, however it was worded since; undefined if there is none. */
export function mismatchOf(error: unknown): Mismatch | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof MismatchError) return one.mismatch
  }
  return undefined
}
