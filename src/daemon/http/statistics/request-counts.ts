/**
 * Counts requests by route, method and outcome, and how long their answers took. Everything is an
 * addition to an array: the immediate path counts as well, and allocates nothing for it.
 */
import { BUCKETS, COARSE_BOUNDS, bucketOf, coarseOf } from './latencies.ts'

/**
 * `ok`: an answer below 400; `refused`: 4xx; `failed`: 5xx; `cut`: the connection ended before the
 * answer did, as where a client leaves a stream.
 */
export type Outcome = 'ok' | 'refused' | 'failed' | 'cut'

const OUTCOMES: readonly Outcome[] = ['ok', 'refused', 'failed', 'cut']

/** A route to count for, or a door by its root. */
export interface CountedRoute {
  readonly path: string
  readonly methods: readonly string[]
  /** Its GET and HEAD read values, of which a 404 is a miss. */
  readonly isRead?: boolean
}

/** A route and a method. */
export type Slot = number

/** Requests whose route is not known: refused before, or to none. */
export const OTHER: Slot = 0

const OTHER_ROUTE: CountedRoute = { path: 'other', methods: ['any'] }

interface Place extends CountedRoute {
  readonly method: string
  readonly route: number
  readonly isRead: boolean
}

export interface RequestCount {
  readonly route: string
  readonly method: string
  readonly outcome: Outcome
  readonly requests: number
}

export interface RouteDurations {
  readonly route: string
  /** Answers by bucket, of which the last has no bound. */
  readonly counts: Float64Array
  readonly sumMs: number
}

export class RequestCounts {
  /** Answers that arrived whole, by duration. */
  readonly latencies: Float64Array = new Float64Array(BUCKETS)
  hits = 0
  misses = 0
  readonly #places: Place[] = []
  readonly #slots = new Map<string, Map<string, Slot>>()
  readonly #counts: Float64Array
  readonly #durations: Float64Array
  readonly #sumsMs: Float64Array
  readonly #routes: readonly CountedRoute[]

  constructor(routes: readonly CountedRoute[]) {
    this.#routes = [OTHER_ROUTE, ...routes]
    for (const [at, route] of this.#routes.entries()) {
      const slots = new Map<string, Slot>()
      for (const method of route.methods) {
        const isRead = route.isRead === true && (method === 'GET' || method === 'HEAD')
        slots.set(method, this.#places.push({ ...route, isRead, method, route: at }) - 1)
      }
      this.#slots.set(route.path, slots)
    }
    this.#counts = new Float64Array(this.#places.length * OUTCOMES.length)
    this.#durations = new Float64Array(this.#routes.length * (COARSE_BOUNDS.length + 1))
    this.#sumsMs = new Float64Array(this.#routes.length)
  }

  /** What counts for this route and method; `OTHER` where there is none. */
  slot(path: string, method: string): Slot {
    return this.#slots.get(path)?.get(method) ?? OTHER
  }

  /** An answer has been sent whole. */
  answered(slot: Slot, status: number, ms: number): void {
    const { route, isRead } = this.#places[slot]!
    const outcome = status < 400 ? 0 : status < 500 ? 1 : 2
    this.#counts[slot * OUTCOMES.length + outcome]!++
    const bucket = bucketOf(ms)
    this.latencies[bucket]!++
    this.#durations[route * (COARSE_BOUNDS.length + 1) + coarseOf(bucket)]!++
    this.#sumsMs[route]! += ms
    if (!isRead) return
    if (outcome === 0) this.hits++
    else if (status === 404) this.misses++
  }

  /** The connection ended before the answer did. */
  cut(slot: Slot): void {
    this.#counts[slot * OUTCOMES.length + 3]!++
  }

  /** All requests with this outcome. */
  total(outcome: Outcome): number {
    let total = 0
    const { length } = OUTCOMES
    for (let at = OUTCOMES.indexOf(outcome); at < this.#counts.length; at += length) {
      total += this.#counts[at]!
    }
    return total
  }

  /** By route, method and outcome: those that there were. */
  *counts(): Generator<RequestCount> {
    for (const [at, requests] of this.#counts.entries()) {
      if (requests === 0) continue
      const { path: route, method } = this.#places[Math.floor(at / OUTCOMES.length)]!
      yield { route, method, outcome: OUTCOMES[at % OUTCOMES.length]!, requests }
    }
  }

  /** The durations of each route that has answered. */
  *durations(): Generator<RouteDurations> {
    const width = COARSE_BOUNDS.length + 1
    for (const [at, { path: route }] of this.#routes.entries()) {
      const counts = this.#durations.subarray(at * width, (at + 1) * width)
      if (counts.some((count) => count > 0)) yield { route, counts, sumMs: this.#sumsMs[at]! }
    }
  }
}
