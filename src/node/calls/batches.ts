/** Many small things in few messages. */
import { BATCH_ITEMS, INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'

/** Runs of items for one message each: at most `BATCH_ITEMS` and `mostBytes`, but at least one. */
export function* batchesOf<T>(
  items: readonly T[],
  sizeOf: (item: T) => number = () => 0,
  mostBytes = 0,
): Generator<readonly T[]> {
  for (let at = 0; at < items.length;) {
    let to = at
    for (let bytes = 0; to < items.length && to - at < BATCH_ITEMS; to++) {
      bytes += sizeOf(items[to]!)
      if (bytes > mostBytes && to > at) break
    }
    yield items.slice(at, to)
    at = to
  }
}

/**
 * Puts small values in batches, so many at once; results in order. `RangeError` if one is too large
 * to be inline.
 */
export async function putBatches<T>(
  values: readonly Uint8Array[],
  put: (batch: readonly Uint8Array[]) => Promise<readonly T[]>,
  atOnce = 1,
): Promise<T[]> {
  for (const { byteLength } of values) {
    if (byteLength > INLINE_VALUE_BYTES) {
      throw new RangeError(`values: one of ${byteLength} bytes; at most ${INLINE_VALUE_BYTES}`)
    }
  }
  const results: T[] = []
  const running: Promise<readonly T[]>[] = []
  for (const batch of batchesOf(values, ({ byteLength }) => byteLength, INLINE_ANSWER_BYTES)) {
    if (running.length >= atOnce) results.push(...(await running.shift()!))
    const batchPut = put(batch)
    batchPut.catch(() => undefined)
    running.push(batchPut)
  }
  for (const batchPut of running) results.push(...(await batchPut))
  return results
}
