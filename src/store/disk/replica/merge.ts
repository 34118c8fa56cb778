/** Merges sorted rows of several sources, of which the newer ones hide the older. */
import type { RowChange } from '../records/row-pages.ts'

/**
 * The rows in the order of their ids, deletions included. Where several runs have a row, that of
 * the first run counts. Each run must be in order.
 */
export function merged(runs: readonly Iterable<RowChange>[]): Iterable<RowChange> {
  return runs.length === 1 ? runs[0]! : mergedRuns(runs)
}

function* mergedRuns(runs: readonly Iterable<RowChange>[]): Generator<RowChange> {
  const iterators = runs.map((run) => run[Symbol.iterator]())
  const next = (i: number): RowChange | undefined => {
    const { done, value } = iterators[i]!.next() as IteratorResult<RowChange, undefined>
    return done ? undefined : value
  }
  const heads = runs.map((_, i) => next(i))
  for (;;) {
    let least: RowChange | undefined
    for (const head of heads) {
      if (head === undefined) continue
      if (least === undefined || Buffer.compare(head.id, least.id) < 0) least = head
    }
    if (least === undefined) return
    yield least
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i]
      if (head !== undefined && Buffer.compare(head.id, least.id) === 0) heads[i] = next(i)
    }
  }
}
