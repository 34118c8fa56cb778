/**
 * Removals that wait to be acknowledged, or for their deadline (specs/004-index.md, "Rules:
 * removal"). That of a directory first waits until what it held is removed, too.
 */
import { REMOVAL_TIMEOUT_MS } from '../../limits.ts'
import { withMargin } from '../lease.ts'
import type { Removed } from '../message.ts'
import type { LocalRegister } from './local-register.ts'
import type { RemovedFacts } from './plan.ts'
import { endOf, isOpen } from './removals/removal-progress.ts'
import type { CascadeProgress } from './trees/cascades.ts'

interface Item {
  readonly seq: number
  readonly removed: RemovedFacts
  /** When the removal became durable. */
  readonly since: number
  /**
   * How long its caller waits from then on; where there is a cascade, again after each step of it,
   * and each acknowledgement of a Local that has not applied all of it.
   */
  readonly timeoutMs: number | undefined
  /** What a removed directory held goes with it. */
  readonly cascade?: CascadeProgress | undefined
  /** Is the caller still there? */
  readonly isAwaited: () => boolean
  readonly answer: (body: Removed) => void
}

interface Waiting extends Item {
  readonly addedAt: number
}

export interface Leases {
  readonly leaseMs: number | undefined
  /** The longest lease that was ever granted. */
  readonly longestLeaseMs: number
}

export class PendingRemovals {
  readonly #register: LocalRegister
  readonly #items = new Set<Waiting>()
  /** How long leases that were granted before a removal last. */
  readonly graceMs: number
  readonly #patienceMs: number

  constructor(register: LocalRegister, { leaseMs, longestLeaseMs }: Leases) {
    this.#register = register
    this.graceMs = withMargin(Math.max(leaseMs ?? 0, longestLeaseMs))
    this.#patienceMs = (leaseMs === undefined ? 0 : this.graceMs) + REMOVAL_TIMEOUT_MS
  }

  add(item: Item, now: number): void {
    const waiting = { ...item, addedAt: now }
    this.#items.add(waiting)
    this.#settle(waiting, now)
  }

  /** Answers the callers whose removal is acknowledged by now, or whose deadline has passed. */
  poll(now: number): void {
    for (const item of this.#items) this.#settle(item, now)
  }

  #settle(item: Waiting, now: number): void {
    const { removed, isAwaited, answer, cascade } = item
    if (!isAwaited()) return void this.#items.delete(item)
    const end = endOf(item, this.graceMs)
    const { seq, graceEnds } = end
    const patienceMs = item.timeoutMs ?? this.#patienceMs
    const movedAt = cascade?.movedAt ?? -Infinity
    const closerAt = cascade === undefined ? -Infinity : this.#register.movedTowards(seq)
    const isLate = now >= Math.max(item.since, movedAt, closerAt) + patienceMs
    if (!isLate && isOpen(item, end, this.#register, now)) return
    this.#items.delete(item)
    answer({
      type: 'removed',
      seq,
      ...removed,
      ...(cascade !== undefined && treeOf(removed, cascade)),
      ...this.#register.acknowledgements(seq, now, graceEnds),
    })
  }
}

function treeOf(
  { freedBytes }: RemovedFacts,
  { hasEnded, removed, most, freedBytes: all }: CascadeProgress,
): Pick<Removed, 'freedBytes' | 'tree'> {
  const tree = { removed, most: Math.max(most, removed), complete: hasEnded }
  return { freedBytes: Math.max(freedBytes, all), tree }
}
