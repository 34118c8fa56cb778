/** What callers of the store get when the bucket fails. */
import { DstoreError, asDstoreError } from '../../errors.ts'

/** `no-space` stays: someone must make room in the bucket. */
const KEPT: ReadonlySet<string> = new Set(['no-space', 'cancelled', 'integrity', 'too-large'])

/**
 * Whatever the bucket answers, for who puts or reads a value it is away: a refusal of this node's
 * credentials is none of the caller's.
 */
export function bucketFault(error: unknown, doing: string, place: string, hint: string): Error {
  const fault = asDstoreError(error)
  if (KEPT.has(fault.code)) return fault
  const message = `cannot ${doing} in the bucket ${place}: ${fault.message}`
  return new DstoreError('unreachable', message, { cause: error, hint })
}
