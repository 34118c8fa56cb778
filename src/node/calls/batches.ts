/** Many small things in few messages. */
import { BATCH_ITEMS, INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'

/** Runs of items for one message each: at most `BATCH_ITEMS` and `mostBytes`, but at least one. */
export function* batchesOf<T>(
  items: Iterable<T>,
  sizeOf: (item: T) => number = () => 0,
  mostBytes = 0,
): Generator<readonly T[], void, undefined> {
  let batch: T[] = []
  let bytes = 0
  for (const item of items) {
    const size = sizeOf(item)
    if (batch.length > 0 && (batch.length >= BATCH_ITEMS || bytes + size > mostBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(item)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/** Asks about all batches, a few at once. The answers are in order. */
export async function askBatches<T, R>(
  batches: Iterable<readonly T[]>,
  ask: (batch: readonly T[]) => Promise<readonly R[]>,
  atOnce: number,
): Promise<R[]> {
  const answers: R[] = []
  const running: Promise<readonly R[]>[] = []
  for (const batch of batches) {
    if (running.length >= atOnce) answers.push(...(await running.shift()!))
    const asked = ask(batch)
    asked.catch(() => undefined)
    running.push(asked)
  }
  for (const asked of running) answers.push(...(await asked))
  return answers
}

/**
 * Puts small values in batches, `atOnce` of them at once; results in order. `RangeError` if one is
 * too large to be inline.
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
  const batches = batchesOf(values, ({ byteLength }) => byteLength, INLINE_ANSWER_BYTES)
  return askBatches(batches, put, atOnce)
}
