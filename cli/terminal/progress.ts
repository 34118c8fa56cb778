/** A progress line on a terminal: drawn for work of over a second, erased at its end. */
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { printable } from '../../src/daemon/process/log.ts'
import { safeText, span } from '../wording.ts'

/** Shorter work is not summed up. */
export const SUMMARY_MS = 3000

/** Shorter work shows no progress. */
const DELAY_MS = 1000
const REDRAW_MS = 100
const CLEAR = '\r\u001b[K'
const GAP = '  '

/** How far some work is. */
export interface WorkState {
  readonly label: string
  readonly doneBytes: number
  /** Undefined if it is unknown. */
  readonly totalBytes: number | undefined
  readonly elapsedMs: number
  /** The peers that take part, such as `from Global`. */
  readonly peers?: string
}

export class ProgressLine {
  /** What the work is on. */
  label: string
  readonly #write: ((text: string) => void) | undefined
  readonly #columns: () => number
  readonly #now: () => number
  readonly #startedAt: number
  /** Since when the bytes of the current work are counted. */
  #countedFrom: number
  /** The peers that take part, such as `from Global`. */
  peers = ''
  #drawnAt = -Infinity
  #doneBytes = 0
  #ended = false

  /** Without `write` the line is never shown. */
  constructor(
    label: string,
    write: ((text: string) => void) | undefined,
    columns: () => number = () => process.stderr.columns || 80,
    now: () => number = () => performance.now(),
  ) {
    this.label = label
    this.#write = write
    this.#columns = columns
    this.#now = now
    this.#startedAt = now()
    this.#countedFrom = this.#startedAt
  }

  /** The next work of several begins: its bytes are counted from zero. */
  restart(): void {
    this.#countedFrom = this.#now()
  }

  get isShown(): boolean {
    return this.#write !== undefined
  }

  update(doneBytes: number, totalBytes?: number): void {
    const now = this.#now()
    this.#doneBytes = doneBytes
    const isEarly = now - this.#startedAt < DELAY_MS || now - this.#drawnAt < REDRAW_MS
    if (this.#ended || isEarly) return
    this.#drawnAt = now
    const work = {
      label: safeText(printable(this.label)),
      doneBytes,
      totalBytes,
      elapsedMs: Math.max(1, now - this.#countedFrom),
      peers: this.peers,
    }
    this.#write?.(CLEAR + progressText(work, this.#columns() - 1))
  }

  /** Shows a text in place of amounts, for work that has none. */
  say(text: string): void {
    const now = this.#now()
    const isEarly = now - this.#startedAt < DELAY_MS || now - this.#drawnAt < REDRAW_MS
    if (this.#ended || isEarly) return
    this.#drawnAt = now
    this.#write?.(CLEAR + printable(`${this.label}${GAP}${text}`).slice(0, this.#columns() - 1))
  }

  /** What was done, in one line; undefined for work that was short. */
  summary(done: string, what?: string): string | undefined {
    const elapsedMs = this.#now() - this.#startedAt
    if (elapsedMs < SUMMARY_MS) return undefined
    return summaryText({ done, what, doneBytes: this.#doneBytes, elapsedMs })
  }

  /** Erases the line, so that a message can be printed; the next update draws it again. */
  clear(): void {
    if (this.#drawnAt > 0 && !this.#ended) this.#write?.(CLEAR)
  }

  end(): void {
    this.clear()
    this.#ended = true
  }
}

/** `stored 4 files, 2GiB in 39s (52.5MiB/s)`; without bytes only how long it took. */
export function summaryText(work: {
  readonly done: string
  readonly what: string | undefined
  readonly doneBytes: number
  readonly elapsedMs: number
}): string {
  const { done, what, doneBytes, elapsedMs } = work
  const size = doneBytes === 0 ? undefined : formatSize(doneBytes)
  const all = [what, size].filter((part) => part !== undefined).join(', ')
  const rate = `${formatSize(Math.round((doneBytes / elapsedMs) * 1000))}/s`
  return [done, all, `in ${span(Math.round(elapsedMs / 1000) * 1000)}`, size && `(${rate})`]
    .filter(Boolean)
    .join(' ')
}

/** The same pieces; reports how many bytes have been passed on. */
export async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (doneBytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let doneBytes = 0
  for await (const piece of pieces) {
    yield piece
    onBytes((doneBytes += piece.byteLength))
  }
}

/** `model.bin  45%  1.2GiB of 2.7GiB  310MiB/s  5s left  from Global`, cut to the columns. */
export function progressText(work: WorkState, columns: number): string {
  const { label, doneBytes, totalBytes = 0, elapsedMs, peers = '' } = work
  const bytesPerSecond = (doneBytes / elapsedMs) * 1000
  const rate = `${formatSize(Math.round(bytesPerSecond))}/s`
  if (totalBytes === 0) return fitting([label, formatSize(doneBytes), rate, peers], [3, 2], columns)
  const percent = `${Math.floor((doneBytes / totalBytes) * 100)}%`
  const amounts = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
  const left = Math.ceil((totalBytes - doneBytes) / bytesPerSecond)
  const time = Number.isFinite(left) ? `${left === 0 ? '0s' : span(left * 1000)} left` : 'stalled'
  return fitting([label, percent, amounts, rate, time, peers], [5, 2, 3, 4], columns)
}

/** One line that fits: drops the parts at the indexes in `spare` in turn, then cuts the label. */
function fitting(parts: string[], spare: readonly number[], columns: number): string {
  const line = (): string => parts.filter((part) => part !== '').join(GAP)
  for (const index of spare) {
    if (line().length <= columns) break
    parts[index] = ''
  }
  const [label = '', ...rest] = parts
  const excess = line().length - columns
  return excess <= 0 ? line() : [label.slice(0, -excess), ...rest.filter(Boolean)].join(GAP)
}
