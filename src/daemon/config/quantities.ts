/** Sizes and durations in words: `10GiB`, `500ms` (specs/007, "Limits"). */
import { DstoreError } from '../../errors.ts'
import { LEAST_RATE_BYTES, LEAST_STORE_BYTES, LONGEST_TIMEOUT_MS } from '../../limits.ts'

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

const TIME_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Parses a size such as `10GiB`, `1.5MB` or `4096` to bytes; anything else is `usage`. */
export function parseSize(text: string): number {
  const bytes = quantity(text, SIZE_UNITS)
  if (bytes === undefined) {
    throw new DstoreError('usage', `not a size: ${text}`, { hint: 'write 4096, 64MiB or 10GiB' })
  }
  return Math.floor(bytes)
}

/**
 * Returns the quota; `usage` for one in which hardly a value has room: it is a slip, such as a
 * size without its unit.
 */
export function checkQuota(bytes: number): number {
  if (bytes >= LEAST_STORE_BYTES) return bytes
  const least = formatSize(LEAST_STORE_BYTES)
  throw new DstoreError('usage', `--max-size: a store of ${formatSize(bytes)} is too small`, {
    hint: `a number without a unit is in bytes: write at least ${least}, such as 10GiB`,
  })
}

/** Parses a rate such as `200MiB/s` or `200MiB` to bytes per second; anything else is `usage`. */
export function parseRate(text: string): number {
  const bytes = quantity(text.replace(/\/s$/, ''), SIZE_UNITS)
  if (bytes !== undefined && bytes >= LEAST_RATE_BYTES) return Math.floor(bytes)
  throw new DstoreError('usage', `not a rate: ${text}`, {
    hint: `write 200MiB/s or 500kB/s, at least ${formatSize(LEAST_RATE_BYTES)}/s`,
  })
}

/** Parses a duration such as `500ms` or `5m` to milliseconds; anything else, also 0, is `usage`. */
export function parseDuration(text: string): number {
  const milliseconds = quantity(text, TIME_UNITS)
  if (milliseconds === undefined || milliseconds < 1) {
    throw new DstoreError('usage', `not a duration: ${text}`, { hint: 'write 500ms, 30s or 5m' })
  }
  return Math.floor(milliseconds)
}

/** Formats bytes with three significant digits and a binary unit. */
export function formatSize(bytes: number): string {
  let amount = bytes
  for (const unit of ['B', 'KiB', 'MiB', 'GiB', 'TiB']) {
    if (amount < 1024 || unit === 'TiB') {
      const digits = unit === 'B' || amount >= 100 ? 0 : amount >= 10 ? 1 : 2
      return `${Number(amount.toFixed(digits))}${unit}`
    }
    amount /= 1024
  }
  throw new RangeError('bytes must be a number')
}

/** The same for how long a caller waits: at most a day, to which the daemon holds every call. */
export function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds <= LONGEST_TIMEOUT_MS) return milliseconds
  throw new DstoreError('usage', `${text} is longer than a day, the longest time-out`, {
    hint: 'write 500ms, 30s or 5m',
  })
}

/** Formats milliseconds in the largest unit that divides them. */
export function formatDuration(milliseconds: number): string {
  const units = [...TIME_UNITS].toReversed()
  const [unit, ms] = units.find(([, factor]) => milliseconds % factor === 0) ?? ['ms', 1]
  return `${milliseconds / ms}${unit}`
}

function quantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(text)
  const factor = match === null ? undefined : units.get(match[2]!)
  if (match === null || factor === undefined) return undefined
  const amount = Number(match[1]) * factor
  return amount <= Number.MAX_SAFE_INTEGER ? amount : undefined
}

/** `3 values (1.2MiB) and 2 names`. */
export function formatContents({
  values,
  valueBytes,
  names,
}: {
  readonly values: number
  readonly valueBytes: number
  readonly names: number
}): string {
  const count = (number: number, noun: string): string =>
    `${number} ${noun}${number === 1 ? '' : 's'}`
  return `${count(values, 'value')} (${formatSize(valueBytes)}) and ${count(names, 'name')}`
}
