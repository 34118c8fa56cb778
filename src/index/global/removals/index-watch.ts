/** What is asked to watch Global's index: who has acknowledged which removal, who is silent. */
import { DOUBT_MS, MEMBERS } from '../../../limits.ts'
import type { ChangeFeed } from '../feed.ts'
import type { LocalRegister } from '../local-register.ts'
import type { Done } from '../plan.ts'
import type { CascadeProgress } from '../trees/cascades.ts'
import { FollowedRemovals, type Moment, type RemovalState } from './followed-removals.ts'

export interface IndexWatchOptions {
  readonly register: LocalRegister
  readonly feed: ChangeFeed
  /** How long leases that were granted before a removal last. */
  readonly graceMs: number
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

export class IndexWatch {
  readonly #options: IndexWatchOptions
  readonly #followed: FollowedRemovals
  /** By peer id, at most `MEMBERS`: the change of state that was told last, by both clocks. */
  readonly #changes = new Map<string, { readonly at: number; readonly wallMs: number }>()

  constructor(options: IndexWatchOptions) {
    this.#options = options
    this.#followed = new FollowedRemovals(options.register, options.graceMs)
  }

  /** Follows a removal that is durable. */
  add(awaited: Done & { type: 'await' }, cascade: CascadeProgress | undefined): void {
    const { seq, removed, unnamed } = awaited
    const { names, digest, tree } = removed
    const directory = tree !== undefined || awaited.cascade !== undefined
    const value = unnamed ?? (digest && { digest, directory })
    if (value === undefined) return
    this.#followed.add({ seq, cascade }, { ...value, name: names[0] }, this.#moment)
  }

  poll(): void {
    this.#followed.poll(this.#moment)
  }

  /** Is a Local awaited that owes a removal? */
  get isRemovalOpen(): boolean {
    return this.#followed.hasOpen
  }

  /** Removals that callers asked for last, and who has acknowledged them. */
  removals(): RemovalState[] {
    this.poll()
    return this.#followed.list(this.#moment)
  }

  /** How many removals a Local that has acknowledged this seq owes; no more than are in memory. */
  owedAfter(seq: number): number {
    return this.#options.feed.removalsAfter(seq)
  }

  /** Peer ids of registered Locals that were not heard for a while. */
  silent(): string[] {
    return this.#options.register.silent(this.#options.now() - DOUBT_MS)
  }

  /**
   * When a registered Local came into its state, in milliseconds since 1970: for a silent one, when
   * it was heard last. The same time for the same change, whatever the wall clock does meanwhile.
   */
  inStateSince(peer: string, isSilent: boolean): number | undefined {
    const known = this.#changes.get(peer)
    // Peers that are still asked for move to the end: others are forgotten first.
    this.#changes.delete(peer)
    const times = this.#options.register.timesOf(peer)
    if (times === undefined) return undefined
    const at = isSilent ? times.heardAt : times.seenAt
    const { now, wallMs } = this.#moment
    const change = known?.at === at ? known : { at, wallMs: Math.round(wallMs - (now - at)) }
    this.#changes.set(peer, change)
    if (this.#changes.size > MEMBERS) this.#changes.delete(this.#changes.keys().next().value!)
    return change.wallMs
  }

  get #moment(): Moment {
    return { now: this.#options.now(), wallMs: this.#options.wall() }
  }
}
