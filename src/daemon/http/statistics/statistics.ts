/** The figures of a daemon's API and its node: counted as it serves, sampled once a second. */
import { SAMPLE_MS } from '../../../limits.ts'
import type { ActivityCounts, NodeActivity } from '../../../node/activity/node-activity.ts'
import { RequestCounts, type CountedRoute } from './request-counts.ts'
import { Sampler, type Totals } from './sampler.ts'

/** Bytes from callers and to them. */
export interface CallerBytes {
  readonly in: number
  readonly out: number
}

export interface StatisticsOptions {
  readonly routes: readonly CountedRoute[]
  /** Undefined while the node does nothing, as a member of a set that stands by. */
  readonly activity: () => NodeActivity | undefined
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

const NOTHING: ActivityCounts = { peerIn: 0, peerOut: 0 }

export class Statistics {
  readonly requests: RequestCounts
  readonly samples: Sampler
  readonly #options: StatisticsOptions
  readonly #callers: (() => CallerBytes)[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: StatisticsOptions) {
    this.#options = options
    this.requests = new RequestCounts(options.routes)
    this.samples = new Sampler(this.#totals())
  }

  /** Counts the bytes of one more server. */
  addCallers(bytes: () => CallerBytes): void {
    this.#callers.push(bytes)
  }

  /** Takes a sample each `SAMPLE_MS`, until `stop`. */
  start(): void {
    this.#timer ??= setInterval(() => this.sample(), SAMPLE_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  sample(): void {
    this.samples.observe(this.#options.wall(), this.#totals())
  }

  #totals(): Totals {
    const { requests } = this
    const { peerIn, peerOut, hits, misses } = this.#options.activity()?.counts() ?? NOTHING
    let bytesIn = 0
    let bytesOut = 0
    for (const callers of this.#callers) {
      const bytes = callers()
      bytesIn += bytes.in
      bytesOut += bytes.out
    }
    return {
      bytesIn,
      bytesOut,
      peerIn,
      peerOut,
      ok: requests.total('ok'),
      refused: requests.total('refused'),
      failed: requests.total('failed'),
      // Without a cache: reads of values that this node has, and those of what it lacks.
      hits: hits ?? requests.hits,
      misses: misses ?? requests.misses,
      latencies: requests.latencies,
    }
  }
}
