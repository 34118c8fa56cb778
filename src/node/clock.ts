/** Time as leases need it: it never goes back, and runs on while the machine sleeps (specs/004-index.md, "Leases"). */
import { uptime } from 'node:os'

/** Clocks that differ by less than this between two looks are held to agree, in milliseconds. */
const JITTER_MS = 100

/** The system counts its up-time in hundredths of a second. */
const UPTIME_GRAIN_MS = 10

export interface Clocks {
  /** Milliseconds that never go back; may stand still while the machine sleeps. */
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

/** Milliseconds that grow by the most that any of the clocks has gone on since the last look. */
export function createClock(clocks: Clocks = SYSTEM): () => number {
  let last = read(clocks)
  let asleep = 0
  return () => {
    const monotonic = clocks.monotonic()
    const wall = clocks.wall()
    // To ask the system for its up-time costs as much as to move a group: not before it can have changed.
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
