/** The rate that a request bounds a fetch to. */
import { DstoreError } from '../../../errors.ts'
import { LEAST_RATE_BYTES } from '../../../limits.ts'
import type { PrefetchOptions } from '../../../node/node.ts'
import type { HttpCall } from '../call.ts'

/** The longest name of a group of calls that share a rate. */
const GROUP_CHARS = 64

/**
 * `?max-rate=`, in bytes per second; `usage` below `LEAST_RATE_BYTES`. Calls with the same
 * `?rate-group=` share it.
 */
export function rateIn({ query }: HttpCall): Pick<PrefetchOptions, 'maxRate' | 'rateGroup'> {
  const text = query.get('max-rate')
  if (text === null) return {}
  const maxRate = /^\d{1,15}$/.test(text) ? Number(text) : 0
  const group = query.get('rate-group')?.slice(0, GROUP_CHARS)
  if (maxRate >= LEAST_RATE_BYTES) return { maxRate, ...(group && { rateGroup: group }) }
  throw new DstoreError(
    'usage',
    `max-rate is a number of bytes per second, at least ${LEAST_RATE_BYTES}`,
  )
}
