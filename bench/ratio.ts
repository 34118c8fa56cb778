/**
 * Ratios of contestants that take turns, by processor time, which other programs affect least.
 */

/** Work to time: does it once. */
export type Work = () => unknown

/** Runs each for `sliceMs` in turns. Returns the median ratio of the first's speed to each. */
export function ratios(works: readonly Work[], rounds: number, sliceMs: number): number[] {
  for (const work of works) speed(work, sliceMs)
  const all = Array.from({ length: rounds }, () => works.map((work) => speed(work, sliceMs)))
  return works.map((_, i) => median(all.map((speeds) => speeds[0]! / speeds[i]!)))
}

/** How often the work is done per second of processor time, over all threads. */
function speed(work: Work, sliceMs: number): number {
  const before = process.cpuUsage()
  const started = performance.now()
  let count = 0
  while (performance.now() - started < sliceMs) {
    work()
    count++
  }
  const { user, system } = process.cpuUsage(before)
  return (1_000_000 * count) / (user + system)
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
