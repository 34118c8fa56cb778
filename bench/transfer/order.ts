/** What the processes of the transfer benchmark say to each other. */

/** The parent's orders and their answers. Times are in milliseconds. */
export interface Measured {
  readonly ms: number
  /** Seconds of CPU of this process. */
  readonly cpu: number
  /** The largest resident set so far, and the longest block of the event loop. */
  readonly peakBytes: number
  readonly blockedMs: number
  readonly bytes: number
  readonly text: string
  /** The time of each request, if there were many. */
  readonly latencies: readonly number[]
}

export type Order =
  | {
      readonly do: 'open'
      readonly role: 'global' | 'local'
      /** Ticket of the Global. */
      readonly join?: string
      readonly through?: string
      readonly listen?: boolean
      readonly lanePort?: number
      readonly lanes?: boolean
      readonly cacheBytes?: number
      readonly store?: 'memory' | 'disk'
    }
  | { readonly do: 'put'; readonly bytes: number; readonly seed: number }
  | {
      readonly do: 'put-small'
      readonly bytes: number
      readonly count: number
      readonly seed: number
      readonly depth: number
    }
  | {
      readonly do: 'get'
      readonly key: string
      readonly bytesPerSecond?: number
      readonly mostBytes?: number
    }
  | {
      readonly do: 'ask-small'
      readonly call: 'get' | 'has'
      readonly keys: readonly string[]
      readonly depth: number
    }
  | {
      readonly do: 'take-small'
      readonly from: string
      readonly count: number
      readonly depth: number
    }
  | { readonly do: 'evict'; readonly keys: readonly string[] }
  | { readonly do: 'remove'; readonly key: string }
  | { readonly do: 'address' }
  /** Usage so far: `cpu`, `peakBytes`, and `bytes` sent. */
  | { readonly do: 'usage' }
  | { readonly do: 'give'; readonly bytes: number; readonly plainly?: boolean }
  | {
      readonly do: 'take'
      readonly how: 'plain' | 'bare' | 'unverified' | 'verified' | 'tcp'
      readonly over?: 'noise' | 'lane'
      readonly from: string
      readonly value: { digest: string; size: number }
    }
