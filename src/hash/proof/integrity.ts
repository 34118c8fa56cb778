/** Why a proof fails (specs/002-verified-values.md, "Errors"). */
import { DstoreError } from '../../errors.ts'

export type Flaw =
  /** The header names a length that no value has, or not the known one. */
  | 'size'
  /** A pair does not hash to what its parent holds: the tree, or the length, is another value's. */
  | 'parent'
  /** A group does not hash to what its parent holds. */
  | 'group'

/** Bytes that do not match their key. */
export class IntegrityError extends DstoreError {
  readonly flaw: Flaw
  /** Offset within the value of the first byte that was not proved; 0 for `size`. */
  readonly position: number

  constructor(flaw: Flaw, position: number, message: string) {
    super('integrity', message)
    this.flaw = flaw
    this.position = position
  }
}
