/** A cached value that may be removed while others use it. */
import type { DstoreError } from '../../errors.ts'

/** A base class, and no part of it: there may be many small values. */
export abstract class Removable {
  /** Created on first use: most values are small, read at once, and never removed. */
  #dropped: AbortController | undefined
  #dropReason: DstoreError | undefined

  /** Aborted, with the reason, once the value was removed and must not be read. */
  get dropped(): AbortSignal {
    this.#dropped ??= new AbortController()
    if (this.isDropped) this.#dropped.abort(this.#dropReason)
    return this.#dropped.signal
  }

  get isDropped(): boolean {
    return this.#dropReason !== undefined
  }

  /** Throws the reason once the value was removed. */
  checkNotRemoved(): void {
    if (this.#dropReason !== undefined) throw this.#dropReason
  }

  /** Ends every use with this reason; the first one counts. */
  protected endUses(reason: DstoreError): void {
    this.#dropReason ??= reason
    this.#dropped?.abort(this.#dropReason)
  }
}
