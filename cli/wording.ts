/** How the command line writes durations, times, names and other texts for people. */

/** `1h 2m`, `45s`, `3ms`: in at most two units. */
export function span(ms: number): string {
  const whole = Math.round(Math.abs(ms))
  if (whole < 1000) return `${whole}ms`
  const seconds = Math.round(whole / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const from = parts.findIndex(([amount]) => amount > 0)
  const two = parts.slice(from, from + 2).filter(([amount]) => amount > 0)
  return two.map(([amount, unit]) => `${amount}${unit}`).join(' ')
}

/** How far two clocks may differ before a time that has not come is shown as such. */
const CLOCKS_MS = 5000

/**
 * How long ago a time was: `3m`; undefined for what is not in the past, and for a program, which
 * gives no `now`.
 */
function ageOf(time: string, now: number | undefined): string | undefined {
  const age = (now ?? NaN) - Date.parse(time)
  return age >= -CLOCKS_MS ? span(Math.max(1000, age)) : undefined
}

/** When something will be, for a person `in 3m`; for a program the time. */
export function untilText(time: string, now: number | undefined): string {
  const left = Date.parse(time) - (now ?? NaN)
  return left > 0 ? `in ${span(Math.max(1000, left))}` : agoText(time, now)
}

/** When something was, for a person `3m ago`; for a program the word and the time: `of TIME`. */
export function whenText(word: string, time: string, now: number | undefined): string {
  const age = ageOf(time, now)
  return age === undefined ? `${word} ${time}` : `${age} ago`
}

/** Since when something is so, for a person `for 3m`; for a program `since TIME` (R007-448). */
export function sinceText(time: string, now: number | undefined): string {
  const age = ageOf(time, now)
  return age === undefined ? `since ${time}` : `for ${age}`
}

/** When something was, for a person `3m ago`; for a program the time. */
export function agoText(time: string, now: number | undefined): string {
  const age = ageOf(time, now)
  return age === undefined ? time : `${age} ago`
}

/** Characters that end a line, or that a terminal obeys: control characters and separators. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/gu

/** The same, and marks that change the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

const escaped = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A name on one line: one with control characters, or that begins with a quote, is quoted. */
export function shownName(name: string): string {
  if (name.search(CONTROLS) < 0 && !name.startsWith('"')) return name
  return JSON.stringify(name).replaceAll(CONTROLS, escaped)
}

/** The text on one line that is safe to show on a terminal (R007-62, R007-459). */
export function safeText(text: string): string {
  return text.replaceAll(UNSAFE, (one) => ESCAPES.get(one) ?? escaped(one))
}

/** The same, and the lines of the text stay lines. */
export function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n')
}
