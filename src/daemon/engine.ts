/**
 * How Node's engine runs a daemon. Its own choices are for programs that make objects; a daemon makes few, and moves memory
 * that the engine does not see, but counts.
 */
import { setFlagsFromString } from 'node:v8'
import { HEAP_GROWTH_PERCENT, YOUNG_MIB } from '../limits.ts'

/**
 * What a daemon's process is started with, for it counts only then. Arrays that Node makes for what it read are let go of
 * when the young among the objects are looked at. Where there is room for many, they are still there when their memory has
 * come to a limit, and the engine marks the whole heap, again and again: a third of the time of a transfer on Node 24.
 */
export const START_FLAGS: readonly string[] = [`--max-semi-space-size=${YOUNG_MIB}`]

const FLAGS = [
  // The memory of values counts against the limit of a heap that is itself small, so that a cache which fills up has all
  // objects marked anew for every 20 MiB, though nothing in it is garbage. With a heap that may grow further between two
  // collections there are a few.
  `--heap-growing-percent=${HEAP_GROWTH_PERCENT}`,
  // Little survives among the young: to wake other threads for it costs more than to do it.
  '--no-parallel-scavenge',
]

/** For this process, from now on. */
export function setEngine(): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
}
