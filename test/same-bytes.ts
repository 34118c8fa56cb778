import type { ExecutionContext } from 'ava'

/** Are they the same bytes? `t.deepEqual` takes seconds for each megabyte, and shows all of both where they differ. */
export function sameBytes(
  t: ExecutionContext,
  actual: Uint8Array,
  expected: Uint8Array,
  message?: string,
): void {
  t.is(actual.byteLength, expected.byteLength, message)
  t.is(Buffer.compare(actual, expected), 0, message)
}
