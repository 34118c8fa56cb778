/** One entry of the list for all that move bytes of it: who cancels the entry ends each of them. */
import type { DstoreError } from '../../errors.ts'
import type { Beginning, Transfer } from './transfer.ts'

type Cancel = (reason: DstoreError) => void

export class SharedTransfer {
  readonly #transfer: Transfer
  readonly #cancels = new Set<Cancel>()
  readonly #onIdle: () => void

  /** `begin` lists it; `onIdle` is called when the last one has left, and may `end` it. */
  constructor(
    begin: (beginning: Beginning) => Transfer,
    facts: Omit<Beginning, 'cancel'>,
    onIdle: () => void,
  ) {
    this.#onIdle = onIdle
    const cancel: Cancel = (reason) => {
      for (const one of this.#cancels) one(reason)
    }
    this.#transfer = begin({ ...facts, cancel })
  }

  /** One more that moves bytes, until it ends. */
  join(cancel: Cancel): Transfer {
    // Callers may hand in the same function.
    const own: Cancel = (reason) => cancel(reason)
    this.#cancels.add(own)
    return {
      moved: (peer, bytes) => this.#transfer.moved(peer, bytes),
      end: () => {
        if (this.#cancels.delete(own) && this.#cancels.size === 0) this.#onIdle()
      },
    }
  }

  end(): void {
    this.#transfer.end()
  }
}
