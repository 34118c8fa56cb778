/** Fetches all of a value into the cache, at a rate if one is given. */
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Transfers } from '../activity/transfers.ts'
import type { Transfer } from '../activity/transfer.ts'
import type { CallOptions, GetOptions, ReadableValue } from '../node.ts'
import type { Pace } from './pace.ts'

export interface FetchWholeOptions extends CallOptions {
  readonly pace?: Pace | undefined
}

export interface FetchInto {
  /** Finds a value, or a range of it, and keeps what is read in the cache. */
  readonly get: (key: Key, options: GetOptions) => Promise<ReadableValue>
  /** Protects what is held of a value from eviction. */
  readonly use: (key: Key) => (() => void) | undefined
  /** Whether the cache has all of a range. */
  readonly isHeld: (key: Key, range: ByteRange) => boolean
  /** Where a fetch in steps is listed. */
  readonly moving: () => Pick<Transfers, 'beginStepwise'>
}

/** Errors: those of `get`. */
export async function fetchWhole(
  { get, use, isHeld, moving }: FetchInto,
  key: Key,
  { pace, onProgress, ...options }: FetchWholeOptions,
): Promise<void> {
  const whole = await get(key, options)
  const { size: totalBytes } = whole
  let doneBytes = 0
  const drain = async ({ bytes }: ReadableValue): Promise<void> => {
    for await (const part of bytes) {
      doneBytes += part.byteLength
      onProgress?.({ phase: 'fetch', doneBytes, totalBytes })
    }
  }
  if (pace === undefined) return drain(whole)
  const cancelling = new AbortController()
  const { signal: left } = options
  const signal = AbortSignal.any([cancelling.signal, ...(left === undefined ? [] : [left])])
  let listed: Transfer | undefined
  let release: (() => void) | undefined
  try {
    // A small value counts as well, though it came with the answer.
    if (totalBytes <= pace.stepBytes) {
      if (!isHeld(key, whole.range)) await pace.take(totalBytes, signal)
      return await drain(whole)
    }
    for (let start = 0; start < totalBytes; start += pace.stepBytes) {
      const end = Math.min(totalBytes, start + pace.stepBytes)
      if (!isHeld(key, { start, end })) {
        listed ??= moving().beginStepwise(key, totalBytes, (reason) => cancelling.abort(reason))
        await pace.take(end - start, signal)
      }
      await drain(await get(key, { ...options, signal, range: { start, end } }))
      release ??= use(key)
    }
  } finally {
    listed?.end()
    release?.()
  }
}
