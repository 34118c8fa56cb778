/** Removals whose callers wait until everybody has acknowledged them, or long enough (specs/004-index.md, "Removal"). */
import type { Removed } from '../message.ts'
import type { RemovedFacts } from './request-plans.ts'
import type { LocalRegister } from './local-register.ts'

interface Item {
  readonly seq: number
  readonly removed: RemovedFacts
  /** When the caller is answered at the latest. */
  readonly deadline: number
  /** When the leases that were granted before the removal have run out. */
  readonly graceEnds: number
  /** Is the caller still there? */
  readonly isAwaited: () => boolean
  readonly answer: (body: Removed) => void
}

export class PendingRemovals {
  readonly #register: LocalRegister
  readonly #items = new Set<Item>()

  constructor(register: LocalRegister) {
    this.#register = register
  }

  add(item: Item, now: number): void {
    this.#items.add(item)
    this.#settle(item, now)
  }

  /** Somebody has acknowledged, has left, or time has passed: answer whom this concerns. */
  look(now: number): void {
    for (const item of this.#items) this.#settle(item, now)
  }

  #settle(item: Item, now: number): void {
    const { seq, deadline, graceEnds, removed, isAwaited, answer } = item
    if (!isAwaited()) return void this.#items.delete(item)
    if (now < deadline && this.#register.isOwed(seq, now, graceEnds)) return
    this.#items.delete(item)
    answer({ type: 'removed', seq, ...removed, ...this.#register.standing(seq, now, graceEnds) })
  }
}
