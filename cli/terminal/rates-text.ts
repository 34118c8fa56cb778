/** The rates of a node for people: the last second in figures, and the last minutes as lines. */
import type { Sample } from '../../src/daemon/api/events.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'

/** From the lowest to the highest. */
const BLOCKS = '▁▂▃▄▅▆▇█'
const ASCII = '_.,-=+*#'

/** Where the lines stand. */
export interface LineSpace {
  /** How many samples fit. */
  readonly columns: number
  /** Does the terminal show more than ASCII? */
  readonly isUtf8: boolean
}

/**
 * The lines of `status --watch` about rates. Without space for them, as where no terminal shows
 * them, no course is drawn.
 */
export function ratesText(samples: readonly Sample[], space?: LineSpace): string {
  const last = samples.at(-1)
  if (last === undefined) return ''
  const { bytesIn, bytesOut, peerIn, peerOut, hits, misses, p50, p99 } = last
  const reads = hits + misses
  const requests = [
    `${last.ok + last.refused + last.failed}/s`,
    last.refused > 0 && `${last.refused} refused`,
    last.failed > 0 && `${last.failed} FAILED`,
    reads > 0 && `${Math.round((100 * hits) / reads)}% hits`,
    p50 !== null && p99 !== null && `half within ${msText(p50)}, 99% within ${msText(p99)}`,
  ]
  const facts: [name: string, value: string][] = [
    ['callers', `${formatSize(bytesIn)}/s in, ${formatSize(bytesOut)}/s out`],
    ['peers', `${formatSize(peerIn)}/s in, ${formatSize(peerOut)}/s out`],
    ['requests', requests.filter(Boolean).join(', ')],
    ...(space === undefined ? [] : courses(samples, space)),
  ]
  return facts.map(([name, value]) => `${name.padEnd(NAME_COLUMNS)}${value}`).join('\n')
}

/** How large a terminal is; undefined for a program that reads the output. */
export interface ScreenSize {
  readonly columns: number | undefined
  readonly rows: number | undefined
}

/**
 * What `status --watch` shows at once: the status, with the rates below it. Where a terminal has
 * too few rows, the end of the status is left out, as what scrolls away cannot be read.
 */
export function screenText(status: string, rates: string, { columns, rows }: ScreenSize): string {
  const below = rates === '' ? [] : rates.split('\n')
  const above = status.split('\n')
  if (columns === undefined || rows === undefined) return [...above, ...below].join('\n')
  const heightOf = (lines: readonly string[]): number =>
    lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0)
  // The cursor stands below the last line.
  const room = Math.max(1, rows - 1 - heightOf(below))
  if (heightOf(above) <= room) return [...above, ...below].join('\n')
  const shown = [...above]
  while (shown.length > 0 && heightOf(shown) > room - 1) shown.pop()
  const rest = above.length - shown.length
  const note = `... ${rest} more ${rest === 1 ? 'line' : 'lines'}: dstore status`
  return [...shown, note.slice(0, columns), ...below].join('\n')
}

/** As wide as in the lines of a status. */
const NAME_COLUMNS = 14

function courses(samples: readonly Sample[], space: LineSpace): [name: string, value: string][] {
  const bytes = samples.map(({ bytesIn, bytesOut, peerIn, peerOut }) => {
    return bytesIn + bytesOut + peerIn + peerOut
  })
  const requests = samples.map(({ ok, refused, failed }) => ok + refused + failed)
  const most = (values: readonly number[]): number => Math.max(0, ...values)
  const room = { ...space, columns: Math.max(1, space.columns - NAME_COLUMNS - SCALE_COLUMNS) }
  const [shownBytes, shownRequests] = [bytes, requests].map((all) => all.slice(-room.columns))
  return [
    ['bytes', `${sparkLine(bytes, room)} up to ${formatSize(most(shownBytes!))}/s`],
    ['requests', `${sparkLine(requests, room)} up to ${most(shownRequests!)}/s`],
  ]
}

/** For `up to 123.4MiB/s`. */
const SCALE_COLUMNS = 20

/** A line of one character for each of the last values, as high as the value is. */
export function sparkLine(values: readonly number[], { columns, isUtf8 }: LineSpace): string {
  const shown = values.slice(-columns)
  const most = Math.max(...shown)
  const steps = isUtf8 ? BLOCKS : ASCII
  const stepOf = (value: number): number =>
    value <= 0 ? 0 : Math.max(1, Math.ceil((value / most) * (steps.length - 1)))
  return shown.map((value) => steps[stepOf(value)]).join('')
}

const msText = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)}ms`

/** Does the locale say that the terminal shows UTF-8? The first variable that is set counts. */
export function showsUtf8(environment: NodeJS.ProcessEnv): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = environment
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
