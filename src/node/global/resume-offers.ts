/** The answers to offers, beyond what the index knows: is what is there whole, and what was begun? (specs/004-index.md) */
import { asDstoreError } from '../../errors.ts'
import type { Body, Message, Offer, Offered } from '../../index/message.ts'
import { GROUP_BYTES } from '../../limits.ts'
import type { Store } from '../../store/store.ts'
import type { Repair } from './repair.ts'

/** The offers of one Local that are not answered. */
export class Offers {
  readonly #store: Store
  readonly #repair: Repair
  /** By the id of the request. */
  readonly #open = new Map<number, Offer>()

  constructor(store: Store, repair: Repair) {
    this.#store = store
    this.#repair = repair
  }

  /** A message came from the Local. */
  heard({ id, body }: Message): void {
    if (body.type === 'offer') this.#open.set(id, body)
  }

  /** What is to be sent in place of this answer of the index; undefined where it stands. */
  answer({ id, body }: Message): Promise<Body> | undefined {
    const offer = this.#open.get(id)
    this.#open.delete(id)
    return offer !== undefined && body.type === 'offered' ? this.#complete(offer, body) : undefined
  }

  async #complete({ digest, size }: Offer, { have }: Offered): Promise<Body> {
    try {
      const isWhole = have !== undefined && !(await this.#repair.isDamaged(digest))
      if (isWhole) return { type: 'offered', have, sendFrom: 0 }
      const sendFrom = startOf(size, await this.#store.unfinished(digest))
      return { type: 'offered', have: undefined, sendFrom }
    } catch (error) {
      const { code, message, hint } = asDstoreError(error)
      return { type: 'failure', code, message, hint }
    }
  }
}

/** Where to begin what is kept of a value: not at its end, for the end of an upload proves the size. */
function startOf(size: number, keptBytes: number): number {
  const lastGroup = Math.max(0, Math.ceil(size / GROUP_BYTES) - 1) * GROUP_BYTES
  return Math.min(keptBytes, lastGroup)
}
