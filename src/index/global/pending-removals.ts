/**
 * Removals that wait to be acknowledged, or for their deadline (specs/004-index.md, "Rules:
 * removal").
 */
import type { Removed } from '../message.ts'
import type { LocalRegister } from './local-register.ts'
import type { RemovedFacts } from './plan.ts'

interface Item {
  readonly seq: number
  readonly removed: RemovedFacts
  /** The caller gets its answer by then. */
  readonly deadline: number
  /** When the leases that were granted before the removal have expired. */
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

  /** Answers the callers whose removal is acknowledged by now, or whose deadline has passed. */
  poll(now: number): void {
    for (const item of this.#items) this.#settle(item, now)
  }

  #settle(item: Item, now: number): void {
    const { seq, deadline, graceEnds, removed, isAwaited, answer } = item
    if (!isAwaited()) return void this.#items.delete(item)
    if (now < deadline && this.#register.isOwed(seq, now, graceEnds)) return
    this.#items.delete(item)
    answer({
      type: 'removed',
      seq,
      ...removed,
      ...this.#register.acknowledgements(seq, now, graceEnds),
    })
  }
}
