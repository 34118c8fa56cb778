/** What a proof can fail by: the closed list that decoder, model and vectors share (specs/002, "Errors"). */
import { DstoreError } from '../../errors.ts'

export type Flaw =
  /** The header says a length that no value has, or not the one that is known. */
  | 'size'
  /** A pair does not hash to what its parent says: tree or length are another value's. */
  | 'parent'
  /** A group does not hash to what its parent says. */
  | 'group'
  /** The input ended before the proof did. */
  | 'truncated'
  /** Bytes after the end of the proof. */
  | 'trailing'

/** Bytes that do not match their key. */
export class IntegrityError extends DstoreError {
  readonly flaw: Flaw
  /** Offset within the value of the slice's first byte that was not proved; 0 where its length was refused. */
  readonly position: number

  constructor(flaw: Flaw, position: number, message: string) {
    super('integrity', message)
    this.flaw = flaw
    this.position = position
  }
}
