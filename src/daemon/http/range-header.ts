/** The `Range` header of one value (RFC 9110, section 14.2; specs/007, "Ranges"). */
import { DstoreError } from '../../errors.ts'
import type { RangeRequest } from '../../node/node.ts'

/**
 * The range that the header asks for. Undefined where there is none, and where its unit is not bytes: that is to be
 * ignored. Reversed, several or unreadable ranges are `malformed-range`; a suffix of nothing is `range`.
 */
export function parseRangeHeader(header: string | undefined): RangeRequest | undefined {
  if (header === undefined) return undefined
  const [unit, set] = split(header)
  if (unit.toLowerCase() !== 'bytes') return undefined
  const match = /^(\d{0,16})-(\d{0,16})$/.exec(set)
  if (match === null || set === '-') {
    const several = set.includes(',')
    throw new DstoreError(
      'malformed-range',
      several ? 'one range at a time' : `not a range of bytes: ${header}`,
    )
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') {
    if (count(last) === 0) throw new DstoreError('range', 'the last 0 bytes are no range')
    return { last: count(last) }
  }
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

/** No value ends beyond this, so a larger number asks for the same. */
function count(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1)
}
