/** A call that is refused with a code, and a message that says why. */
import type { ExecutionContext } from 'ava'

export async function refused(
  t: ExecutionContext,
  call: Promise<unknown>,
  code: string,
  message: RegExp,
): Promise<void> {
  const error = await t.throwsAsync(call, { message })
  t.like(error, { code })
}
