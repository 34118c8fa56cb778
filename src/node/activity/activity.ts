/** What a node does now, as it counts and registers it itself. */
import { Traffic } from '../calls/traffic.ts'
import type { CacheStatus } from '../node-status.ts'
import type { ActivityCounts, NodeActivity, TransferList } from './node-activity.ts'
import { Transfers } from './transfers.ts'

export interface ActivityOptions {
  /** The reads of the cache; undefined without one. */
  readonly cache?: () => Pick<CacheStatus, 'hits' | 'misses'>
  /** See `TransfersOptions`. */
  readonly labelOf?: (peer: string) => string | undefined
  /** Monotonic milliseconds. */
  readonly now?: () => number
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

export class Activity implements NodeActivity {
  readonly traffic: Traffic = new Traffic()
  readonly moving: Transfers
  readonly #cache: ActivityOptions['cache']

  constructor(options: ActivityOptions = {}) {
    const { cache, now = () => performance.now(), wall = () => Date.now(), labelOf } = options
    this.moving = new Transfers({ now, wall, ...(labelOf && { labelOf }) })
    this.#cache = cache
  }

  counts(): ActivityCounts {
    const reads = this.#cache?.()
    return { ...this.traffic.totals(), ...(reads && { hits: reads.hits, misses: reads.misses }) }
  }

  get isBusy(): boolean {
    return this.moving.active > 0
  }

  transfers(): TransferList {
    return this.moving.list()
  }

  cancelTransfer(id: string): boolean {
    return this.moving.cancel(id)
  }
}
