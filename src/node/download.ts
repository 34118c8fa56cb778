/**
 * One value on its way into the cache, for however many callers: each says which range it wants, the missing groups
 * are fetched once, and every caller reads what is there while the rest still comes.
 */
import { asDstoreError, DstoreError } from '../errors.ts'
import type { Proved } from '../hash/slice-decoder.ts'
import type { ByteRange } from '../hash/tree.ts'
import { FETCH_RUN_BYTES, REDIAL_PATIENCE_MS } from '../limits.ts'
import type { CachedValue } from './cache.ts'
import { pause } from './deadline.ts'

/** How long to wait before a transfer that broke off is taken up again. */
const RETRY_MS = 100

export interface DownloadOptions {
  readonly value: CachedValue
  /** The verified groups of a range, and the pairs above them. */
  readonly fetch: (range: ByteRange, signal: AbortSignal) => AsyncIterable<Proved>
  /** Nobody wants anything more, or it failed: the download is over. */
  readonly onEnd: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** One caller's part in a download. */
export interface Interest {
  /** Resolves when more may be held than before; rejects when nothing more will come. */
  more(): Promise<void>
  /** The caller reads no more. When the last has left, fetching ends. */
  leave(): void
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: DstoreError) => void
}

export class Download {
  readonly #options: DownloadOptions
  readonly #wanted = new Set<{ readonly range: ByteRange }>()
  readonly #stop = new AbortController()
  #waiting: Waiting[] = []
  /** How it ended: with a failure, or because all that was wanted is held. */
  #end: { readonly failure: DstoreError | undefined } | undefined
  #running = false

  constructor(options: DownloadOptions) {
    this.#options = options
  }

  /** Take part. Not to be called after `onEnd`. */
  join(range: ByteRange): Interest {
    const wanted = { range }
    this.#wanted.add(wanted)
    if (!this.#running) {
      this.#running = true
      void this.#run()
    }
    return {
      more: () =>
        new Promise((resolve, reject) => {
          if (this.#end === undefined) this.#waiting.push({ resolve, reject })
          else if (this.#end.failure === undefined) resolve()
          else reject(this.#end.failure)
        }),
      leave: () => {
        this.#wanted.delete(wanted)
        if (this.#wanted.size > 0) return
        this.#finish(new DstoreError('cancelled', 'nobody waits for the value any more'))
      },
    }
  }

  async #run(): Promise<void> {
    const { value } = this.#options
    const drop = (): void => this.#finish(asDstoreError(value.dropped.reason))
    value.dropped.addEventListener('abort', drop)
    try {
      await this.#fetchAll()
      this.#finish(undefined)
    } catch (error) {
      this.#finish(asDstoreError(error))
    } finally {
      value.dropped.removeEventListener('abort', drop)
    }
  }

  /** Everything that is wanted, run after run; a transfer that breaks off is taken up again for a while. */
  async #fetchAll(): Promise<void> {
    const { now } = this.#options
    const { signal } = this.#stop
    let progressAt = now()
    for (let run = this.#next(); run !== undefined; run = this.#next()) {
      try {
        await this.#fetchRun(run, () => (progressAt = now()))
      } catch (error) {
        signal.throwIfAborted()
        const { code } = asDstoreError(error)
        if (code !== 'unreachable' || now() - progressAt >= REDIAL_PATIENCE_MS) throw error
        await pause(RETRY_MS, signal)
      }
      signal.throwIfAborted()
    }
  }

  async #fetchRun(run: ByteRange, progress: () => void): Promise<void> {
    const { fetch, value } = this.#options
    const { signal } = this.#stop
    for await (const proved of fetch(run, signal)) {
      signal.throwIfAborted()
      if (proved.kind === 'parent') {
        value.writePair(proved.outboardOffset, proved.pair)
      } else {
        value.write(proved.start, proved.bytes)
        progress()
        this.#settle(({ resolve }) => resolve())
      }
    }
  }

  /** Once: from here on nobody can join, nothing is written, and whoever waits is told. */
  #finish(failure: DstoreError | undefined): void {
    if (this.#end !== undefined) return
    this.#end = { failure }
    this.#stop.abort(failure)
    this.#options.onEnd()
    this.#settle(({ resolve, reject }) => (failure === undefined ? resolve() : reject(failure)))
  }

  /** What to fetch next, for the caller that waits longest. */
  #next(): ByteRange | undefined {
    for (const { range } of this.#wanted) {
      for (const { start, end } of this.#options.value.held.missing(range)) {
        return { start, end: Math.min(end, start + FETCH_RUN_BYTES) }
      }
    }
    return undefined
  }

  #settle(tell: (waiting: Waiting) => void): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) tell(one)
  }
}
