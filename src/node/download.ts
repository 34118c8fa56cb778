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
  #failure: DstoreError | undefined
  #running = false

  constructor(options: DownloadOptions) {
    this.#options = options
    const { dropped } = options.value
    dropped.addEventListener('abort', () => this.#stop.abort(dropped.reason))
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
          if (this.#failure === undefined) this.#waiting.push({ resolve, reject })
          else reject(this.#failure)
        }),
      leave: () => {
        this.#wanted.delete(wanted)
        if (this.#wanted.size === 0) {
          this.#stop.abort(new DstoreError('cancelled', 'nobody waits for the value any more'))
        }
      },
    }
  }

  async #run(): Promise<void> {
    const { fetch, value, now, onEnd } = this.#options
    const { signal } = this.#stop
    let progressAt = now()
    for (let run = this.#next(); run !== undefined; run = this.#next()) {
      try {
        signal.throwIfAborted()
        for await (const proved of fetch(run, signal)) {
          if (proved.kind === 'parent') {
            value.writePair(proved.outboardOffset, proved.pair)
          } else {
            value.write(proved.start, proved.bytes)
            progressAt = now()
            this.#settle(({ resolve }) => resolve())
          }
        }
      } catch (cause) {
        const error = asDstoreError(signal.aborted ? signal.reason : cause)
        const retry = error.code === 'unreachable' && now() - progressAt < REDIAL_PATIENCE_MS
        if (!retry) {
          this.#failure = error
          break
        }
        await pause(RETRY_MS, signal)
      }
    }
    onEnd()
    const failure = this.#failure
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
