/** The holdings of a Local, with a watch on what may change what pins stand for. */
import type { Held } from '../local/link-options.ts'

export interface HoldingsWatch {
  /** These names may stand for something else now; undefined: every name may. */
  moved(names: readonly string[] | undefined): void
}

/** The same holdings. The watch is called once a change was applied to them. */
export const watchedHoldings = (holdings: Held, watch: HoldingsWatch): Held => ({
  apply(removals, unbindings) {
    holdings.apply(removals, unbindings)
    if (unbindings.length > 0) watch.moved(unbindings.map(({ name }) => name))
  },
  reset() {
    const digests = holdings.reset()
    watch.moved(undefined)
    return digests
  },
  verified: (digest, incarnation) => holdings.verified(digest, incarnation),
  cut: (error) => holdings.cut(error),
})
