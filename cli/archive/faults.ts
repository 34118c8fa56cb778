/** Which failures are of one value or name alone, and which would meet every other, too. */
import type { DstoreError, ErrorCode } from '../../src/errors.ts'

const OF_ONE: ReadonlySet<ErrorCode> = new Set([
  'not-found',
  'removed',
  'integrity',
  'unreadable',
  'usage',
  'malformed-key',
  'too-large',
  'conflict',
])

/** Is there no point in going on with the others? */
export function endsAll({ code }: DstoreError): boolean {
  return !OF_ONE.has(code)
}
