/** Splits many small items into few messages. */
import { BATCH_ITEMS, INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'

/** Consecutive batches, each as large as one message may carry. */
export function* batchesOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += BATCH_ITEMS) yield items.slice(at, at + BATCH_ITEMS)
}

/** Puts small values in batches, in order. Throws RangeError if one is too large. */
export async function putBatches<T>(
  values: readonly Uint8Array[],
  put: (batch: readonly Uint8Array[]) => Promise<readonly T[]>,
): Promise<T[]> {
  for (const { byteLength } of values) {
    if (byteLength > INLINE_VALUE_BYTES) {
      throw new RangeError(`values: one of ${byteLength} bytes; at most ${INLINE_VALUE_BYTES}`)
    }
  }
  const results: T[] = []
  for (let at = 0; at < values.length;) {
    let to = at
    for (let bytes = 0; to < values.length && to - at < BATCH_ITEMS; to++) {
      bytes += values[to]!.byteLength
      if (bytes > INLINE_ANSWER_BYTES) break
    }
    results.push(...(await put(values.slice(at, to))))
    at = to
  }
  return results
}
