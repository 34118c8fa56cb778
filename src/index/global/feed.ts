/**
 * The end of the order of changes (specs/004-index.md, "Rules: the feed"): up to where every change
 * is durable, and the latest losses and changes of members, for Locals that are nearly up to date.
 */
import { BATCH_ITEMS, FEED_BYTES, PEER_ID_CHARS } from '../../limits.ts'
import type { Feed, Membership, Removal, Unbinding } from '../message.ts'
import type { Change } from '../records/change-record.ts'
import { ALL_RULES, type Rules } from '../rules.ts'

/** Losses that Global keeps in memory; a Local that missed more is fed from the log. */
export const RECENT_LOSSES: number = 1024

/** A change that Locals must hear of. */
interface Loss {
  readonly seq: number
  readonly digest: Uint8Array | undefined
  readonly names: readonly string[]
  /** A peer that was admitted or expelled. */
  readonly member?: { readonly peer: string; readonly admitted: boolean }
}

/** Removals of values or names, of the two kinds of losses. */
const removalsIn = ({ member }: Loss): number => (member === undefined ? 1 : 0)

export class ChangeFeed {
  /** Every change up to this one is durable. */
  #seq: number
  /** Durable changes after a gap: they count once the gap is closed. */
  readonly #beyondGap = new Map<number, Change>()
  /** Each with the number of removals up to it. */
  readonly #losses: (Loss & { readonly removals: number })[] = []
  #removals = 0
  /** `#losses` holds every loss after this seq. */
  #from: number
  readonly #rules: Rules

  constructor(seq: number, rules: Rules = ALL_RULES) {
    this.#rules = rules
    this.#seq = seq
    this.#from = seq
  }

  get seq(): number {
    return this.#seq
  }

  /** The seq of the latest loss; while none is in memory, a seq that is no lower. */
  get lastLoss(): number {
    return this.#losses.at(-1)?.seq ?? this.#from
  }

  /** The highest seq that was reported, with or without a gap before it. */
  get highest(): number {
    return Math.max(this.#seq, ...this.#beyondGap.keys())
  }

  /** A change is durable. True if the feed now reaches a loss that it did not before. */
  report(seq: number, change: Change): boolean {
    this.#beyondGap.set(seq, change)
    const before = this.lastLoss
    for (;;) {
      const next = this.#beyondGap.get(this.#seq + 1)
      if (next === undefined) break
      this.#beyondGap.delete(++this.#seq)
      const loss = lossOf(this.#seq, next, this.#rules)
      if (loss === undefined) continue
      this.#removals += removalsIn(loss)
      this.#losses.push({ ...loss, removals: this.#removals })
      if (this.#losses.length > RECENT_LOSSES) this.#from = this.#losses.shift()!.seq
    }
    return this.lastLoss !== before
  }

  /** Removals after this seq, of values or names, as far as they are in memory. */
  removalsAfter(seq: number): number {
    const first = this.#losses[0]
    if (first === undefined) return 0
    // Found by halves: it is asked for every member.
    let [low, high] = [0, this.#losses.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#losses[middle]!.seq > seq) high = middle
      else low = middle + 1
    }
    const before = low === 0 ? first.removals - removalsIn(first) : this.#losses[low - 1]!.removals
    return this.#removals - before
  }

  /** The feed from `after` on; undefined if only the log has all of it. */
  since(after: number): Feed | undefined {
    if (after < this.#from) return undefined
    const losses = this.#losses.filter(({ seq }) => seq > after)
    return feedOf(after, this.#seq, losses)
  }
}

/** The feed for `changes` out of the log, which are all of those after `after` and up to `upto`. */
export function feedFromLog(
  after: number,
  upto: number,
  changes: readonly { readonly seq: number; readonly change: Change }[],
  rules: Rules = ALL_RULES,
): Feed {
  const losses = changes.map(({ seq, change }) => lossOf(seq, change, rules) ?? [])
  return feedOf(after, upto, losses.flat())
}

function lossOf(seq: number, change: Change, { movesFed }: Rules): Loss | undefined {
  if (change.type === 'remove') return { seq, digest: change.digest, names: change.names }
  if (change.type === 'rebind' && movesFed) return { seq, digest: undefined, names: [change.name] }
  if (change.type === 'put' && change.moved !== undefined && movesFed) {
    return { seq, digest: undefined, names: change.names }
  }
  if (change.type === 'unbind') return { seq, digest: undefined, names: change.names }
  if (change.type !== 'admit' && change.type !== 'expel') return undefined
  const member = { peer: change.peer, admitted: change.type === 'admit' }
  return { seq, digest: undefined, names: [], member }
}

/**
 * As many losses as fit into one message, at least one. The feed ends before the first that does
 * not fit.
 */
function feedOf(after: number, upto: number, losses: readonly Loss[]): Feed {
  const removals: Removal[] = []
  const unbindings: Unbinding[] = []
  const memberships: Membership[] = []
  let bytes = 0
  for (const { seq, digest, names, member } of losses) {
    const weight = names.reduce(
      (sum, name) => sum + 3 * name.length + 16,
      member ? PEER_ID_CHARS : 64,
    )
    const isFull = removals.length === BATCH_ITEMS || memberships.length === BATCH_ITEMS
    if (bytes > 0 && (bytes + weight > FEED_BYTES || isFull)) {
      return { type: 'feed', after, upto: seq - 1, removals, unbindings, memberships }
    }
    bytes += weight
    if (member !== undefined) memberships.push({ ...member, seq })
    if (digest !== undefined) removals.push({ digest, seq })
    for (const name of names) unbindings.push({ name, seq })
  }
  return { type: 'feed', after, upto, removals, unbindings, memberships }
}
