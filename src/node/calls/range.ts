/** Resolves the range of a request against the size of the value (specs/007, "Ranges"). */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { RangeRequest } from '../node.ts'

/**
 * The requested bytes of a value of `size` bytes; all of them without a request. As in HTTP: an end
 * beyond the value means its end, and `last` beyond its size means all of it. Throws `range` if the
 * range holds no byte of the value.
 */
export function resolveRange(request: RangeRequest | undefined, size: number): ByteRange {
  if (request === undefined) return { start: 0, end: size }
  const range =
    'last' in request
      ? { start: Math.max(0, size - checked('last', request.last)), end: size }
      : {
          start: checked('start', request.start),
          end: request.end === undefined ? size : Math.min(size, checked('end', request.end)),
        }
  if ('end' in request && request.end !== undefined && request.end <= range.start) {
    throw new DstoreError('malformed-range', 'the range ends before it begins')
  }
  if (range.start >= range.end) {
    throw new DstoreError('range', `the range is beyond the end of the value (${size} bytes)`)
  }
  return range
}

function checked(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} must be a whole number`)
  return value
}
