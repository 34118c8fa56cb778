/** Calls in progress, which are cut once the token of their caller is revoked (R013-7). */
import { PAGE_LOOK_MS } from '../../../limits.ts'

interface Call {
  readonly isLive: () => boolean
  readonly cut: () => void
}

export class LiveCalls {
  readonly #calls = new Set<Call>()
  #looking: NodeJS.Timeout | undefined

  /** Calls `cut` soon after `isLive` has become false, unless the returned function is called. */
  watch(isLive: () => boolean, cut: () => void): () => void {
    const call = { isLive, cut }
    this.#calls.add(call)
    this.#looking ??= setInterval(() => this.#look(), PAGE_LOOK_MS).unref()
    return () => this.#calls.delete(call)
  }

  #look(): void {
    for (const { isLive, cut } of this.#calls) if (!isLive()) cut()
    // Not at each end of a call: short ones come one after another.
    if (this.#calls.size > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }
}
