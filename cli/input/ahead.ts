/** Work on many things in their order, a few of them at once. */

/** What `work` makes of each item, in order, with at most `count` of them in hand. */
export async function* ahead<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  count: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const inHand: Promise<R>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      // A failure is met when its turn comes, not before.
      result.catch(() => undefined)
      inHand.push(result)
      if (inHand.length >= count) yield await inHand.shift()!
    }
    while (inHand.length > 0) yield await inHand.shift()!
  } finally {
    await Promise.allSettled(inHand)
  }
}
