import type { ExecutionContext } from 'ava'

/** Asserts equal bytes. `t.deepEqual` takes seconds a megabyte and prints both on a difference. */
export function sameBytes(
  t: ExecutionContext,
  actual: Uint8Array,
  expected: Uint8Array,
  message?: string,
): void {
  t.is(actual.byteLength, expected.byteLength, message)
  t.is(Buffer.compare(actual, expected), 0, message)
}
