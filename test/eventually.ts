import { setTimeout as sleep } from 'node:timers/promises'

/** Wait until it is so; false where it did not become so in this time, in milliseconds. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(25)) {
    if (await check()) return true
  }
  return false
}
