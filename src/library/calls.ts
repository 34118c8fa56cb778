/** What holds for every call: it can be cancelled, whoever does the work, and its bounds are checked. */
import { setMaxListeners } from 'node:events'
import { DstoreError, throwIfCancelled } from '../errors.ts'
import { LONGEST_TIMEOUT_MS } from '../limits.ts'
import { untilAborted } from '../deadline.ts'
import type { CallOptions, RangeRequest } from '../node/node.ts'

/** The outcome of a call that need not be waited for once it is cancelled. */
export async function unlessCancelled<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return toTheEnd(signal, async () =>
    signal === undefined ? work() : untilAborted(work(), signal),
  )
}

/** The outcome of a call that sees to its signal itself: what it undoes is undone when this rejects. */
export async function toTheEnd<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  throwIfCancelled(signal)
  try {
    return await work()
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  }
}

/** The same for what comes piece by piece. */
export async function* eachUnlessCancelled<T>(
  signal: AbortSignal | undefined,
  items: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  throwIfCancelled(signal)
  try {
    yield* items
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  }
  throwIfCancelled(signal)
}

/** The options themselves; TypeError or RangeError for what no call can follow. */
export function checkOptions<Options extends CallOptions & { readonly range?: RangeRequest }>(
  options: Options,
): Options {
  const { signal, timeoutMs, range } = options
  if (signal !== undefined) {
    if (!(signal instanceof AbortSignal)) {
      throw new TypeError('options.signal must be an AbortSignal')
    }
    // One signal for any number of calls at once is no leak.
    setMaxListeners(0, signal)
  }
  if (timeoutMs !== undefined && !isCount(timeoutMs, 1, LONGEST_TIMEOUT_MS)) {
    throw new RangeError(`options.timeoutMs must be 1 to ${LONGEST_TIMEOUT_MS} milliseconds`)
  }
  for (const [name, bytes] of Object.entries(range ?? {})) {
    if (bytes !== undefined && !isCount(bytes, 0, Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`options.range.${name} must be a whole number of bytes`)
    }
  }
  return options
}

export function closed(): DstoreError {
  return new DstoreError('unreachable', 'it was closed')
}

const isCount = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most
