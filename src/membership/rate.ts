/** How often something happened lately, by who it was and in all (specs/006-membership.md, "Limits"): no I/O. */

export interface RateOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** What one may do, and what all may do, in `windowMs`. */
  readonly perOne: number
  readonly inAll: number
  readonly windowMs: number
  /** Of how many it is remembered. */
  readonly remembered: number
}

/** In windows of fixed length, begun anew by whoever comes after the end of his last. */
export class Rate {
  readonly #options: RateOptions
  readonly #ones = new Map<string, { since: number; count: number }>()
  #all = { since: -Infinity, count: 0 }

  constructor(options: RateOptions) {
    this.#options = options
  }

  add(one: string): void {
    const { now, windowMs, remembered } = this.#options
    const at = now()
    const window = this.#ones.get(one)
    const current = window !== undefined && at - window.since < windowMs
    this.#ones.delete(one)
    this.#ones.set(one, current ? { ...window, count: window.count + 1 } : { since: at, count: 1 })
    if (this.#ones.size > remembered) this.#ones.delete(this.#ones.keys().next().value!)
    if (at - this.#all.since >= windowMs) this.#all = { since: at, count: 0 }
    this.#all.count++
  }

  /** Is it enough for now, of this one or of all? */
  isSpent(one: string): boolean {
    const { now, windowMs, perOne, inAll } = this.#options
    const at = now()
    const window = this.#ones.get(one)
    if (window !== undefined && at - window.since < windowMs && window.count >= perOne) return true
    return at - this.#all.since < windowMs && this.#all.count >= inAll
  }
}

/** What one owner is taken to have: an IPv4 address, or the 64 bits that begin an IPv6 address. */
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
