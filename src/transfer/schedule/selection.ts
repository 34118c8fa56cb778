/** Which part a source is asked for next (specs/003-transfer.md, R003-24 and R003-25). */
import type { WantedParts } from './parts.ts'
import type { Source, SourceId } from './source.ts'

/** Candidates that one part is chosen from, and parts that are examined to find them. */
const WINDOW_PARTS = 64
const EXAMINED_PARTS = 1024

/** A holder this many times slower than the best source is not relied on for what only it has. */
const MUCH_SLOWER = 10

/** Another Local that wants or holds the value. */
export interface SwarmPeer {
  readonly id: SourceId
  readonly seed: number
}

/** The state that a selection reads. */
export interface SelectionState {
  readonly wanted: WantedParts
  readonly sources: ReadonlyMap<SourceId, Source>
  /** Is a task to bring this part already? */
  readonly isTaken: (part: number) => boolean
}

/** The first free part and those that directly follow it, at most `count`. */
export function nextRun({ wanted, isTaken }: SelectionState, count: number): number[] {
  const parts: number[] = []
  for (const part of wanted.keys()) {
    if (isTaken(part)) continue
    if (parts.length > 0 && part !== parts.at(-1)! + 1) break
    parts.push(part)
    if (parts.length === count) break
  }
  return parts
}

/** A part that this holder has: the most wanted one, else one that the fewest holders have. */
export function rarestPart(
  { wanted, sources, isTaken }: SelectionState,
  source: Source,
  random: () => number,
): number | undefined {
  let best: number | undefined
  let fewest = Infinity
  let equals = 0
  let free = 0
  let examined = 0
  for (const part of wanted.keys()) {
    if (++examined > EXAMINED_PARTS || free >= WINDOW_PARTS) break
    if (isTaken(part) || !source.has(part)) continue
    if (examined === 1) return part
    free++
    const holders = holdersOf(part, sources)
    if (holders < fewest) equals = 0
    if (holders > fewest) continue
    fewest = holders
    // Equals are equally likely, so that Locals with the same knowledge choose different parts.
    if (random() * ++equals < 1) best = part
  }
  return best
}

function holdersOf(part: number, sources: ReadonlyMap<SourceId, Source>): number {
  let count = 0
  for (const source of sources.values()) if (!source.isGlobal && source.has(part)) count++
  return count
}

/** The highest rate of any source, in bytes a millisecond. */
export const bestRate = (sources: ReadonlyMap<SourceId, Source>): number =>
  Math.max(...[...sources.values()].map(({ rate = 0 }) => rate))

/**
 * The part to fetch from Global in a swarm: the first of this Local's own share, so that no two
 * Locals fetch the same; once it `hasWaited` for the others, a part of theirs. Parts that a holder
 * has are left to the holder, unless it is much slower than the best source.
 */
export function shareOfGlobal(
  { wanted, sources, isTaken }: SelectionState,
  self: number,
  peers: readonly SwarmPeer[],
  hasWaited: boolean,
  now: number,
): number | undefined {
  const best = bestRate(sources)
  const isSlow = (source: Source): boolean =>
    source.isBackingOff(now) || (source.rate ?? best) * MUCH_SLOWER < best
  const holders = [...sources.values()].filter(({ isGlobal }) => !isGlobal)
  const reliable = holders.filter((source) => !isSlow(source))
  const slow = new Set(holders.filter(isSlow).map(({ id }) => id))
  const seeds = peers.filter(({ id }) => !slow.has(id)).map(({ seed }) => seed)
  let next: number | undefined
  let lowest = Infinity
  let examined = 0
  for (const part of wanted.keys()) {
    if (++examined > EXAMINED_PARTS) break
    if (isTaken(part) || reliable.some((source) => source.has(part))) continue
    const rank = rankOf(self, part, seeds)
    if (rank === 0) return part
    if (!hasWaited || rank >= lowest) continue
    lowest = rank
    next = part
  }
  return next
}

/** How many of these peers precede `self` in the order, the same for all, of who fetches a part. */
function rankOf(self: number, part: number, seeds: readonly number[]): number {
  const mine = weight(self, part)
  return seeds.reduce((rank, seed) => rank + (weight(seed, part) > mine ? 1 : 0), 0)
}

/**
 * Hash of a peer id (FNV-1a) for rendezvous hashing: of a part, the peer with the largest weight.
 */
export function seedOf(id: SourceId): number {
  let seed = 0x811c_9dc5
  for (let i = 0; i < id.length; i++) seed = Math.imul(seed ^ id.charCodeAt(i), 0x0100_0193)
  return seed
}

function weight(seed: number, part: number): number {
  let mixed = Math.imul(seed ^ Math.imul(part + 1, 0x9e37_79b1), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
