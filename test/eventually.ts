import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Short at first, as some checks have to catch a transfer in its middle. */
const POLL_MS = 10
const LONGEST_POLL_MS = 50

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
  const begin = performance.now()
  for (let waited = 0; waited <= ms; waited = performance.now() - begin) {
    if (await check(saw)) return true
    await sleep(Math.min(LONGEST_POLL_MS, Math.max(POLL_MS, waited / 50)))
  }
  const seen = last === undefined ? '' : `: it saw ${inspect(last)}`
  throw new Error(`not within ${ms / 1000} s${seen}\n${String(check)}`)
}
