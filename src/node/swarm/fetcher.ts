/** Fetches values for a Local: into the cache, one download per value, or past it to one caller. */
import { asDstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { within } from '../../transfer/piece-reader.ts'
import type { HeldValue, Tier } from '../cache/held-value.ts'
import type { Transfers } from '../activity/transfers.ts'
import type { Beginning } from '../activity/transfer.ts'
import { pause } from '../../deadline.ts'
import { Download } from './download.ts'
import type { Sources } from './peer-sources.ts'
import { RETRY_MS, Retry } from './retry.ts'
import { threadedChecker } from './verify-thread.ts'

/** Room for what is fetched. */
type Room = Pick<Tier<HeldValue>, 'claim' | 'settle'>

export interface FetcherOptions {
  readonly sources: Sources
  readonly cache: Room
  /** Where those in progress are listed. */
  readonly moving?: Transfers
  /** Monotonic milliseconds, read once for every run of groups. */
  readonly now?: () => number
}

export class Fetcher {
  readonly #sources: Sources
  readonly #cache: Room
  readonly #now: () => number
  readonly #moving: Transfers | undefined
  readonly #downloads = new Map<HeldValue, Download>()

  constructor({ sources, cache, moving, now = () => performance.now() }: FetcherOptions) {
    this.#moving = moving
    this.#sources = sources
    this.#cache = cache
    // Not the clock of leases, which is slow because it asks the system each time.
    this.#now = now
  }

  /** The peer id of Global. */
  get global(): string {
    return this.#sources.global
  }

  /** When bytes of any value last came from Global, in milliseconds of `performance.now`. */
  readonly movedAt = (): number => this.#sources.globalMovedAt

  /** The download of a value into the cache: the current one, or a new one. */
  download(value: HeldValue): Download {
    const current = this.#downloads.get(value)
    if (current !== undefined) return current
    const release = value.use()
    const { key, size } = value
    const cancel: Beginning['cancel'] = (reason) => download.cancel(reason)
    const transfer = this.#moving?.begin({ direction: 'in', key, size, cancel })
    const download = new Download({
      value,
      sources: this.#sources,
      checker: threadedChecker,
      now: this.#now,
      random: Math.random,
      claim: (range, wanted) => this.#cache.claim(value, range, wanted),
      onReceived: (source, bytes) => transfer?.moved(source, bytes),
      onEnd: () => {
        transfer?.end()
        this.#downloads.delete(value)
        this.#cache.settle(value)
        release()
      },
    })
    this.#downloads.set(value, download)
    return download
  }

  /**
   * Streams the verified bytes of a range from Global at the caller's pace, past the cache. Resumes
   * a transfer that breaks off: Global drops a peer that reads nothing for long.
   */
  async *pass(
    { digest }: Key,
    size: number,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const retry = new Retry({ now: this.#now })
    for (let { start } = range; start < range.end;) {
      try {
        const ranges = [{ start, end: range.end }]
        const request = { digest, size, ranges }
        for await (const run of this.#sources.fetch(this.#sources.global, request, signal)) {
          const bytes = within(run, range)
          start = run.start + run.bytes.byteLength
          if (bytes !== undefined) yield bytes
          retry.progress()
        }
        return
      } catch (error) {
        signal.throwIfAborted()
        if (start >= range.end) return
        const failure = retry.failed(asDstoreError(error))
        if (failure !== undefined) throw failure
        await pause(RETRY_MS, signal)
      }
    }
  }
}
