/**
 * The durable end of the order of changes (specs/004-index.md, "The feed"): up to where every change is known to be
 * durable, and the last of those that Locals must hear of, for Locals that are nearly up to date: removals, unbindings,
 * and who is a member.
 */
import { BATCH_ITEMS, FEED_BYTES, PEER_ID_CHARS } from '../../limits.ts'
import type { Feed, Membership, Removal, Unbinding } from '../message.ts'
import type { Change } from '../records/record.ts'

/** Removals that Global keeps in memory for Locals that are nearly up to date. */
export const TAIL_REMOVALS: number = 1024

/** A change that Locals must hear of. */
interface Loss {
  readonly seq: number
  readonly digest: Uint8Array | undefined
  readonly names: readonly string[]
  /** Who became a member, or is one no more. */
  readonly member?: { readonly peer: string; readonly admitted: boolean }
}

export class Tail {
  /** Every change up to this one is durable. */
  #seq: number
  /** Changes beyond it that are: their turn comes when those before them are reported. */
  readonly #early = new Map<number, Change>()
  readonly #losses: Loss[] = []
  /** Every loss after this seq is in `#losses`. */
  #from: number

  constructor(seq: number) {
    this.#seq = seq
    this.#from = seq
  }

  get seq(): number {
    return this.#seq
  }

  /** The last change that Locals must hear of, or a seq before which none can be missing. */
  get lastLoss(): number {
    return this.#losses.at(-1)?.seq ?? this.#from
  }

  /** The highest seq that was reported, whether or not those before it were. */
  get highest(): number {
    return Math.max(this.#seq, ...this.#early.keys())
  }

  /** A change is durable. True where Locals must hear of one that is now in its turn. */
  report(seq: number, change: Change): boolean {
    this.#early.set(seq, change)
    const before = this.lastLoss
    for (;;) {
      const next = this.#early.get(this.#seq + 1)
      if (next === undefined) break
      this.#early.delete(++this.#seq)
      const loss = lossOf(this.#seq, next)
      if (loss === undefined) continue
      this.#losses.push(loss)
      if (this.#losses.length > TAIL_REMOVALS) this.#from = this.#losses.shift()!.seq
    }
    return this.lastLoss !== before
  }

  /** What a Local that has applied everything up to `after` is to be told; undefined where only the log knows. */
  feed(after: number): Feed | undefined {
    if (after < this.#from) return undefined
    return feedOf(
      after,
      this.#seq,
      this.#losses.filter(({ seq }) => seq > after),
    )
  }
}

/** What is to be told of changes out of the log, which are all those after `after` up to `upto`. */
export function feedFromLog(
  after: number,
  upto: number,
  changes: readonly { readonly seq: number; readonly change: Change }[],
): Feed {
  const losses = changes.map(({ seq, change }) => lossOf(seq, change))
  return feedOf(
    after,
    upto,
    losses.filter((loss) => loss !== undefined),
  )
}

function lossOf(seq: number, change: Change): Loss | undefined {
  if (change.type === 'remove') return { seq, digest: change.digest, names: change.names }
  if (change.type === 'unbind') return { seq, digest: undefined, names: [change.name] }
  if (change.type !== 'admit' && change.type !== 'expel') return undefined
  const member = { peer: change.peer, admitted: change.type === 'admit' }
  return { seq, digest: undefined, names: [], member }
}

/** As many losses as one message carries, at least one; where some are left out, it ends before them. */
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
