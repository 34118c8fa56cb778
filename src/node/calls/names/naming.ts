/** How a caller wants a name bound, as messages say it (specs/004-index.md, R004-118). */
import { DstoreError } from '../../../errors.ts'
import type { Naming } from '../../../index/message.ts'
import type { BindOptions } from '../../node.ts'

/** How a name is to be bound, as a message says it; nothing for a fixed name without an expiry. */
export function namingOf(options: Options = {}): { naming?: Naming } {
  const { kind, expiresMs, keepMs, asWriter = false } = options
  if (kind !== 'tag' && expiresMs === undefined && keepMs === undefined) return {}
  return {
    naming: {
      ...(kind === 'tag' && { tag: true }),
      ...(expiresMs !== undefined && { expiresMs: checkMs('the time until expiry', expiresMs) }),
      ...(keepMs !== undefined && { keepMs: checkMs('the time to keep', keepMs) }),
      ...(asWriter && { asWriter }),
    },
  }
}

type Options = Pick<BindOptions, 'kind' | 'expiresMs' | 'keepMs' | 'asWriter'>

function checkMs(what: string, ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms
  throw new DstoreError('usage', `${what} is a whole number of milliseconds, not ${ms}`)
}
