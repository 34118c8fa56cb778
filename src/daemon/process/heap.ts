/**
 * Tuning of V8's heap for a daemon. V8 reads these flags whenever they matter, so a running process
 * can set them.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { MIB } from '../../limits.ts'

/**
 * Growth of the JavaScript heap from one full collection to the next, in percent of its live size.
 * Less where that is more than `GARBAGE_BYTES`, as in a cache of many small values; but a large
 * heap is not marked again for little.
 */
const HEAP_GROWTH_PERCENT = 400
const LEAST_GROWTH_PERCENT = 50
const GARBAGE_BYTES = 96 * MIB

/** Size of the young generation, both semi-spaces together. */
const YOUNG_BYTES = 32 * MIB

/** Call it once, in the process of a daemon. */
export function setUpHeap(): void {
  // V8 counts the memory of values against the limit of the small heap. While a cache fills, it
  // would mark all objects again for every 20 MiB and find no garbage: half of the CPU time of a
  // transfer. Takes effect from the next collection.
  boundGarbage()
  // Few young objects survive: a millisecond of work for every few dozen MiB of a stream. Waking
  // four threads costs more, and takes cores from hashing and encryption.
  setFlagsFromString('--no-parallel-scavenge')
  // V8 allocates objects of an allocation site as old once earlier ones survived two collections,
  // such as the items of a list that two collections interrupt. They are garbage once the list is
  // sent, but keep all that they refer to alive until the old generation is collected, which is
  // seldom.
  setFlagsFromString('--no-allocation-site-pretenuring')
  boundYoung(YOUNG_BYTES)
}

/** The growth for an old generation of this many bytes, in percent. */
export function growthPercent(usedBytes: number): number {
  const percent = Math.floor((100 * GARBAGE_BYTES) / Math.max(1, usedBytes))
  return Math.min(HEAP_GROWTH_PERCENT, Math.max(LEAST_GROWTH_PERCENT, percent))
}

/**
 * Bounds the garbage of the old generation. V8 reads the flag at the end of a full collection, when
 * it is too late to say how much is live. So the flag follows what is used.
 */
function boundGarbage(): void {
  let set = HEAP_GROWTH_PERCENT
  setFlagsFromString(`--heap-growing-percent=${set}`)
  new PerformanceObserver(() => {
    let used = 0
    for (const { space_name, space_used_size } of getHeapSpaceStatistics()) {
      if (!space_name.startsWith('new')) used += space_used_size
    }
    const percent = growthPercent(used)
    if (percent === set) return
    set = percent
    setFlagsFromString(`--heap-growing-percent=${set}`)
  }).observe({ entryTypes: ['gc'] })
}

/**
 * Bounds the young generation. Newer versions of V8 let it grow to twice `YOUNG_BYTES`, and the
 * daemon with it, by garbage. Checked after each collection, because V8 shrinks it when idle; if it
 * grows twice in between, it exceeds the bound until the next one.
 */
export function boundYoung(bytes: number): void {
  let mayGrow = true
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    const mayStillGrow = young === undefined || young.space_size < bytes
    if (mayStillGrow === mayGrow) return
    mayGrow = mayStillGrow
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`)
  }).observe({ entryTypes: ['gc'] })
}
