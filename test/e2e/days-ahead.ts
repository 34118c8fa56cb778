/**
 * Preloaded into a daemon under test: its wall clock is ahead by `AHEAD_MS`, and with SIGUSR2
 * eleven minutes pass on every clock.
 */
import { isMainThread } from 'node:worker_threads'

const PASSED_MS = 11 * 60_000

if (isMainThread) {
  const [wall, monotonic] = [Date.now, performance.now.bind(performance)]
  const aheadMs = Number(process.env['AHEAD_MS'] ?? 0)
  let passedMs = 0
  Date.now = () => wall() + aheadMs + passedMs
  performance.now = () => monotonic() + passedMs
  process.on('SIGUSR2', () => {
    passedMs += PASSED_MS
  })
}
