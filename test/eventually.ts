import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Short, as some checks have to catch a transfer in its middle. */
const POLL_MS = 10

/** Notes what a check looked at, and returns it. */
export type Saw = <Seen>(seen: Seen) => Seen

/**
 * Wait until a check is true. The limit, in milliseconds, only ends a test that would hang: it is
 * long, as a busy machine is slow. Then it throws, and says what the check saw last.
 */
export async function eventually(
  check: (saw: Saw) => boolean | Promise<boolean>,
  ms = 60_000,
): Promise<true> {
  let last: unknown
  const saw: Saw = (seen) => {
    last = seen
    return seen
  }
  for (const end = performance.now() + ms; ; await sleep(POLL_MS)) {
    if (await check(saw)) return true
    if (performance.now() > end) break
  }
  const seen = last === undefined ? '' : `: it saw ${inspect(last)}`
  throw new Error(`not within ${ms / 1000} s${seen}\n${String(check)}`)
}
