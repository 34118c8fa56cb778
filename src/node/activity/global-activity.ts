/** What a Global or a standalone node does now, and how its Locals follow. */
import type { GlobalIndex } from '../../index/global/global-index.ts'
import type { RemovalState } from '../../index/global/removals/followed-removals.ts'
import { MEMBERS, REMOVAL_LABELS } from '../../limits.ts'
import { keyOf } from '../calls/key-of.ts'
import { Activity } from './activity.ts'
import type { FollowedRemoval, MemberActivity } from './node-activity.ts'

type Index = Pick<GlobalIndex, 'members' | 'peers' | 'position' | 'registered' | 'watch'>

export class GlobalActivity extends Activity {
  /** Undefined on a standalone node, which has no Locals. */
  readonly members: (() => MemberActivity[]) | undefined
  readonly removals: (() => FollowedRemoval[]) | undefined
  readonly #index: () => Index

  constructor(hasLocals: boolean, index: () => Index) {
    super({ labelOf: (peer) => index().members.labelOf(peer) })
    this.#index = index
    this.members = hasLocals ? () => this.#members() : undefined
    this.removals = hasLocals ? () => this.#removals() : undefined
  }

  override get isBusy(): boolean {
    return super.isBusy || this.#index().watch.isRemovalOpen
  }

  #members(): MemberActivity[] {
    const index = this.#index()
    const { members, watch, position } = index
    const connected = new Set(index.peers())
    const silent = new Set(watch.silent())
    const acknowledged = new Map(index.registered().map(({ peer, seq }) => [peer, seq]))
    return members.page(undefined, MEMBERS).items.map(({ peer, role, sinceMs, label }) => {
      const seq = acknowledged.get(peer)
      const isDoubtful = connected.has(peer) && silent.has(peer)
      const isThere = connected.has(peer) ? 'connected' : 'away'
      const changedMs = role === undefined ? undefined : watch.inStateSince(peer, isDoubtful)
      return {
        peer,
        role,
        state: role === undefined ? 'expelled' : isDoubtful ? 'doubtful' : isThere,
        since: new Date(changedMs ?? sinceMs).toISOString(),
        ...(label !== undefined && { label }),
        ...(seq !== undefined && {
          behind: Math.max(0, position.seq - seq),
          owes: watch.owedAfter(seq),
        }),
        bytesServed: this.traffic.sentTo(peer),
      }
    })
  }

  #removals(): FollowedRemoval[] {
    return this.#index()
      .watch.removals()
      .map((removal) => this.#removalOf(removal))
  }

  #removalOf(removal: RemovalState): FollowedRemoval {
    const { id, subject, startedMs, endedMs, acknowledged, owed, expired } = removal
    return {
      id: String(id),
      key: keyOf(subject.digest, subject.directory).toString(),
      ...(subject.name !== undefined && { name: subject.name }),
      startedAt: new Date(startedMs).toISOString(),
      ...(endedMs !== undefined && { endedAt: new Date(endedMs).toISOString() }),
      acknowledged: this.#labels(acknowledged),
      owing: this.#labels(owed),
      acknowledgedCount: acknowledged.length,
      owingCount: owed.length,
      expiredCount: expired.length,
    }
  }

  #labels(peers: readonly string[]): string[] {
    const { members } = this.#index()
    return peers.slice(0, REMOVAL_LABELS).map((peer) => members.labelOf(peer) ?? peer)
  }
}
