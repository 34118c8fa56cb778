/** Preloaded into a daemon under test: SIGUSR2 sets its wall clock, and no other, 25 h forward. */
import { isMainThread } from 'node:worker_threads'

const STEP_MS = 25 * 3_600_000

if (isMainThread) {
  const system = Date.now
  let aheadMs = 0
  Date.now = () => system() + aheadMs
  process.on('SIGUSR2', () => {
    aheadMs += STEP_MS
  })
}
