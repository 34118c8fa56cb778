/**
 * Sizes, times, counts and names as the command line prints them. `test/ui` holds both together.
 * @module
 */

/**
 * Bytes with three significant digits and a binary unit, such as `1.5MiB`.
 * @param {number | undefined} bytes
 * @returns {string}
 */
export function formatSize(bytes) {
  if (bytes === undefined || !Number.isFinite(bytes)) return '–'
  let amount = bytes
  for (const unit of ['B', 'KiB', 'MiB', 'GiB', 'TiB']) {
    if (amount < 1024 || unit === 'TiB') {
      const digits = unit === 'B' || amount >= 100 ? 0 : amount >= 10 ? 1 : 2
      return `${Number(amount.toFixed(digits))}${unit}`
    }
    amount /= 1024
  }
  return '–'
}

/**
 * Bytes per second, such as `12MiB/s`.
 * @param {number | undefined} bytes
 */
export const formatRate = (bytes) => `${formatSize(bytes)}/s`

/**
 * A span of time in its two largest units, such as `3m 12s`.
 * @param {number} ms
 * @returns {string}
 */
export function formatSpan(ms) {
  const whole = Math.round(Math.abs(ms))
  if (whole < 1000) return `${whole}ms`
  const seconds = Math.round(whole / 1000)
  /** @type {[number, string][]} */
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const from = parts.findIndex(([amount]) => amount > 0)
  const two = parts.slice(from, from + 2).filter(([amount]) => amount > 0)
  return two.map(([amount, unit]) => `${amount}${unit}`).join(' ')
}

/**
 * How long ago a time was, such as `3m 12s ago`; a time to come is `in 3m 12s`.
 * @param {string | undefined} time ISO 8601
 * @param {number} now
 * @returns {string}
 */
export function formatAgo(time, now) {
  const at = time === undefined ? NaN : Date.parse(time)
  if (Number.isNaN(at)) return '–'
  const age = now - at
  if (Math.abs(age) < 1000) return 'now'
  return age > 0 ? `${formatSpan(age)} ago` : `in ${formatSpan(age)}`
}

/**
 * Milliseconds of a request: `0.42ms`, `12ms`, `1.2s`.
 * @param {number | null | undefined} ms
 * @returns {string}
 */
export function formatLatency(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(1))}s`
  const digits = ms >= 100 ? 0 : ms >= 10 ? 1 : 2
  return `${Number(ms.toFixed(digits))}ms`
}

/**
 * A number with separators of thousands.
 * @param {number} number
 * @returns {string}
 */
export const formatCount = (number) =>
  String(Math.round(number)).replaceAll(/\B(?=(\d{3})+$)/g, ',')

/**
 * The time of day here, such as `16:05`, or `16:05:09`. `Intl` takes longer to load than all of this
 * module.
 * @param {number} at Milliseconds since 1970.
 * @param {boolean} withSeconds
 * @returns {string}
 */
export function formatClock(at, withSeconds) {
  const date = new Date(at)
  const parts = [date.getHours(), date.getMinutes(), ...(withSeconds ? [date.getSeconds()] : [])]
  return parts.map((one) => String(one).padStart(2, '0')).join(':')
}

/**
 * `1 value`, `2,000 values`.
 * @param {number} number
 * @param {string} noun
 * @param {string} [nouns]
 * @returns {string}
 */
export const plural = (number, noun, nouns = `${noun}s`) =>
  `${formatCount(number)} ${number === 1 ? noun : nouns}`

/**
 * A part of a whole in percent, `–` of nothing.
 * @param {number} part
 * @param {number} whole
 * @returns {string}
 */
export const formatShare = (part, whole) =>
  whole > 0 ? `${Math.round((100 * part) / whole)}%` : '–'

/**
 * A long key or peer id by its beginning and end.
 * @param {string} text
 * @param {number} [head]
 * @param {number} [tail]
 * @returns {string}
 */
export const shorten = (text, head = 10, tail = 6) =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`

/** Control characters, line separators, and characters that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** @type {ReadonlyMap<string, string>} */
const ESCAPES = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/**
 * Text with what makes one name look like another seen as such.
 * @param {string} text
 * @returns {string}
 */
export const safeText = (text) =>
  text.replaceAll(
    UNSAFE,
    (one) => ESCAPES.get(one) ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** @type {ReadonlyMap<string, number>} */
const SIZE_UNITS = new Map([
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

/** @type {ReadonlyMap<string, number>} */
const TIME_UNITS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/**
 * The bytes of a text such as `10GiB`; undefined for any other text.
 * @param {string} text
 */
export const parseSize = (text) => quantity(text, SIZE_UNITS)

/**
 * The milliseconds of a text such as `24h`; undefined for any other text, also for `0s`.
 * @param {string} text
 */
export function parseDuration(text) {
  const ms = quantity(text, TIME_UNITS)
  return ms === undefined || ms < 1 ? undefined : ms
}

/**
 * @param {string} text
 * @param {ReadonlyMap<string, number>} units
 * @returns {number | undefined}
 */
function quantity(text, units) {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(text.trim())
  const factor = match === null ? undefined : units.get(match[2] ?? '')
  if (match === null || factor === undefined) return undefined
  const amount = Math.floor(Number(match[1]) * factor)
  return Number.isSafeInteger(amount) ? amount : undefined
}

/**
 * Milliseconds in the largest unit that divides them: `24h`, `90s`.
 * @param {number} milliseconds
 * @returns {string}
 */
export function formatDuration(milliseconds) {
  const units = [...TIME_UNITS].toReversed()
  const [unit, ms] = units.find(([, factor]) => milliseconds % factor === 0) ?? ['ms', 1]
  return `${milliseconds / ms}${unit}`
}
