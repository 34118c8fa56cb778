/** Calls that are begun ahead of a loop that takes their results in order. */

/**
 * Yields the result of each item's call in order, with up to `most` of them in progress or waiting
 * to be taken. At an error, or when the caller leaves, `discard` gets the results that were not
 * taken.
 */
export async function* ahead<Item, Result>(
  items: Iterable<Item>,
  most: number,
  begin: (item: Item) => Promise<Result>,
  discard: (result: Result) => unknown,
): AsyncGenerator<Result, void, undefined> {
  const waiting: Promise<Result>[] = []
  const left = items[Symbol.iterator]()
  const fill = (): void => {
    while (waiting.length < most) {
      const next = left.next()
      if (next.done === true) return
      const result = begin(next.value)
      // Its error is thrown in its turn, and must not end the process before.
      result.catch(() => undefined)
      waiting.push(result)
    }
  }
  try {
    for (fill(); waiting.length > 0; fill()) yield await waiting.shift()!
  } finally {
    await Promise.allSettled(waiting.map(async (result) => discard(await result)))
  }
}
