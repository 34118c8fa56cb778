/** The `Range` header of one value (RFC 9110, section 14.2; specs/007, "Ranges"). */
import { DstoreError } from '../../errors.ts'
import type { RangeRequest } from '../../node/node.ts'

/**
 * The requested range; undefined without a header, or for a unit other than bytes, which RFC 9110
 * ignores. Throws `malformed-range` for a reversed, unreadable or second range.
 */
export function parseRangeHeader(header: string | undefined): RangeRequest | undefined {
  if (header === undefined) return undefined
  const [unit, set] = split(header)
  if (unit.toLowerCase() !== 'bytes') return undefined
  const match = /^(\d*)-(\d*)$/.exec(set)
  if (match === null || set === '-') {
    const several = set.includes(',')
    throw new DstoreError(
      'malformed-range',
      several ? 'one range at a time' : `not a range of bytes: ${header}`,
    )
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: count(last) }
  const start = count(first)
  if (last === '') return { start }
  const end = count(last) + 1
  if (end <= start) throw new DstoreError('malformed-range', `the range is reversed: ${header}`)
  return { start, end }
}

function split(header: string): [unit: string, set: string] {
  const at = header.indexOf('=')
  if (at === -1) throw new DstoreError('malformed-range', `not a range of bytes: ${header}`)
  return [header.slice(0, at).trim(), header.slice(at + 1).trim()]
}

/** Clamps to a number that no value reaches: beyond the end, all numbers mean the same. */
function count(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1)
}
