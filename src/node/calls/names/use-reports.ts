/**
 * Tells Global what was used at this Local without asking it (specs/004-index.md, R004-151):
 * names that were answered from its own bindings, and keys that it read, if a rule of Global
 * bounds values without a name. Each is reported at most once in `USE_REPORT_MS`.
 */
import { fromHex, toHex } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { BATCH_ITEMS, USE_REPORT_MS } from '../../../limits.ts'
import type { Ask } from '../index-calls.ts'

/** Names, and keys, that wait for the next report; more are not reported. */
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
  #names = new Set<string>()
  /** By their digests in hex. */
  #keys = new Set<string>()
  /** Until Global says otherwise. */
  #wantsKeys = true
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: UseReportsOptions) {
    this.#options = options
  }

  /** A name was used. */
  used(name: string): void {
    this.#add(this.#names, name)
  }

  /** A value was used by its key. */
  usedKey(digest: Uint8Array): void {
    if (this.#wantsKeys) this.#add(this.#keys, toHex(digest))
  }

  #add(waiting: Set<string>, one: string): void {
    if (this.#isClosed || waiting.size >= WAITING) return
    waiting.add(one)
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
    const names = [...this.#names]
    const keys = [...this.#keys]
    this.#names = new Set()
    this.#keys = new Set()
    for (let at = 0; at < Math.max(names.length, keys.length); at += BATCH_ITEMS) {
      const request = {
        type: 'report-use',
        names: names.slice(at, at + BATCH_ITEMS),
        digests: keys.slice(at, at + BATCH_ITEMS).map((hex) => fromHex(hex)!),
      } as const
      const options = timeoutMs === undefined ? {} : { timeoutMs }
      try {
        const answer = await this.#options.ask(request, options)
        this.#wantsKeys = answer.keys
      } catch (error) {
        // An earlier Global has no rules. What another cannot hear now, it hears later.
        const isEarlier = error instanceof DstoreError && error.code === 'incompatible'
        if (isEarlier) this.#wantsKeys = false
        else {
          for (const name of names.slice(at)) this.#add(this.#names, name)
          for (const key of keys.slice(at)) this.#add(this.#keys, key)
        }
        return
      }
    }
  }
}
