/** One line on a terminal that says how far some work is. It appears after a second and leaves nothing behind. */
import { formatSize } from '../src/daemon/quantities.ts'

/** Work that is done sooner shows nothing. */
const PATIENCE_MS = 1000
const REDRAW_MS = 100
const CLEAR = '\r\u001b[K'

export class ProgressLine {
  readonly #label: string
  readonly #write: (text: string) => void
  readonly #columns: number
  readonly #now: () => number
  readonly #startedAt: number
  #drawnAt = -Infinity
  #ended = false

  constructor(
    label: string,
    write: (text: string) => void,
    columns: number = process.stderr.columns || 80,
    now: () => number = () => performance.now(),
  ) {
    this.#label = label
    this.#write = write
    this.#columns = columns
    this.#now = now
    this.#startedAt = now()
  }

  update(doneBytes: number, totalBytes?: number): void {
    const now = this.#now()
    const elapsedMs = now - this.#startedAt
    if (this.#ended || elapsedMs < PATIENCE_MS || now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    const line = progressText(this.#label, doneBytes, totalBytes, elapsedMs)
    this.#write(CLEAR + line.slice(0, this.#columns - 1))
  }

  end(): void {
    if (this.#drawnAt > 0 && !this.#ended) this.#write(CLEAR)
    this.#ended = true
  }
}

/** `model.bin  45%  1.2GiB of 2.7GiB  310MiB/s  5s left`. */
export function progressText(
  label: string,
  doneBytes: number,
  totalBytes: number | undefined,
  elapsedMs: number,
): string {
  const bytesPerSecond = (doneBytes / elapsedMs) * 1000
  const rate = `${formatSize(Math.round(bytesPerSecond))}/s`
  if (totalBytes === undefined || totalBytes === 0) {
    return [label, formatSize(doneBytes), rate].join('  ')
  }
  const percent = `${Math.floor((doneBytes / totalBytes) * 100)}%`
  const amounts = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
  const left = Math.ceil((totalBytes - doneBytes) / bytesPerSecond)
  const time = Number.isFinite(left) ? `${left}s left` : 'stalled'
  return [label, percent, amounts, rate, time].join('  ')
}
