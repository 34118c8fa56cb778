/**
 * How often V8 collects. It counts the memory of values against the limit of a heap that is itself small, so that a cache
 * which fills up has all objects marked anew for every 20 MiB, though nothing in it is garbage: half of the processor
 * time of a transfer. With a heap that may grow further between two collections there are a few.
 */
import { setFlagsFromString } from 'node:v8'
import { HEAP_GROWTH_PERCENT } from '../limits.ts'

/** For this process, from its next collection on. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`)
}
