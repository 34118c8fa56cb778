/** The rate that a request bounds a fetch to. */
import { DstoreError } from '../../../errors.ts'
import { LEAST_RATE_BYTES } from '../../../limits.ts'
import type { PrefetchOptions } from '../../../node/node.ts'
import type { HttpCall } from '../call.ts'

/** `?max-rate=`, in bytes per second; `usage` below `LEAST_RATE_BYTES`. */
export function rateIn({ query }: HttpCall): Pick<PrefetchOptions, 'maxRate'> {
  const text = query.get('max-rate')
  if (text === null) return {}
  const maxRate = /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (maxRate >= LEAST_RATE_BYTES) return { maxRate }
  throw new DstoreError(
    'usage',
    `max-rate is a number of bytes per second, at least ${LEAST_RATE_BYTES}`,
  )
}
