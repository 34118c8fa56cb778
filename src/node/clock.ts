/**
 * The clocks of a node (specs/004-index.md, "Clocks"). Both elapsed clocks never go back and count
 * the time that the machine sleeps, and each errs to its own side: what a node grants, it measures
 * with one that never runs ahead of real time; what it was granted, with one that never lags.
 *
 * On Linux the monotonic clock stands still while the machine sleeps. The up-time runs on, but is
 * coarse, and a container may exchange it. The wall clock runs on, but people and NTP set it. On
 * macOS the monotonic clock counts sleep, and the up-time is computed from the wall clock.
 */
import { uptime } from 'node:os'
import { PLATFORM, type Platform } from '../platform.ts'

/** How far the wall clock may move against the monotonic clock before that counts as sleep. */
const JITTER_MS = 100

/** How long the monotonic clock moves before the up-time, which is slow to read, is read again. */
const READ_UPTIME_MS = 10

/** The most that a difference of two coarse up-times may be off: some systems have only seconds. */
const UPTIME_ERROR_MS = 2000

export interface Clocks {
  /** Milliseconds that never go back, but may stand still while the machine sleeps. */
  readonly monotonic: () => number
  /** Milliseconds since the machine started. */
  readonly uptime: () => number
  /** Wall-clock milliseconds since 1970, which may jump. */
  readonly wall: () => number
}

export const SYSTEM_CLOCKS: Clocks = systemClocks(PLATFORM)

/**
 * The clocks of this machine. An up-time that is computed from the wall clock jumps with it, so
 * that a step would count as sleep (R004-60): the monotonic clock stands for it.
 */
export function systemClocks({ hasUptimeClock }: Pick<Platform, 'hasUptimeClock'>): Clocks {
  const monotonic = (): number => performance.now()
  return {
    monotonic,
    uptime: hasUptimeClock ? () => uptime() * 1000 : monotonic,
    wall: () => Date.now(),
  }
}

/** How far each clock moved. */
type Moved = Record<keyof Clocks, number>

/**
 * Milliseconds that never run ahead of real time. Sleep is what both the up-time and the wall clock
 * show beyond the monotonic clock, less the error of the up-time: a clock that jumps without the
 * other does not count.
 */
export function grantorClock(clocks: Clocks = SYSTEM_CLOCKS): () => number {
  return elapsedClock(clocks, ({ monotonic, uptime: up, wall }) => {
    return Math.max(0, Math.min(up - UPTIME_ERROR_MS, wall) - monotonic)
  })
}

/** Milliseconds that never lag: they advance by as much as the fastest of the clocks. */
export function holderClock(clocks: Clocks = SYSTEM_CLOCKS): () => number {
  return elapsedClock(clocks, ({ monotonic, uptime: up, wall }, isCoarse) => {
    const byUptime = up - monotonic > (isCoarse ? UPTIME_ERROR_MS : JITTER_MS) ? up - monotonic : 0
    const byWall = wall - monotonic > JITTER_MS ? wall - monotonic : 0
    return Math.max(byUptime, byWall)
  })
}

/** `asleep`: how long the machine slept while the clocks moved that far. */
function elapsedClock(
  clocks: Clocks,
  asleep: (moved: Moved, isCoarse: boolean) => number,
): () => number {
  let last = { monotonic: clocks.monotonic(), uptime: clocks.uptime(), wall: clocks.wall() }
  let sleptMs = 0
  return () => {
    const monotonic = clocks.monotonic()
    const wall = clocks.wall()
    const movedMs = Math.max(monotonic - last.monotonic, Math.abs(wall - last.wall))
    if (movedMs < READ_UPTIME_MS) return monotonic + sleptMs
    const next = { monotonic, wall, uptime: clocks.uptime() }
    const isCoarse = next.uptime % 1000 === 0 && last.uptime % 1000 === 0
    const moved = {
      monotonic: monotonic - last.monotonic,
      wall: wall - last.wall,
      uptime: next.uptime - last.uptime,
    }
    sleptMs += asleep(moved, isCoarse)
    last = next
    return monotonic + sleptMs
  }
}
