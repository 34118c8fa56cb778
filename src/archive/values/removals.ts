/** Deletes objects of released values, many in a request, once the bucket has the releases. */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { pause, untilAborted } from '../../deadline.ts'

export interface RemovalsOptions {
  readonly objects: Pick<ObjectStore, 'remove'>
  /** Resolves once the last appended entry is in the bucket; rejects if it never will be. */
  readonly settled: () => Promise<void>
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Objects of one request. */
const BATCH = 1_000

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000

export class Removals {
  readonly #options: RemovalsOptions
  readonly #aborter = new AbortController()
  #keys: string[] = []
  #running: Promise<void> | undefined

  constructor(options: RemovalsOptions) {
    this.#options = options
  }

  /** Objects that are to be deleted and that may still be there. */
  get count(): number {
    return this.#keys.length
  }

  add(key: string): void {
    if (this.#aborter.signal.aborted) return
    this.#keys.push(key)
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  /** What is not deleted by now is found by the sweep of the next opening. */
  async close(): Promise<void> {
    this.#aborter.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#aborter
    // What is released in the same turn goes with it.
    await Promise.resolve()
    for (let waitMs = FIRST_WAIT_MS; this.#keys.length > 0 && !signal.aborted;) {
      if (await this.#removeBatch()) {
        waitMs = FIRST_WAIT_MS
        continue
      }
      await (this.#options.sleep ?? pause)(waitMs, signal)
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)
    }
  }

  async #removeBatch(): Promise<boolean> {
    const { objects, settled } = this.#options
    const { signal } = this.#aborter
    const batch = this.#keys.slice(0, BATCH)
    try {
      // Their releases were appended before: if others are appended meanwhile, no matter.
      await untilAborted(settled(), signal)
      await objects.remove(batch, signal)
    } catch {
      return false
    }
    this.#keys = this.#keys.slice(batch.length)
    return true
  }
}
