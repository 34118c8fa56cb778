/** How a request names a value and a part of it, for every client of the API. */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { RangeRequest } from '../../node/node.ts'
import { checkWellFormed } from '../../utf8.ts'

/** The path of a value, by its key or a name. */
export const valuePath = (keyOrName: string): string => `/v1/values/${segment(keyOrName)}`

/** A text as one segment of a path. */
export const segment = (text: string): string =>
  encodeURIComponent(checkWellFormed(text, 'the name'))

/** The value of the header `Range`. */
export function rangeHeader(range: RangeRequest): string {
  if ('last' in range) return `bytes=-${range.last}`
  return `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`
}

/** The part of a value that a response gives, by its header `Content-Range`. */
export function rangeGiven(header: string | undefined, size: number): ByteRange {
  const part = /^bytes (\d+)-(\d+)\//.exec(header ?? '')
  if (part === null) return { start: 0, end: size }
  return { start: Number(part[1]), end: Number(part[2]) + 1 }
}

/** HTTP answers a range from the start of an empty value with 200; a node refuses it. */
export function checkRangeOfEmpty(range: RangeRequest | undefined, size: number): void {
  if (range === undefined || size > 0) return
  throw new DstoreError('range', 'the range is beyond the end of the value (0 bytes)')
}
