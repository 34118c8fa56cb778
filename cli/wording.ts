/** How the command line writes times for people. */

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** How long something took, in its two largest units: `39s`, `2m 5s`, `3h`. */
export function spanText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000)) * 1000
  const first = UNITS.findIndex(([, size]) => seconds >= size)
  let left = seconds
  const parts: string[] = []
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size)
    if (count > 0) parts.push(`${count}${unit}`)
    left -= count * size
  }
  return parts.join(' ')
}

/** When something was, for a person: `3m ago`; the time as it is where nothing reads a clock. */
export function ageText(time: string, now: number | undefined): string {
  const at = Date.parse(time)
  if (now === undefined || !Number.isFinite(at)) return time
  const ms = now - at
  // Two clocks may differ by a little; a time ahead is shown as it is.
  if (ms < -5000) return time
  if (ms < 10_000) return 'just now'
  const [unit, size] = UNITS.find(([, one]) => ms >= one)!
  return `${Math.floor(ms / size)}${unit} ago`
}
