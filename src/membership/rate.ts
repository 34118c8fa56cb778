/**
 * Counts recent events, per source and in all (specs/006-membership.md, "Limits"). No I/O.
 */

export interface RateOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Events in `windowMs`, of one source and of all. */
  readonly perSource: number
  readonly total: number
  readonly windowMs: number
  /** How many sources are remembered. */
  readonly remembered: number
}

/** In windows of fixed length; a source starts one with its first event after the last window. */
export class Rate {
  readonly #options: RateOptions
  readonly #sources = new Map<string, { since: number; count: number }>()
  #total = { since: -Infinity, count: 0 }

  constructor(options: RateOptions) {
    this.#options = options
  }

  add(source: string): void {
    const { now, windowMs, remembered } = this.#options
    const at = now()
    const window = this.#sources.get(source)
    const current = window !== undefined && at - window.since < windowMs
    this.#sources.delete(source)
    this.#sources.set(
      source,
      current ? { ...window, count: window.count + 1 } : { since: at, count: 1 },
    )
    if (this.#sources.size > remembered) this.#sources.delete(this.#sources.keys().next().value!)
    if (at - this.#total.since >= windowMs) this.#total = { since: at, count: 0 }
    this.#total.count++
  }

  /** Has this source, or all together, reached its limit? */
  isSpent(source: string): boolean {
    const { now, windowMs, perSource, total } = this.#options
    const at = now()
    const window = this.#sources.get(source)
    if (window !== undefined && at - window.since < windowMs && window.count >= perSource)
      return true
    return at - this.#total.since < windowMs && this.#total.count >= total
  }
}

/** The part of an address that one owner has: all of IPv4, the first 64 bits of IPv6. */
export function networkOf(host: string): string {
  if (!host.includes(':') || host.includes('.')) return host
  const [left = '', right] = host.split('%', 1)[0]!.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
