/** Large values by their size, so that one that is put again can be found (R005-68). */
import { PARALLEL_COPY_BYTES } from '../limits.ts'
import type { Location } from './store.ts'

/** Holds values of `PARALLEL_COPY_BYTES` and more: few enough to be kept in memory. */
export class SizeIndex {
  readonly #locations = new Map<number, Set<Location>>()

  add(location: Location, size: number): void {
    if (size < PARALLEL_COPY_BYTES) return
    const present = this.#locations.get(size)
    if (present === undefined) this.#locations.set(size, new Set([location]))
    else present.add(location)
  }

  remove(location: Location, size: number): void {
    const present = this.#locations.get(size)
    present?.delete(location)
    if (present?.size === 0) this.#locations.delete(size)
  }

  /** The locations of the values of exactly this size. */
  of(size: number): readonly Location[] {
    return [...(this.#locations.get(size) ?? [])]
  }
}
