/** How long Global may verify a value before it binds a name that spells a digest (R004-165). */
import { isDigestName } from '../../../hash/foreign-digest.ts'
import { CALL_TIMEOUT_MS, GIB, RESUME_SECONDS_PER_GIB } from '../../../limits.ts'
import type { CallOptions } from '../../node.ts'

/** The longest wait: timers take no more than 24 days. A Global that hangs is noticed sooner. */
const MOST_MS = 86_400_000

/** Of a value whose size is not known. */
const UNKNOWN_BYTES = 200 * GIB

/** How much longer a request may take that binds this name to a value of `size` bytes. */
export const verificationMs = (name: string | undefined, size: number = UNKNOWN_BYTES): number =>
  name === undefined || !isDigestName(name)
    ? 0
    : Math.min(MOST_MS, Math.ceil((size / GIB) * RESUME_SECONDS_PER_GIB * 1000))

/** The options of such a request: Global reads all of the value before it answers. */
export function whileVerified(options: CallOptions, name: string): CallOptions {
  const moreMs = verificationMs(name)
  const { timeoutMs = CALL_TIMEOUT_MS } = options
  return moreMs === 0 ? options : { ...options, timeoutMs: timeoutMs + moreMs }
}
