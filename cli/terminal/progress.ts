/** One line on a terminal that says how far some work is. It appears after a second and leaves nothing behind. */
import { formatSize } from '../../src/daemon/config/quantities.ts'

/** Work that is done sooner shows nothing. */
const PATIENCE_MS = 1000
const REDRAW_MS = 100
const CLEAR = '\r\u001b[K'
const GAP = '  '

/** What is known of some work. */
export interface WorkState {
  readonly label: string
  readonly doneBytes: number
  /** Undefined where nobody knows it. */
  readonly totalBytes: number | undefined
  readonly elapsedMs: number
  /** Who takes part, such as `from Global`. */
  readonly peers?: string
}

export class ProgressLine {
  readonly #label: string
  readonly #write: (text: string) => void
  readonly #columns: () => number
  readonly #now: () => number
  readonly #startedAt: number
  #peers = ''
  #drawnAt = -Infinity
  #ended = false

  constructor(
    label: string,
    write: (text: string) => void,
    columns: () => number = () => process.stderr.columns || 80,
    now: () => number = () => performance.now(),
  ) {
    this.#label = label
    this.#write = write
    this.#columns = columns
    this.#now = now
    this.#startedAt = now()
  }

  /** Who takes part from now on. */
  set peers(text: string) {
    this.#peers = text
  }

  update(doneBytes: number, totalBytes?: number): void {
    const now = this.#now()
    const elapsedMs = now - this.#startedAt
    if (this.#ended || elapsedMs < PATIENCE_MS || now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    const work = { label: this.#label, doneBytes, totalBytes, elapsedMs, peers: this.#peers }
    this.#write(CLEAR + progressText(work, this.#columns() - 1))
  }

  end(): void {
    if (this.#drawnAt > 0 && !this.#ended) this.#write(CLEAR)
    this.#ended = true
  }
}

/** `model.bin  45%  1.2GiB of 2.7GiB  310MiB/s  5s left  from Global`: as much of it as there are columns for. */
export function progressText(work: WorkState, columns: number): string {
  const { label, doneBytes, totalBytes = 0, elapsedMs, peers = '' } = work
  const bytesPerSecond = (doneBytes / elapsedMs) * 1000
  const rate = `${formatSize(Math.round(bytesPerSecond))}/s`
  if (totalBytes === 0) return fitting([label, formatSize(doneBytes), rate, peers], [3, 2], columns)
  const percent = `${Math.floor((doneBytes / totalBytes) * 100)}%`
  const amounts = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
  const left = Math.ceil((totalBytes - doneBytes) / bytesPerSecond)
  const time = Number.isFinite(left) ? `${left}s left` : 'stalled'
  return fitting([label, percent, amounts, rate, time, peers], [5, 2, 3, 4], columns)
}

/** The parts in one line: those named first in `spare` are left out first, then the first part is cut. */
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
