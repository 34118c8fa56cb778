/**
 * How V8 keeps the heap of a daemon. All flags are read when they matter, not once at the start, so that a process may
 * set them for itself.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { MIB } from '../../limits.ts'

/** How far the JavaScript heap may grow over what was in use after a collection, in percent, before the next. */
const HEAP_GROWTH_PERCENT = 400

/** What the young objects of a daemon may take, in both halves of their space together. */
const YOUNG_BYTES = 32 * MIB

/** For the process of a daemon, once. */
export function setUpHeap(): void {
  letHeapGrow()
  collectYoungAlone()
  makeAllYoung()
  boundYoung(YOUNG_BYTES)
}

/**
 * Collect seldom. V8 counts the memory of values against the limit of a heap that is itself small, so that a cache which
 * fills up has all objects marked anew for every 20 MiB, though nothing in it is garbage: half of the processor time of
 * a transfer. With a heap that may grow further between two collections there are a few. From the next collection on.
 */
function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`)
}

/**
 * Collect young objects on one thread. Next to nothing of them is alive, a millisecond's work for every few dozen MiB that a
 * stream brings: to wake four threads for it costs more, and takes the cores from those that prove and encrypt.
 */
function collectYoungAlone(): void {
  setFlagsFromString('--no-parallel-scavenge')
}

/**
 * Make no object old. Where objects of a kind outlived two collections V8 makes the next of them old: those of a list,
 * when they come at a bad moment. They are garbage as soon as the list has been sent, but until the old are looked at, which
 * is seldom, they keep alive what they refer to: the whole list.
 */
function makeAllYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

/**
 * Let the room for young objects grow to so many bytes, and no further. Newer versions of V8 let it grow to twice of
 * `YOUNG_BYTES`, and a daemon with it, by what was garbage long ago. Looked at after each collection, since V8 makes it
 * smaller when little happens; where it has grown twice until then, it is too large for once.
 */
export function boundYoung(bytes: number): void {
  let mayGrow = true
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    const isBelow = young === undefined || young.space_size < bytes
    if (isBelow === mayGrow) return
    mayGrow = isBelow
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`)
  }).observe({ entryTypes: ['gc'] })
}
