/** The calls of this node that wait for answers of the index. */
import { DstoreError } from '../../../errors.ts'
import { failureOf } from '../../../index/failure.ts'
import type { Body } from '../../../index/message.ts'
import { ARCHIVE_CONFIRM_MS } from '../../../limits.ts'

interface Caller {
  readonly resolve: (body: Body) => void
  readonly since: number
  readonly isDue: boolean
}

export class OwnCallers {
  readonly #now: () => number
  readonly #callers = new Map<number, Caller>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** `isDue`: it is answered in a while, and does not wait for something to happen. */
  wait(id: number, isDue: boolean): Promise<Body> {
    return new Promise((resolve) => {
      this.#callers.set(id, { resolve, since: this.#now(), isDue })
    })
  }

  /** Does nothing for one that was answered. */
  answer(id: number, body: Body): void {
    this.#callers.get(id)?.resolve(body)
    this.#callers.delete(id)
  }

  answerAll(body: Body): void {
    for (const id of this.#callers.keys()) this.answer(id, body)
  }

  /**
   * Answers those who have waited since before the archive took nothing more (R011-58): what they
   * asked for may be on this disk, and counts as done once the archive has it.
   */
  refuse(refusal: DstoreError | undefined): void {
    if (refusal === undefined || this.#callers.size === 0) return
    const { code, message, hint } = refusal
    const why = new DstoreError(code, `not confirmed, and may still be done: ${message}`, {
      cause: refusal,
      ...(hint !== undefined && { hint }),
    })
    const before = this.#now() - ARCHIVE_CONFIRM_MS
    for (const [id, { isDue, since }] of this.#callers) {
      if (isDue && since <= before) this.answer(id, failureOf(why))
    }
  }
}
