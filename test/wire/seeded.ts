/** Randomness that a seed repeats (mulberry32), for faults in tests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * For the `recut` of a channel pair: single bytes, small pieces and everything at once, in a seeded
 * order.
 */
export function seededCuts(seed: number): (available: number) => number {
  const random = seeded(seed)
  return (available) => {
    const kind = random()
    if (kind < 0.1) return 1
    if (kind < 0.6) return Math.min(available, 1 + Math.floor(random() * 1000))
    return Math.min(available, 1 + Math.floor(random() * available))
  }
}
