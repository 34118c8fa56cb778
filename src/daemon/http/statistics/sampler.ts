/**
 * The last ten minutes as samples, one a second (specs/013-page.md, "Rules: events, transfers and
 * removals"). A state machine: its driver hands in the time, and the counts since the start.
 */
import { SAMPLES } from '../../../limits.ts'
import type { Sample } from '../../api/events.ts'
import { quantile } from './latencies.ts'

type Counted = Exclude<keyof Sample, 'at' | 'p50' | 'p99'>

/** What is counted from one sample to the next. */
const COUNTED: readonly Counted[] = [
  'bytesIn',
  'bytesOut',
  'peerIn',
  'peerOut',
  'ok',
  'refused',
  'failed',
  'hits',
  'misses',
]

/** Counts since the start of the daemon. */
export interface Totals extends Readonly<Record<Counted, number>> {
  /** Answers by duration. */
  readonly latencies: Float64Array
}

export class Sampler {
  readonly #samples: Sample[] = []
  #before: Totals
  #taken = 0
  #at = -Infinity

  constructor(start: Totals) {
    this.#before = copyOf(start)
  }

  /** Samples taken so far, also those that are forgotten. */
  get taken(): number {
    return this.#taken
  }

  /** Takes a sample. The wall clock may have been set back: `at` ascends all the same. */
  observe(wallMs: number, totals: Totals): void {
    this.#at = Math.max(Math.round(wallMs), this.#at + 1)
    const { latencies } = totals
    const took = latencies.map((count, bucket) => count - this.#before.latencies[bucket]!)
    const counts = Object.fromEntries(
      // A member of a set that becomes active again opens a node that counts from 0.
      COUNTED.map((what) => [what, Math.max(0, totals[what] - this.#before[what])]),
    ) as Record<Counted, number>
    this.#samples.push({
      at: this.#at,
      ...counts,
      p50: quantile(took, 0.5),
      p99: quantile(took, 0.99),
    })
    this.#taken++
    if (this.#samples.length > SAMPLES) this.#samples.shift()
    this.#before = copyOf(totals)
  }

  /** The samples after the first `taken` ones, as far as they are kept. */
  since(taken: number): readonly Sample[] {
    const missing = Math.min(this.#samples.length, this.#taken - taken)
    return missing <= 0 ? [] : this.#samples.slice(-missing)
  }
}

const copyOf = (totals: Totals): Totals => ({ ...totals, latencies: totals.latencies.slice() })
