/** A range of bytes as an argument, checked before a daemon is asked or started (R007-23). */
import { DstoreError } from '../../src/errors.ts'
import type { RangeRequest } from '../../src/node/node.ts'

/** `A-B`, inclusive; `A-` to the end; `-N` the last N bytes. Else `malformed-range`. */
export function parseRange(text: string): RangeRequest {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(text)
  if (match === null || text === '-') {
    throw new DstoreError('malformed-range', `not a range of bytes: ${text}`, {
      hint: 'write 0-99 for the first hundred bytes, 100- for the rest, -100 for the last hundred',
    })
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: Number(last) }
  if (last === '') return { start: Number(first) }
  if (Number(last) < Number(first)) {
    throw new DstoreError('malformed-range', `the range is reversed: ${text}`)
  }
  return { start: Number(first), end: Number(last) + 1 }
}
