/** Cancellation and argument checks that all calls of the library share. */
import { setMaxListeners } from 'node:events'
import { throwIfCancelled } from '../errors.ts'
import { LONGEST_TIMEOUT_MS } from '../limits.ts'
import type { CallOptions, RangeRequest } from '../node/node.ts'

/** Yields the items until the signal is aborted; then throws `cancelled`. */
export async function* eachCancellable<T>(
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

/** Returns the options; TypeError or RangeError for invalid ones. */
export function checkOptions<Options extends CallOptions & { readonly range?: RangeRequest }>(
  options: Options,
): Options {
  const { signal, timeoutMs, range } = options
  if (signal !== undefined) {
    if (!(signal instanceof AbortSignal)) {
      throw new TypeError('options.signal must be an AbortSignal')
    }
    // Many calls may share one signal, which Node would report as a leak.
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

const isCount = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most
