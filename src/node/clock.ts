/**
 * A clock for leases: it never goes back, and runs on while the machine sleeps (specs/004-index.md,
 * R004-50).
 */
import { uptime } from 'node:os'

/** Differences between clocks that are ignored, in milliseconds. */
const JITTER_MS = 100

/** The resolution of the system's up-time, in milliseconds. */
const UPTIME_GRAIN_MS = 10

export interface Clocks {
  /** Milliseconds that never go back, but may stand still while the machine sleeps. */
  readonly monotonic: () => number
  /** Milliseconds since the machine started. */
  readonly uptime: () => number
  /** Wall-clock milliseconds, which may jump. */
  readonly wall: () => number
}

const SYSTEM: Clocks = {
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1000,
  wall: () => Date.now(),
}

/** Milliseconds that advance by as much as the fastest of the clocks did since the last call. */
export function createClock(clocks: Clocks = SYSTEM): () => number {
  let last = read(clocks)
  let asleep = 0
  return () => {
    const monotonic = clocks.monotonic()
    const wall = clocks.wall()
    // Reading the up-time is slow, so only when it can have changed.
    const moved = Math.max(monotonic - last.monotonic, Math.abs(wall - last.wall))
    if (moved < UPTIME_GRAIN_MS) return monotonic + asleep
    const next = { monotonic, wall, uptime: clocks.uptime() }
    const passed = next.monotonic - last.monotonic
    const most = Math.max(next.uptime - last.uptime, next.wall - last.wall)
    if (most - passed > JITTER_MS) asleep += most - passed
    last = next
    return next.monotonic + asleep
  }
}

const read = ({ monotonic, uptime: up, wall }: Clocks) => ({
  monotonic: monotonic(),
  uptime: up(),
  wall: wall(),
})
