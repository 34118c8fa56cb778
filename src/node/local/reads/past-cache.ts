/** Reads values from Global past the cache, at the caller's pace: neither tier has room. */
import type { Key } from '../../../hash/key.ts'
import type { ByteRange } from '../../../hash/tree/tree.ts'
import type { Fact } from '../../../index/message.ts'
import { FETCH_RUN_BYTES, READ_SHARE_BYTES, SHARE_KEPT_BYTES } from '../../../limits.ts'
import type { Transfers } from '../../activity/transfers.ts'
import type { Beginning } from '../../activity/transfer.ts'
import { metered, type ByteBudgets } from '../../calls/byte-budget.ts'
import type { CallOptions, ReadableValue } from '../../node.ts'
import type { Fetcher } from '../../swarm/fetcher.ts'
import type { Holdings } from '../holdings.ts'
import type { Locator } from './locator.ts'
import type { ReadLimits } from './read-limits.ts'

export interface PastCacheOptions {
  readonly holdings: Holdings
  readonly fetcher: Fetcher
  readonly callers: ByteBudgets
  readonly locator: Locator
  readonly limits: ReadLimits
  readonly moving: Transfers
}

export class PastCache {
  readonly #options: PastCacheOptions

  constructor(options: PastCacheOptions) {
    this.#options = options
  }

  /** A value that the cache has no room for, with the bytes in Global's answer if it has them. */
  readable(key: Key, fact: Fact, range: ByteRange, options: CallOptions): ReadableValue {
    const { size, value } = fact
    const bytes =
      value === undefined
        ? this.read(key, size, range, options)
        : once(value.subarray(range.start, range.end))
    return { key, size, range, bytes }
  }

  read(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const share = Math.min(READ_SHARE_BYTES, 3 * (range.end - range.start))
    const bytes = this.#stream(key, size, range, options)
    return metered(bytes, share, this.#options.callers.forCall(options), SHARE_KEPT_BYTES)
  }

  async *#stream(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { locator, holdings, limits, fetcher, moving } = this.#options
    // Asked again, because time has passed since the call: from now on a removal ends the read.
    const read = await locator.locate(key, options, ({ incarnation }) =>
      holdings.reads.begin({ key, incarnation, isVoid: false }),
    )
    const limit = limits.deadline(options)
    const signal = AbortSignal.any([limit.signal, read.signal])
    const cancel: Beginning['cancel'] = (reason) => limit.cancel(reason)
    const transfer = moving.begin({ direction: 'in', key, size, cancel })
    try {
      for (let start = range.start; start < range.end; start += FETCH_RUN_BYTES) {
        const run = { start, end: Math.min(range.end, start + FETCH_RUN_BYTES) }
        limit.progress()
        for await (const bytes of fetcher.pass(key, size, run, signal)) {
          limit.pauseTimer()
          limits.check(read, limit)
          transfer.moved(fetcher.global, bytes.byteLength)
          yield bytes
          limit.progress()
        }
      }
    } finally {
      transfer.end()
      read.end()
      limit.clear()
    }
  }
}

export async function* once(part: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (part.byteLength > 0) yield part
}
