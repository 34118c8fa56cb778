/**
 * The removals that callers asked for last, and which Locals have acknowledged them, also after
 * their callers were answered (specs/013-page.md, R013-35). A state machine: the time is handed in.
 */
import { FOLLOWED_REMOVALS, REMOVAL_KEPT_MS } from '../../../limits.ts'
import type { Digest } from '../../message.ts'
import type { LocalRegister } from '../local-register.ts'
import { endOf, isOpen, type DurableRemoval } from './removal-progress.ts'

/** What was removed. */
export interface RemovalSubject {
  readonly digest: Digest
  readonly directory: boolean
  readonly name?: string | undefined
}

interface Item extends DurableRemoval {
  readonly subject: RemovalSubject
  /** Milliseconds since 1970. */
  readonly startedMs: number
  ended?: Ended
}

interface Ended extends Pick<
  ReturnType<LocalRegister['acknowledgements']>,
  'acknowledged' | 'expired'
> {
  readonly at: number
  readonly wallMs: number
}

/** Locals by peer id. */
export interface RemovalState extends ReturnType<LocalRegister['acknowledgements']> {
  /** The seq of the change. */
  readonly id: number
  readonly subject: RemovalSubject
  /** Milliseconds since 1970. */
  readonly startedMs: number
  readonly endedMs?: number
}

export interface Moment {
  readonly now: number
  /** Milliseconds since 1970. */
  readonly wallMs: number
}

export class FollowedRemovals {
  readonly #register: LocalRegister
  readonly #graceMs: number
  /** By seq, in the order in which they began. */
  readonly #items = new Map<number, Item>()

  /** `graceMs`: how long leases that were granted before a removal last. */
  constructor(register: LocalRegister, graceMs: number) {
    this.#register = register
    this.#graceMs = graceMs
  }

  /** Is a Local awaited? */
  get hasOpen(): boolean {
    return [...this.#items.values()].some(({ ended }) => ended === undefined)
  }

  /** A removal is durable. One that is asked for again goes on. */
  add(
    removal: Pick<DurableRemoval, 'seq' | 'cascade'>,
    subject: RemovalSubject,
    { now, wallMs }: Moment,
  ): void {
    const { seq } = removal
    if (this.#items.has(seq)) return
    if (this.#items.size === FOLLOWED_REMOVALS) {
      const [oldest] = this.#items.keys()
      const ended = [...this.#items].find(([, item]) => item.ended !== undefined)
      this.#items.delete(ended?.[0] ?? oldest!)
    }
    this.#items.set(seq, { ...removal, subject, addedAt: now, startedMs: wallMs })
    this.poll({ now, wallMs })
  }

  /** Notes which removals have ended, and forgets those that ended long ago. */
  poll({ now, wallMs }: Moment): void {
    for (const [seq, item] of this.#items) {
      if (item.ended !== undefined) {
        if (now - item.ended.at >= REMOVAL_KEPT_MS) this.#items.delete(seq)
        continue
      }
      const end = endOf(item, this.#graceMs)
      if (isOpen(item, end, this.#register, now)) continue
      const locals = this.#register.acknowledgements(end.seq, now, end.graceEnds)
      item.ended = { ...locals, at: now, wallMs }
    }
  }

  /** Those that began last come first. */
  list({ now }: Pick<Moment, 'now'>): RemovalState[] {
    return [...this.#items.values()].toReversed().map((item) => {
      const { seq: id, subject, startedMs, ended } = item
      if (ended !== undefined) {
        const { acknowledged, expired, wallMs } = ended
        return { id, subject, startedMs, endedMs: wallMs, acknowledged, expired, owed: [] }
      }
      const { seq, graceEnds } = endOf(item, this.#graceMs)
      return { id, subject, startedMs, ...this.#register.acknowledgements(seq, now, graceEnds) }
    })
  }
}
