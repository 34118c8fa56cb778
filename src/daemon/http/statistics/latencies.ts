/**
 * Durations as counts in buckets whose bounds grow by the fourth root of two: a quantile is off by
 * a fifth at most, and a count is one addition.
 */

/** The upper bound of the first bucket, in ms. */
const LEAST_MS = 1 / 16

/** Buckets for each doubling. */
const PER_DOUBLING = 4

/** 65,536 ms is the highest bound; one bucket more for what takes longer. */
export const BUCKETS: number = 20 * PER_DOUBLING + 2

const bound = (bucket: number): number => LEAST_MS * 2 ** (bucket / PER_DOUBLING)

/** The bucket for a duration in ms: the first whose bound is not below it. */
export function bucketOf(ms: number): number {
  if (ms <= LEAST_MS) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / LEAST_MS) * PER_DOUBLING))
}

/** Every eighth bucket ends a bucket of the histograms for Prometheus; their bounds, in seconds. */
const COARSE = 8
export const COARSE_BOUNDS: readonly number[] = Array.from(
  { length: Math.floor((BUCKETS - 2) / COARSE) + 1 },
  (_, at) => bound(at * COARSE) / 1000,
)

/** The coarse bucket that holds a bucket; the last one has no bound. */
export const coarseOf = (bucket: number): number => (bucket + COARSE - 1) >> 3

/** The duration, in ms, that this share of the counted ones did not exceed; null without any. */
export function quantile(counts: Float64Array, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let left = share * total
  let at = 0
  while (at < BUCKETS - 1 && left > counts[at]!) left -= counts[at++]!
  const below = at === 0 ? 0 : bound(at - 1)
  const inside = counts[at] === 0 ? 1 : left / counts[at]!
  const ms = at === BUCKETS - 1 ? below : below + (bound(at) - below) * inside
  return Math.round(ms * 1000) / 1000
}
