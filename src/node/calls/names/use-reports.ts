/**
 * Tells Global what was used at this Local without asking it (specs/004-index.md, R004-151): names
 * that were answered from its own bindings, in batches, each at most once in `USE_REPORT_MS`.
 */
import { DstoreError } from '../../../errors.ts'
import { BATCH_ITEMS, USE_REPORT_MS } from '../../../limits.ts'
import type { Ask } from '../index-calls.ts'

/** Names that wait for the next report; more are not reported. */
const WAITING = 65_536

/** How long the last report may take, when the node stops. */
const LAST_MS = 1000

export interface UseReportsOptions {
  readonly ask: Ask
  /** Default: `USE_REPORT_MS`. */
  readonly everyMs?: number
}

export class UseReports {
  readonly #options: UseReportsOptions
  #waiting = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: UseReportsOptions) {
    this.#options = options
  }

  /** A name was used. */
  used(name: string): void {
    if (this.#isClosed || this.#waiting.size >= WAITING) return
    this.#waiting.add(name)
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => void this.#send(), this.#options.everyMs ?? USE_REPORT_MS)
    this.#timer.unref()
  }

  /** Sends what waits, if Global hears it soon. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#send(LAST_MS)
  }

  async #send(timeoutMs?: number): Promise<void> {
    this.#timer = undefined
    const names = [...this.#waiting]
    this.#waiting = new Set()
    for (let at = 0; at < names.length; at += BATCH_ITEMS) {
      const some = names.slice(at, at + BATCH_ITEMS)
      const request = { type: 'report-use', names: some, digests: [] } as const
      try {
        await this.#options.ask(request, timeoutMs === undefined ? {} : { timeoutMs })
      } catch (error) {
        // An earlier Global has no rules. What another cannot hear now, it hears later.
        const isEarlier = error instanceof DstoreError && error.code === 'incompatible'
        if (!isEarlier) for (const name of names.slice(at)) this.used(name)
        return
      }
    }
  }
}
