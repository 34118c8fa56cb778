/** The `Range` header of one value (RFC 9110, section 14.2; specs/007, "Ranges"). */
import { DstoreError } from '../../errors.ts'
import type { RangeRequest } from '../../node/node.ts'

/**
 * The requested range; undefined for the whole value: without a header, for a unit other than
 * bytes, and for several ranges, which a server may ignore. Throws `malformed-range` for a list
 * that holds a reversed or unreadable range, or none.
 */
export function parseRangeHeader(header: string | undefined): RangeRequest | undefined {
  if (header === undefined) return undefined
  const [unit, set] = split(header)
  if (unit.toLowerCase() !== 'bytes') return undefined
  // A list may have empty elements (RFC 9110, section 5.6.1.2).
  const elements = set.split(',').map((element) => element.trim())
  const ranges = elements.filter((element) => element !== '').map(parseRange)
  if (ranges.length === 0) throw malformed(header)
  return ranges.length === 1 ? ranges[0] : undefined
}

function parseRange(text: string): RangeRequest {
  const match = /^(\d*)-(\d*)$/.exec(text)
  if (match === null || text === '-') throw malformed(text)
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: count(last) }
  const start = count(first)
  if (last === '') return { start }
  const end = count(last) + 1
  if (end <= start) throw new DstoreError('malformed-range', `the range is reversed: ${text}`)
  return { start, end }
}

function split(header: string): [unit: string, set: string] {
  const at = header.indexOf('=')
  if (at === -1) throw malformed(header)
  return [header.slice(0, at).trim(), header.slice(at + 1).trim()]
}

function malformed(text: string): DstoreError {
  return new DstoreError('malformed-range', `not a range of bytes: ${text}`)
}

/** Clamps to a number that no value reaches: beyond the end, all numbers mean the same. */
function count(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1)
}
