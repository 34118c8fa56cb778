/** Cancellation and argument checks that all calls of the library share. */
import { setMaxListeners } from 'node:events'
import { throwIfCancelled } from '../errors.ts'
import { LEAST_RATE_BYTES, LONGEST_TIMEOUT_MS } from '../limits.ts'
import type { CallOptions, RangeRequest, RuleBounds } from '../node/node.ts'

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
export function checkOptions<Options extends CallOptions & Checked>(options: Options): Options {
  const { signal, timeoutMs, range, naming } = options
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
  const { maxRate } = options
  if (maxRate !== undefined && !isCount(maxRate, LEAST_RATE_BYTES, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`options.maxRate must be at least ${LEAST_RATE_BYTES} bytes per second`)
  }
  checkTerms('options', options)
  if (naming !== undefined) checkNaming(naming)
  return options
}

/** What some calls have beside the options of every call. */
interface Checked extends Terms {
  readonly range?: RangeRequest
  readonly maxRate?: number
  readonly naming?: Terms & { readonly kind?: string }
}

interface Terms {
  readonly expiresMs?: number
  readonly keepMs?: number
}

const NAMING: readonly string[] = ['kind', 'expiresMs', 'keepMs', 'asWriter']

/** A misspelled kind must not bind a name for good (R007-303). */
function checkNaming(naming: NonNullable<Checked['naming']>): void {
  if (typeof naming !== 'object' || naming === null) {
    throw new TypeError('options.naming must be an object')
  }
  const unknown = Object.keys(naming).find((field) => !NAMING.includes(field))
  if (unknown !== undefined) throw new TypeError(`options.naming has no ${unknown}`)
  const { kind } = naming
  if (kind !== undefined && kind !== 'fixed' && kind !== 'tag') {
    throw new TypeError(`options.naming.kind must be fixed or tag, not ${kind}`)
  }
  checkTerms('options.naming', naming)
}

/** RangeError for a time that no name can have. */
function checkTerms(of: string, { expiresMs, keepMs }: Terms): void {
  if (expiresMs !== undefined && !isCount(expiresMs, 1, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${of}.expiresMs must be a whole number of milliseconds, at least 1`)
  }
  if (keepMs !== undefined && !isCount(keepMs, 0, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${of}.keepMs must be a whole number of milliseconds`)
  }
}

/** Returns the bounds; TypeError or RangeError for a rule that bounds nothing. */
export function checkBounds(bounds: RuleBounds): RuleBounds {
  const { maxSize, maxAgeMs, unusedMs, maxNames, ...others } = bounds
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new TypeError(`a rule has no ${unknown}`)
  const all = Object.entries({ maxSize, maxAgeMs, unusedMs, maxNames })
  const given = all.filter(([, value]) => value !== undefined)
  if (given.length === 0) throw new TypeError('bounds must have at least one bound')
  for (const [name, value] of given) {
    if (!isCount(value!, 1, Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`bounds.${name} must be a whole number, at least 1`)
    }
  }
  return bounds
}

const isCount = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most
