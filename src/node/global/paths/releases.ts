/** Tells who holds a copy of a stored value that the value is released (specs/005, R005-88). */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../../store/store.ts'

export interface ReleaseWatch {
  /** Aborted, with the reason, before the removal is acknowledged. */
  readonly signal: AbortSignal
  readonly end: () => void
}

export class Releases {
  readonly #watches = new Map<Location, Set<AbortController>>()
  readonly #onReleased: (location: Location) => void

  constructor(onReleased: (location: Location) => void = () => undefined) {
    this.#onReleased = onReleased
  }

  watch(location: Location): ReleaseWatch {
    const aborter = new AbortController()
    const watches = this.#watches.get(location) ?? new Set()
    this.#watches.set(location, watches.add(aborter))
    const end = (): void => {
      watches.delete(aborter)
      if (watches.size === 0 && this.#watches.get(location) === watches) {
        this.#watches.delete(location)
      }
    }
    return { signal: aborter.signal, end }
  }

  /** The store has released the values at these locations. */
  released(locations: readonly Location[]): void {
    for (const location of locations) {
      const watches = this.#watches.get(location)
      this.#watches.delete(location)
      this.#onReleased(location)
      for (const aborter of watches ?? []) {
        aborter.abort(new DstoreError('removed', 'the value was removed'))
      }
    }
  }
}
